/* The public interface of the cache against a model, an array of the stored entries in the order of
 * use. The test makes random calls to both, on one virtual clock; the results must be equal.
 *
 * The model learns from the statistics how many entries were evicted. With exact LRU it knows
 * which, as long as no entry expires and the index drops none. Otherwise any of its entries may be
 * missing in the cache, but no more than were evicted or dropped, and every other result must be
 * equal. */
#include "cache/cache_model.h"
#include "support/random.h"
#include "support/seeded_runs.h"

#include "base/hash.h"
#include "cache/fetch_with_loader.h"
#include "cache/cache_check.h"

#include <stdio.h>

#define MAINTAINED 100000

#define LRU      SC_POLICY_LRU
#define ADAPTIVE SC_POLICY_ADAPTIVE
#define ALL      (SCT_HOLD | SCT_OBJECTS | SCT_TERMS | SCT_RESIZES)

static const struct sct_model_config configs[] = {
	{ "all fit", 0, 2 << 20, 0, 0, ADAPTIVE, 3000, SCT_HOLD | SCT_OBJECTS },
	{ "all fit, with a ttl", 0, 2 << 20, 50, 0, ADAPTIVE, 3000, SCT_HOLD },
	{ "all fit, own times", 0, 2 << 20, 60, 30, ADAPTIVE, 3000,
		SCT_HOLD | SCT_TERMS | SCT_OBJECTS },
	{ "lru entries", 40, 2 << 20, 0, 0, LRU, 3000, 0 },
	{ "lru entries, held", 40, 2 << 20, 0, 0, LRU, 3000, SCT_HOLD | SCT_OBJECTS },
	{ "lru entries, resized", 40, 2 << 20, 0, 0, LRU, 3000,
		SCT_HOLD | SCT_OBJECTS | SCT_RESIZES },
	{ "few lru entries, held", 8, 2 << 20, 0, 0, LRU, 3000, SCT_HOLD },
	{ "one lru entry", 1, 2 << 20, 0, 0, LRU, 10000, SCT_OBJECTS },
	{ "lru bytes", 0, 64 << 10, 0, 0, LRU, 3000, 0 },
	{ "lru bytes, objects", 0, 64 << 10, 0, 0, LRU, 3000, SCT_OBJECTS },
	{ "lru bytes and entries", 30, 64 << 10, 0, 0, LRU, 6000, SCT_HOLD },
	{ "lru bytes, with a ttl", 0, 64 << 10, 50, 0, LRU, 3000, SCT_HOLD | SCT_TERMS },
	{ "lru bytes, idle", 0, 64 << 10, 0, 30, LRU, 3000, SCT_OBJECTS },
	{ "adaptive entries", 40, 2 << 20, 0, 0, ADAPTIVE, 3000, SCT_HOLD },
	{ "adaptive bytes", 0, 64 << 10, 0, 0, ADAPTIVE, 6000, SCT_HOLD },
	{ "adaptive bytes and entries", 30, 64 << 10, 0, 0, ADAPTIVE, 6000,
		SCT_HOLD | SCT_OBJECTS },
	{ "adaptive bytes, with a ttl", 0, 64 << 10, 50, 0, ADAPTIVE, 3000, SCT_HOLD },
	{ "adaptive bytes, idle", 0, 64 << 10, 0, 30, ADAPTIVE, 3000, SCT_HOLD },
	{ "adaptive bytes, everything", 0, 96 << 10, 90, 0, ADAPTIVE, 5000, ALL },
	{ "tiny", 10, 16 << 10, 20, 0, ADAPTIVE, 9000, SCT_HOLD },
	{ "tiny, everything", 10, 16 << 10, 0, 0, ADAPTIVE, 3000, ALL },
	{ "striped, all fit", 0, 4 << 20, 0, 0, ADAPTIVE, 3000,
		SCT_STRIPED | SCT_HOLD | SCT_OBJECTS },
	{ "striped, lru entries", 40, 2 << 20, 0, 0, LRU, 3000, SCT_STRIPED | SCT_HOLD },
	{ "striped, everything", 0, 512 << 10, 90, 0, ADAPTIVE, 12000, SCT_STRIPED | ALL },
};

