/* A fetch of many keys, in three rounds:
 *
 *   1  look up all keys, several under one lock; join the flights of those that are missing
 *   2  lead the flights of this thread, in one call of the batch loader
 *   3  wait for the flights that other threads lead
 *
 * All flights that it leads are completed before it waits: threads that wait for it get their
 * values, and two batches of the same keys cannot wait for each other.
 *
 * Without a batch loader it joins no flight in the first round: a loader may fetch a later key of
 * the call, which would look like a circle. The missing keys are fetched one after another. */
#include "cache/cache_clock.h"
#include "cache/cache_time.h"
#include "cache/fetch.h"
#include "cache/handle.h"
#include "cache/lead.h"
#include "cache/lookup.h"
#include "cache/memory.h"
#include "cache/refresh_queue.h"
#include "cache/scope.h"

#include "base/clock.h"
#include "base/error.h"

/* The values can be counted by an int. */
#define COUNT_MAX ((size_t)INT32_MAX / 64)

enum role {
	NONE,    /* the result is there */
	LEADS,   /* this thread loads it */
	FOLLOWS, /* another thread loads it, which may be this one */
	MISSED   /* it is fetched alone */
};

/* One of the keys. */
struct member {
	enum role role;
	struct sci_flight *flight; /* of a leader or a waiter */
	struct sci_made made;      /* of a leader */
	bool needs_refresh;
};

struct batch {
	struct sc_cache *cache;
	struct sci_source source;
	const struct sc_key *keys;
	struct sc_fetch_result *results;
	size_t count;
	struct sc_load **loads; /* of the keys that it leads, for the batch loader */
	struct member *members;
};

/* ---- Round 1 ---- */

/* Keys looked up together: their lines of the index are prefetched, and each lock is taken once. */
#define TOGETHER 16u

/* Some keys, ready to be looked up. */
struct group {
	size_t first, count;
	struct sci_lookup_key keys[TOGETHER];
	bool is_good[TOGETHER]; /* the key could be encoded */
};

static void fail(struct sc_fetch_result *result, int code, const char *what)
{
	result->outcome =
		sci_error_set(&result->error, code, 0, "%s%s", what, sc_result_text(code));
}

static void prepare(const struct batch *batch, struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		struct sci_lookup_key *key = &group->keys[i];
		int rc = sci_cache_key(batch->cache, batch->keys[group->first + i], key);
		group->is_good[i] = rc >= 0;
		if (rc < 0)
			fail(&batch->results[group->first + i], rc, "the key cannot be used: ");
		else
			sci_shard_expect(sci_cache_shard(batch->cache, key->name.hash), &key->name);
	}
}

static void look_up_locked(const struct batch *batch, struct sci_stripe *stripe, size_t at,
	const struct sci_name *name, int64_t now_ms)
{
	struct sc_fetch_result *result = &batch->results[at];
	struct member *member = &batch->members[at];

	sci_lock_assert_held(&stripe->lock);
	struct sci_answer answer = sci_answer_locked(batch->cache, stripe, name,
		&batch->source.wanted, now_ms, &result->value, &result->error);
	result->outcome = answer.result;
	member->needs_refresh = answer.needs_refresh;
	if (result->outcome)
		return;
	if (!batch->source.batch_loader) {
		member->role = MISSED;
		stripe->counts.misses--; /* counted when it is fetched */
		return;
	}
	switch (sci_flight_join(batch->cache, name, batch->cache->options.secret,
		&member->flight)) {
	case SCI_FLIGHT_LEADER:
		member->role = LEADS;
		break;
	case SCI_FLIGHT_WAITER:
		member->role = FOLLOWS;
		stripe->counts.load_waits++;
		break;
	case SCI_FLIGHT_NOMEM:
		fail(result, SC_E_NOMEM, "");
	}
}