/* ---- Calls ---- */

static void do_release(int number)
{
	(void)number;
	if (sct_model.hold_count == 0)
		return;
	struct sct_model_hold *hold = &sct_model.holds[sct_model_below(sct_model.hold_count)];
	sct_model_assert_content(&hold->entry, hold->value.data, hold->value.len);
	if (hold->entry.object)
		hold->entry.object->holders--;
	sc_value_release(&hold->value);
	*hold = sct_model.holds[--sct_model.hold_count];
}

static int put_object(const struct sct_entry *entry, struct sc_key key,
	const struct sc_put_options *options)
{
	struct sc_object object = sct_object_for_cache(entry->object, entry->len);

	entry->object->is_given = true;
	int rc = sc_cache_put_object(sct_model.cache, key, &object, options);
	/* The caller still owns it. */
	if (rc < 0)
		entry->object->is_given = false;
	return rc;
}

static void do_put(int number)
{
	static unsigned char bytes[SCT_LARGE];
	struct sct_entry entry = sct_model_new_entry(number);
	struct sc_put_options options = { .size = sizeof options };
	struct sc_part parts[3];
	uint64_t before = sct_model_evicted();

	if (sct_model_has(SCT_TERMS) && sct_model_below(2))
		options = (struct sc_put_options){ .size = sizeof options,
			.ttl_ms = sct_model_some_time(),
			.tti_ms = sct_model_some_time(),
			.cost = sct_model_below(100) };
	sct_model_set_times(&entry, options.ttl_ms ? options.ttl_ms : sct_model.config->ttl_ms,
		options.tti_ms ? options.tti_ms : sct_model.config->tti_ms);
	sct_fill(bytes, entry.len, entry.version);
	int rc = entry.object ? put_object(&entry, sct_model_key(number, parts), &options)
			      : sc_cache_put_with(sct_model.cache, sct_model_key(number, parts),
					bytes, entry.len, &options);
	assert_true(rc == SC_OK || rc == SC_E_TOO_LARGE || rc == SC_E_NOMEM);
	assert_true(rc != SC_E_TOO_LARGE || entry.len > sct_model_fitting());
	assert_true(rc != SC_E_NOMEM || sct_model_is_held());
	sct_model_store(&entry, rc, sct_model_evicted() - before);
}

static void do_get(int number)
{
	static unsigned char buffer[SCT_LARGE];
	struct sc_part parts[3];
	size_t capacity = sct_model_below(4) ? sizeof buffer : sct_model_below(3000), len = 99;

	int rc =
		sc_cache_get(sct_model.cache, sct_model_key(number, parts), buffer, capacity, &len);
	const struct sct_entry *entry = sct_model_look_up(number, rc != SC_MISS);
	if (!entry || entry->object) {
		assert_int_equal(rc, entry ? SC_E_INVAL : SC_MISS);
		assert_int_equal(len, 0);
		return;
	}
	assert_int_equal(len, entry->len);
	assert_int_equal(rc, entry->len <= capacity ? SC_HIT : SC_E_TOO_LARGE);
	if (rc == SC_HIT)
		sct_model_assert_content(entry, buffer, len);
}

static void do_acquire(int number)
{
	struct sc_part parts[3];
	struct sc_value value;

	int rc = sc_cache_acquire(sct_model.cache, sct_model_key(number, parts), &value);
	assert_true(rc == SC_HIT || rc == SC_MISS);
	const struct sct_entry *entry = sct_model_look_up(number, rc == SC_HIT);
	if (!entry) {
		sct_assert_no_value(&value);
		return;
	}
	sct_model_assert_content(entry, value.data, value.len);
	sct_model_hold(&value, entry);
}

/* A peek changes nothing in the model, so it must not change the order of use, the idle times or
 * the statistics. */
static void do_peek(int number)
{
	const struct sct_entry *entry = sct_naive_find(&sct_model.naive, number);
	struct sc_part parts[3];
	struct sc_value value;

	int rc = sc_cache_peek(sct_model.cache, sct_model_key(number, parts), &value);
	if (rc == SC_MISS) {
		sct_assert_no_value(&value);
		assert_true(!entry || sct_model_has_expired(entry) || sct_model_may_miss(entry));
		return;
	}
	assert_int_equal(rc, SC_HIT);
	assert_true(entry && !sct_model_has_expired(entry));
	sct_model_assert_content(entry, value.data, value.len);
	sc_value_release(&value);
}

static void do_invalidate(int number)
{
	struct sct_entry *entry = sct_naive_find(&sct_model.naive, number);
	struct sc_part parts[3];

	int rc = sc_cache_invalidate(sct_model.cache, sct_model_key(number, parts));
	sct_model.expected.invalidations += rc == SC_HIT;
	if (rc == SC_HIT)
		assert_non_null(entry);
	else
		assert_true(rc == SC_MISS && (!entry || sct_model_may_miss(entry)));
	if (entry) {
		sct_model_assert_gone(entry);
		sct_naive_drop(&sct_model.naive, entry);
	}
}

static void do_clear(int number)
{
	(void)number;
	/* A load must be invalidated only where the loader's plan says so. */
	if (sct_model.depth > 0)
		return;
	sct_model.expected.invalidations += sct_stats(sct_model.cache).entries;
	sc_cache_clear(sct_model.cache);
	for (size_t i = 0; i < sct_model.naive.count; i++)
		sct_model_assert_gone(&sct_model.naive.entries[i]);
	sct_model.naive.count = 0;
	assert_int_equal(sct_stats(sct_model.cache).entries, 0);
}

static void do_pass_time(int number)
{
	sct_model.now_ms += number % 8;
}

static void do_resize(int number)
{
	const struct sct_model_config *config = sct_model.config;
	uint64_t before = sct_model_evicted(), least = sct_model_has(SCT_STRIPED) ? SCT_STRIPES : 1;

	(void)number;
	if (!sct_model_has(SCT_RESIZES) || sct_model_below(4))
		return;
	/* An outer load expects the present bounds when it stores its value. */
	if (sct_model.depth > 0)
		return;
	if (config->max_entries && sct_model_below(2))
		sct_model.max_entries =
			least + sct_model_below(config->max_entries * 2 - least + 1);
	sct_model.max_bytes = config->max_bytes * (3 + sct_model_below(6)) / 4;
	assert_int_equal(
		sc_cache_resize(sct_model.cache, sct_model.max_entries, sct_model.max_bytes, NULL),
		0);
	if (sct_model_is_exact())
		sct_model_evict(sct_model_evicted() - before);
	assert_int_equal(sct_stats(sct_model.cache).max_entries, sct_model.max_entries);
	assert_int_equal(sct_stats(sct_model.cache).max_bytes, sct_model.max_bytes);
}

/* With enough time, maintenance removes all expired entries. */
static void do_maintain(int number)
{
	uint64_t living = 0;

	if (number % 2) {
		assert_in_range(sc_cache_maintain(sct_model.cache, 0), 0, 1);
		return;
	}
	assert_int_equal(sc_cache_maintain(sct_model.cache, MAINTAINED), 0);
	for (size_t i = 0; i < sct_model.naive.count; i++) {
		if (sct_model_has_expired(&sct_model.naive.entries[i]))
			sct_model_assert_gone(&sct_model.naive.entries[i]);
		else
			living++;
	}
	assert_true(sct_stats(sct_model.cache).entries <= living);
}

/* ---- Fetching ---- */

enum plan {
	GIVE,
	GIVE_FOR_LONGER,
	GIVE_BUT_DO_NOT_STORE,
	FAIL,
	GIVE_NOTHING,
	CHANGE_MEANWHILE,
	PLANS
};

struct loading {
	enum plan plan;
	struct sct_entry entry;
	bool called, invalidated, is_there;
	int64_t ttl_ms, tti_ms;
	uint64_t evicted_before; /* the store after the load makes the further evictions */
};

static void step(void);

static void give(struct sc_load *load, const struct sct_entry *entry)
{
	void *data = NULL;

	if (entry->object) {
		struct sc_object object = sct_object_for_cache(entry->object, entry->len);
		entry->object->is_given = true;
		assert_int_equal(sc_load_set_object(load, &object), 0);
		return;
	}
	assert_int_equal(sc_load_reserve(load, entry->len, &data), 0);
	sct_fill(data, entry->len, entry->version);
}