/* Look up those in this stripe. Returns objects to be freed. */
static struct sci_object_link *look_up_in(const struct batch *batch, const struct group *group,
	struct sci_stripe *stripe, int64_t now_ms)
{
	sci_stripe_lock(stripe);
	for (size_t i = 0; i < group->count; i++)
		if (group->is_good[i] &&
			sci_cache_stripe(batch->cache, group->keys[i].name.hash) == stripe)
			look_up_locked(batch, stripe, group->first + i, &group->keys[i].name,
				now_ms);
	return sci_stripe_leave(stripe);
}

static struct sci_object_link *look_up(const struct batch *batch, struct group *group,
	int64_t now_ms)
{
	struct sci_object_link *to_free = NULL;
	struct sc_cache *cache = batch->cache;
	uint64_t stripes = 0; /* looked up */

	for (size_t i = 0; i < group->count; i++) {
		if (!group->is_good[i])
			continue;
		uint32_t number = sci_cache_stripe_number(cache, group->keys[i].name.hash);
		if (stripes >> number & 1)
			continue;
		stripes |= UINT64_C(1) << number;
		struct sci_object_link *first =
			look_up_in(batch, group, &cache->stripes[number], now_ms);
		sci_object_list_append(&first, to_free);
		to_free = first;
	}
	for (size_t i = 0; i < group->count; i++) {
		if (batch->members[group->first + i].needs_refresh)
			sci_refresh_request(cache, &group->keys[i].name);
		if (group->is_good[i])
			sci_key_fini(&group->keys[i]);
	}
	return to_free;
}

/* The keys take some KiB of stack, so this must not be on it when the loader runs. */
static __attribute__((noinline)) void look_up_all(const struct batch *batch)
{
	int64_t now_ms = sci_cache_lookup_ms(batch->cache);
	struct group group;

	for (size_t first = 0; first < batch->count; first += TOGETHER) {
		group.first = first;
		group.count = batch->count - first < TOGETHER ? batch->count - first : TOGETHER;
		prepare(batch, &group);
		sci_blob_release_list(look_up(batch, &group, now_ms));
	}
}

/* ---- Round 2 ---- */

static void conclude(const struct batch *batch, size_t at)
{
	struct sc_fetch_result *result = &batch->results[at];
	struct member *member = &batch->members[at];

	member->role = NONE;
	result->outcome = sci_made_conclude(batch->cache, member->flight, &member->made,
		&result->value, &result->error);
}

/* Returns the number of loads for the batch loader. */
static size_t open_loads(const struct batch *batch)
{
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct member *member = &batch->members[i];
		if (member->role != LEADS)
			continue;
		const struct sci_name name = sci_flight_name(member->flight);
		member->made = (struct sci_made){
			.result = SC_E_NOMEM,
			.load = sci_load_open(&name, batch->cache->options.secret),
		};
		if (!member->made.load) {
			conclude(batch, i);
			continue;
		}
		sci_lead_prepare(batch->cache, member->flight, &batch->source.wanted,
			member->made.load);
		batch->loads[count++] = member->made.load;
	}
	return count;
}

static void judge(const struct batch *batch, struct sci_made *made, int rc, uint64_t cost)
{
	struct sc_load *load = made->load;

	made->result = sci_lead_judge(load, sci_batch_result(load, rc));
	made->now_ms = sci_cache_now_ms(batch->cache);
	made->returned = true;
	if (batch->cache->options.load_time_is_cost && load->terms.cost == 0)
		load->terms.cost = cost;
}

static void lead_together(const struct batch *batch)
{
	size_t count = open_loads(batch);

	if (count == 0)
		return;
	int64_t began_us = sci_mono_us();
	int rc = batch->source.batch_loader(batch->loads, count, batch->source.context);
	int64_t took_us = sci_mono_us() - began_us;
	uint64_t cost = (uint64_t)took_us / count + 1;
	sci_usual_learn(&batch->cache->usual_load_us, took_us);
	sci_cache_time_advance();
	for (size_t i = 0; i < batch->count; i++)
		if (batch->members[i].role == LEADS)
			judge(batch, &batch->members[i].made, rc, cost);
	for (size_t i = 0; i < batch->count; i++)
		if (batch->members[i].role == LEADS)
			conclude(batch, i);
}