static void change_meanwhile(struct loading *loading)
{
	loading->invalidated = true;
	if (sct_model_below(2))
		do_put(loading->entry.key);
	else
		do_invalidate(loading->entry.key);
}

static int load(struct sc_load *load, void *context)
{
	struct loading *loading = context;
	struct sct_entry *entry = &loading->entry;

	loading->called = true;
	assert_null(sct_model_look_up(entry->key, false));
	/* A loader may make any call; change_meanwhile() changes its own key. */
	for (sct_model.depth++; sct_model.depth < 4 && sct_model_below(3) == 0;)
		step();
	sct_model.depth--;
	if (loading->plan == CHANGE_MEANWHILE)
		change_meanwhile(loading);
	if (loading->plan == GIVE_NOTHING)
		return 0;
	give(load, entry);
	if (loading->plan == GIVE_FOR_LONGER) {
		sc_load_set_ttl_ms(load, loading->ttl_ms = sct_model_some_time());
		sc_load_set_tti_ms(load, loading->tti_ms = sct_model_some_time());
		sc_load_set_cost(load, sct_model_below(100));
	}
	if (loading->plan == GIVE_BUT_DO_NOT_STORE)
		sc_load_set_ttl_ms(load, -1);
	loading->evicted_before = sct_model_evicted();
	return loading->plan == FAIL ? sc_load_fail(load, -3, "failed") : 0;
}

static void settle_model(struct loading *loading)
{
	bool given = loading->plan != FAIL && loading->plan != GIVE_NOTHING;

	sct_model.expected.loads += given;
	sct_model.expected.load_failures += !given;
	if (!given || loading->invalidated || loading->plan == GIVE_BUT_DO_NOT_STORE)
		return;
	struct sc_cache_stats stats = sct_stats(sct_model.cache);
	bool rejected = stats.rejected > sct_model.expected.rejected;
	sct_model_set_times(&loading->entry, loading->ttl_ms, loading->tti_ms);
	sct_model_store(&loading->entry, rejected ? SC_E_NOMEM : SC_OK,
		stats.evictions - loading->evicted_before);
}

static void do_fetch(int number)
{
	struct loading loading = { .plan = sct_model_below(3) ? GIVE
							      : (enum plan)sct_model_below(PLANS),
		.entry = sct_model_new_entry(number),
		.ttl_ms = sct_model.config->ttl_ms,
		.tti_ms = sct_model.config->tti_ms };
	struct sc_error error = { 0 };
	struct sc_part parts[3];
	struct sc_value value;

	if (!sct_model_has(SCT_TERMS) && loading.plan == GIVE_FOR_LONGER)
		loading.plan = GIVE;
	/* A key being loaded must change only where the loader's plan says so. */
	sct_model.loading_now[number] = true;
	int rc = sct_fetch(sct_model.cache, sct_model_key(number, parts), load, &loading, &value,
		&error);
	sct_model.loading_now[number] = false;
	if (!loading.called) {
		assert_int_equal(rc, SC_HIT);
		const struct sct_entry *entry = sct_model_look_up(number, true);
		sct_model_assert_content(entry, value.data, value.len);
		sct_model_hold(&value, entry);
		return;
	}
	settle_model(&loading);
	if (loading.plan == FAIL || loading.plan == GIVE_NOTHING) {
		assert_int_equal(rc, SC_E_LOAD);
		assert_int_equal(error.user_code, loading.plan == FAIL ? -3 : 0);
		sct_assert_no_value(&value);
		return;
	}
	/* The caller gets the value, stored or not. */
	assert_int_equal(rc, SC_LOADED);
	sct_model_assert_content(&loading.entry, value.data, value.len);
	sc_value_release(&value);
}

/* The function of an update sees the current value, is called again if that changed meanwhile, and
 * may leave it unchanged. */
static int update(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);
	struct loading *loading = context;
	struct sct_entry *there = sct_model_look_up(loading->entry.key, old != NULL);

	if (old)
		sct_model_assert_content(there, old->data, old->len);
	loading->is_there = there != NULL;
	/* The update pins the old object, which the cache would free when it is replaced. */
	if (loading->plan == CHANGE_MEANWHILE && there && there->object)
		loading->plan = GIVE;
	if (loading->plan == CHANGE_MEANWHILE && !loading->invalidated) {
		sct_model.update_holds = old != NULL;
		change_meanwhile(loading);
		sct_model.update_holds = false;
		/* This value reaches no caller. */
		return sc_load_set_value(load, "too late!", 9);
	}
	if (loading->plan == GIVE_NOTHING || loading->plan == GIVE_BUT_DO_NOT_STORE)
		return loading->plan == GIVE_NOTHING ? 0 : SC_E_ABSENT;
	give(load, &loading->entry);
	loading->evicted_before = sct_model_evicted();
	return loading->plan == FAIL ? sc_load_fail(load, -3, "failed") : 0;
}

static void assert_updated(struct loading *loading, int rc, struct sc_value *value)
{
	struct sct_entry *there = sct_naive_find(&sct_model.naive, loading->entry.key);

	switch (loading->plan) {
	case FAIL:
		sct_model.expected.load_failures++;
		assert_int_equal(rc, SC_E_LOAD);
		break;
	case GIVE_NOTHING:
		assert_int_equal(rc, loading->is_there ? SC_HIT : SC_E_ABSENT);
		if (loading->is_there)
			sct_model_assert_content(there, value->data, value->len);
		sc_value_release(value);
		break;
	case GIVE_BUT_DO_NOT_STORE:
		sct_model.expected.load_absences++;
		sct_model.expected.invalidations += loading->is_there;
		assert_int_equal(rc, SC_E_ABSENT);
		if (there)
			sct_naive_drop(&sct_model.naive, there);
		break;
	default:
		assert_int_equal(rc, SC_LOADED);
		sct_model_assert_content(&loading->entry, value->data, value->len);
		sc_value_release(value);
		loading->invalidated = false;
		settle_model(loading);
	}
	sct_assert_no_value(value);
}

static void do_update(int number)
{
	struct loading loading = { .plan = (enum plan)sct_model_below(PLANS),
		.entry = sct_model_new_entry(number),
		.ttl_ms = sct_model.config->ttl_ms,
		.tti_ms = sct_model.config->tti_ms };
	struct sc_part parts[3];
	struct sc_value value;

	if (loading.plan == GIVE_FOR_LONGER)
		loading.plan = GIVE;
	int rc = sc_cache_update(sct_model.cache, sct_model_key(number, parts), update, &loading,
		&value, NULL);
	assert_updated(&loading, rc, &value);
}

/* A loader fetches a key that an outer load is loading. */
static void do_fetch_in_a_circle(int number)
{
	struct loading loading = { 0 };
	struct sc_part parts[3];
	struct sc_value value;

	assert_int_equal(sct_fetch(sct_model.cache, sct_model_key(number, parts), load, &loading,
				 &value, NULL),
		SC_E_CYCLE);
	assert_false(loading.called);
	sct_assert_no_value(&value);
	sct_model_look_up(number, false);
	sct_model.expected.load_waits++;
}

/* ---- Runs ---- */

static const struct sct_operation calls[] = {
	{ 300, do_put },
	{ 150, do_get },
	{ 150, do_acquire },
	{ 50, do_peek },
	{ 300, do_fetch },
	{ 50, do_update },
	{ 50, do_invalidate },
	{ 50, do_release },
	{ 100, do_pass_time },
	{ 10, do_resize },
	{ 10, do_maintain },
	{ 2, do_clear },
};

static void step(void)
{
	int number = (int)sct_model_below(SCT_KEYS);
	const struct sct_operation *operation =
		sct_pick_operation(calls, sizeof calls / sizeof calls[0], &sct_model.random);

	/* A change of a key that is being loaded would invalidate the load; only its plan may do
	 * that. */
	if (!sct_model.loading_now[number])
		operation->call(number);
	else if (operation->call == do_fetch)
		do_fetch_in_a_circle(number);
}