/* ---- Round 3 ---- */

static void fetch_alone(const struct batch *batch, size_t at)
{
	struct sc_fetch_result *result = &batch->results[at];

	result->outcome = sci_fetch(batch->cache, batch->keys[at], &batch->source, &result->value,
		&result->error);
}

static void follow(const struct batch *batch, size_t at)
{
	struct sc_fetch_result *result = &batch->results[at];
	struct member *member = &batch->members[at];

	member->role = NONE;
	result->outcome = sci_lead_follow(batch->cache, member->flight, &batch->source.wanted,
		&result->value, &result->error);
	if (result->outcome == 0)
		fetch_alone(batch, at);
}

static void fetch_the_rest(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->members[i].role == FOLLOWS)
			follow(batch, i);
		else if (batch->members[i].role == MISSED)
			fetch_alone(batch, i);
}

/* ---- The whole ---- */

/* The user's code did not return: fail the waiters of this batch. Its caller gets nothing. */
static void abandon(void *arg)
{
	const struct batch *batch = arg;

	for (size_t i = 0; i < batch->count; i++) {
		struct member *member = &batch->members[i];
		if (member->role == FOLLOWS)
			sci_flight_leave(member->flight);
		if (member->role != LEADS)
			continue;
		if (!member->made.load)
			member->made.result = SC_E_LOAD;
		else
			member->made.result = sci_lead_no_return(member->made.load);
		conclude(batch, i);
	}
	sc_fetch_results_release(batch->results, batch->count);
	sci_free(batch->members);
}

static int value_count(const struct batch *batch)
{
	int count = 0;

	for (size_t i = 0; i < batch->count; i++)
		count += batch->results[i].outcome > 0;
	return count;
}

static int fetch_many(struct batch *batch)
{
	size_t bytes = batch->count * sizeof batch->members[0];

	batch->members = sci_alloc_zeroed(bytes + batch->count * sizeof(void *));
	if (!batch->members)
		return SC_E_NOMEM;
	batch->loads = (struct sc_load **)(void *)((char *)batch->members + bytes);
	pthread_cleanup_push(abandon, batch);
	look_up_all(batch);
	lead_together(batch);
	fetch_the_rest(batch);
	pthread_cleanup_pop(0);
	sci_free(batch->members);
	return value_count(batch);
}

static __attribute__((noinline)) int fetch_many_in_context(struct batch *batch)
{
	struct sc_context outer;
	int rc;

	sc_context_enter(batch->source.entered, &outer);
	pthread_cleanup_push(sci_context_leave, &outer);
	rc = fetch_many(batch);
	pthread_cleanup_pop(1);
	return rc;
}

static void fail_all(struct sc_fetch_result *results, size_t count, int code)
{
	for (size_t i = 0; i < count; i++)
		fail(&results[i], code, "");
}

/* All but the text of the message, of which the first byte ends it. */
static void clear(struct sc_fetch_result *result)
{
	result->outcome = result->unused = 0;
	result->value = (struct sc_value){ 0 };
	memset(&result->error, 0, offsetof(struct sc_error, message) + 1);
	memset(result->error.reserved, 0, sizeof result->error.reserved);
	memset(result->reserved, 0, sizeof result->reserved);
}

int sc_cache_fetch_many(struct sc_cache *cache, const struct sc_key *keys, size_t count,
	const struct sc_fetch_options *options, struct sc_fetch_result *results)
{
	struct batch batch = { .cache = cache, .keys = keys, .results = results, .count = count };

	for (size_t i = 0; i < count; i++)
		clear(&results[i]);
	int rc = count > COUNT_MAX ? SC_E_TOO_LARGE
				   : sci_source_of(cache, options, &batch.source, NULL);
	if (rc == 0 && count > 0)
		rc = batch.source.entered ? fetch_many_in_context(&batch) : fetch_many(&batch);
	if (rc < 0)
		fail_all(results, count, rc);
	return rc;
}

void sc_fetch_results_release(struct sc_fetch_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sc_value_release(&results[i].value);
		clear(&results[i]);
	}
}