/* Counts the pinned values, each once. */
static unsigned values_held(void)
{
	unsigned held = 0;

	for (size_t i = 0; i < sct_model.hold_count; i++) {
		bool is_first = !sct_model.holds[i].entry.object;
		for (size_t j = 0; j < i; j++)
			is_first &= sct_model.holds[j].entry.version !=
				sct_model.holds[i].entry.version;
		held += is_first;
	}
	return held;
}

static void assert_figures(void)
{
	struct sc_cache_stats stats = sct_stats(sct_model.cache);
	const struct sc_cache_stats *expected = &sct_model.expected;

	assert_int_equal(stats.hits, expected->hits);
	assert_int_equal(stats.misses, expected->misses);
	assert_int_equal(stats.hits + stats.misses, sct_model.lookups);
	assert_int_equal(stats.loads, expected->loads);
	assert_int_equal(stats.load_failures, expected->load_failures);
	assert_int_equal(stats.load_waits, expected->load_waits);
	assert_int_equal(stats.puts, expected->puts);
	assert_int_equal(stats.rejected, expected->rejected);
	assert_int_equal(stats.invalidations, expected->invalidations);
	assert_true(stats.expired <= stats.misses);
	assert_true(stats.bytes <= stats.max_bytes + stats.pinned_bytes);
	assert_true(stats.entries <= sct_model.naive.count);
	/* Without a ttl, every missing entry was evicted. */
	if (!sct_model_expires())
		assert_true(sct_model.missed + sct_model.naive.count - stats.entries <=
			stats.evictions + stats.forgotten);
	if (sct_model.max_entries)
		assert_true(stats.entries <= sct_model.max_entries);
	assert_int_equal(stats.pinned, values_held());
	sct_assert_cache_valid(sct_model.cache);
}

static bool all_hashes_are_one(void)
{
	return sci_hash("a", 1, 1) == sci_hash("b", 1, 2);
}

/* If all keys have one hash, the index has slots for sixteen. Otherwise it has slots for all. */
static void assert_forgotten(void)
{
	uint64_t least =
		sct_model.config->max_entries / (sct_model_has(SCT_STRIPED) ? SCT_STRIPES : 1);
	uint64_t most = sct_model_has(SCT_RESIZES) ? least * 2 : least;
	bool has_forgotten = sct_stats(sct_model.cache).forgotten > 0;

	if (!all_hashes_are_one() || (most > 0 && most <= 16))
		assert_false(has_forgotten);
	else if (least == 0 || least > 16)
		assert_true(has_forgotten);
}

static void agree_with_the_model(const void *configured, uint64_t seed, long operations)
{
	const struct sct_model_config *config = configured;
	struct sc_cache *(*open)(const struct sc_cache_options *) =
		config->features & SCT_STRIPED ? sct_striped_cache_open : sct_cache_open;

	sct_model = (struct sct_model){ .config = config,
		.max_entries = config->max_entries,
		.max_bytes = config->max_bytes,
		.random = seed };
	sct_model.cache = open(SC_CACHE_OPTIONS(.max_entries = config->max_entries,
		.max_bytes = config->max_bytes, .ttl_ms = config->ttl_ms, .tti_ms = config->tti_ms,
		.policy = config->policy, .secret = seed % 2,
		.grow_entries = sct_model_has(SCT_RESIZES) ? config->max_entries * 2 : 0,
		.grow_bytes = sct_model_has(SCT_RESIZES) ? config->max_bytes * 2 : 0,
		.clock = sct_clock_of(&sct_model.now_ms)));
	for (long i = 0; i < operations; i++) {
		step();
		assert_figures();
	}
	assert_true(sct_model.expected.hits > 0 && sct_model.expected.loads > 0 &&
		sct_model.expected.load_failures > 0);
	assert_forgotten();
	/* Release pins after the close: they outlive the cache. */
	sc_cache_close(sct_model.cache);
	while (sct_model.hold_count)
		do_release(0);
	sct_objects_close(&sct_model.naive);
}

int main(void)
{
	return sct_seeded_runs_main(&(const struct sct_seeded_runs){
		.configs = configs,
		.config_size = sizeof configs[0],
		.count = sizeof configs / sizeof configs[0],
		.seeds = 3,
		.operations = 3000,
		.run = agree_with_the_model,
	});
}
