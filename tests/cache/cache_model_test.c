/* The whole cache, as its headers have it, against a model: an array of what was stored, in order
 * of use. Random calls are made to both, on one virtual clock, and must agree.
 *
 * What was evicted the model learns from the figures. Under exact order of use it knows which
 * entries those were, as long as nothing expires or is forgotten; otherwise it may find any of its
 * entries missing, but no more of them than were evicted or forgotten, and every other call must
 * still agree.
 *
 * A failing run prints its seed: SC_TEST_SEED=n SC_TEST_OPERATIONS=n runs just that one; many
 * operations without a seed are one long run of each configuration. */
#include "cache/cache_fixture.h"
#include "support/random.h"

#include "base/hash.h"
#include "cache/handle.h"

#include <stdio.h>

#define KEYS     120
#define HOLDS    6
#define NEVER    INT64_MAX
#define NOT_HERE (-1)

struct config {
	const char *name;
	uint64_t max_entries, max_bytes, ttl_ms, policy;
	size_t value_max;
	bool holds;
};

static const struct config configs[] = {
	{ "room for all", 0, 2 << 20, 0, SC_POLICY_ADAPTIVE, 3000, true },
	{ "room for all, with a ttl", 0, 2 << 20, 50, SC_POLICY_ADAPTIVE, 3000, true },
	{ "lru entries", 40, 2 << 20, 0, SC_POLICY_LRU, 3000, false },
	{ "lru entries, held", 40, 2 << 20, 0, SC_POLICY_LRU, 3000, true },
	{ "few lru entries, held", 8, 2 << 20, 0, SC_POLICY_LRU, 3000, true },
	{ "one lru entry", 1, 2 << 20, 0, SC_POLICY_LRU, 10000, false },
	{ "lru bytes", 0, 64 << 10, 0, SC_POLICY_LRU, 3000, false },
	{ "lru bytes and entries", 30, 64 << 10, 0, SC_POLICY_LRU, 6000, true },
	{ "lru bytes, with a ttl", 0, 64 << 10, 50, SC_POLICY_LRU, 3000, true },
	{ "adaptive entries", 40, 2 << 20, 0, SC_POLICY_ADAPTIVE, 3000, true },
	{ "adaptive bytes", 0, 64 << 10, 0, SC_POLICY_ADAPTIVE, 6000, true },
	{ "adaptive bytes and entries", 30, 64 << 10, 0, SC_POLICY_ADAPTIVE, 6000, true },
	{ "adaptive bytes, with a ttl", 0, 64 << 10, 50, SC_POLICY_ADAPTIVE, 3000, true },
	{ "tiny", 10, 16 << 10, 20, SC_POLICY_ADAPTIVE, 9000, true },
};

struct entry {
	int key;
	uint64_t version;
	size_t len;
	int64_t expires_ms; /* at this time it is there no more */
};

struct hold {
	struct sc_value value;
	struct entry entry;
};

struct run {
	const struct config *config;
	struct sc_cache *cache;
	uint64_t max_entries, max_bytes; /* at present */
	_Atomic int64_t now_ms;
	uint64_t random, versions;
	struct entry model[KEYS]; /* the one used last comes last */
	size_t count;
	struct hold holds[HOLDS];
	size_t hold_count;
	struct sc_cache_stats expected; /* of what the cache counts itself */
	uint64_t missed;                /* entries of the model that were not there */
	unsigned depth;                 /* of loads in loads */
	uint64_t lookups;
};

static struct run run;

static uint64_t below(uint64_t bound)
{
	return sct_below(&run.random, bound);
}

/* ---- Keys and values ---- */

static struct sc_key key_of(int number, struct sc_part parts[3])
{
	static char long_text[900];
	struct sc_key key = { parts, 2 };

	parts[0] = sc_part_integer(number / 6);
	switch (number % 6) {
	case 0:
		parts[1] = sc_part_text("");
		break;
	case 1:
		parts[1] = sc_part_absent();
		break;
	case 2:
		parts[1] = sc_part_bool(number % 4 == 0);
		break;
	case 3:
		parts[1] = sc_part_text_n(long_text, (size_t)number * 7);
		break;
	case 4:
		parts[1] = sc_part_bytes(long_text, (size_t)number);
		break;
	default:
		parts[1] = sc_part_unsigned(UINT64_MAX - (uint64_t)number);
		key.count = 3;
		parts[2] = sc_part_text("third");
		break;
	}
	return key;
}

static struct entry new_entry(int key)
{
	/* Sometimes one that fits into none of the small caches. */
	size_t most = below(50) ? run.config->value_max : 70000;

	return (struct entry){ key, ++run.versions, below(most + 1), NEVER };
}

static void assert_content(const struct entry *entry, const void *data, size_t len)
{
	assert_int_equal(len, entry->len);
	assert_true(sct_is_filled(data, len, entry->version));
}

static int64_t after(uint64_t ttl_ms)
{
	return ttl_ms ? run.now_ms + (int64_t)ttl_ms : NEVER;
}

/* ---- The model ---- */

static struct entry *model_find(int key)
{
	for (size_t i = 0; i < run.count; i++)
		if (run.model[i].key == key)
			return &run.model[i];
	return NULL;
}

static void model_drop(struct entry *entry)
{
	memmove(entry, entry + 1, (size_t)(run.model + run.count - (entry + 1)) * sizeof *entry);
	run.count--;
}

static void model_drop_key(int key)
{
	struct entry *entry = model_find(key);

	if (entry)
		model_drop(entry);
}

static bool is_held(const struct entry *entry)
{
	for (size_t i = 0; i < run.hold_count; i++)
		if (run.holds[i].entry.version == entry->version)
			return true;
	return false;
}

/* Under exact order of use: drop what was evicted, the longest unused of what is not held first. */
static void model_evict(uint64_t evicted)
{
	for (; evicted > 0; evicted--) {
		size_t i = 0;
		while (i < run.count && is_held(&run.model[i]))
			i++;
		assert_true(run.count > 0);
		model_drop(&run.model[i < run.count ? i : 0]);
	}
}

static uint64_t evicted_so_far(void)
{
	return sct_stats(run.cache).evictions;
}

static bool knows_what_was_evicted(void)
{
	return run.config->policy == SC_POLICY_LRU && run.config->ttl_ms == 0 &&
		sct_stats(run.cache).forgotten == 0;
}

static bool has_expired(const struct entry *entry)
{
	return run.now_ms >= entry->expires_ms;
}

/* Whether an entry of the model may be missing in the cache. Expired ones may go unseen. */
static bool may_be_missing(const struct entry *entry)
{
	struct sc_cache_stats stats = sct_stats(run.cache);

	return has_expired(entry) ||
		(!knows_what_was_evicted() && stats.evictions + stats.forgotten > 0);
}

/* What a lookup must find, or NULL. Counts it. */
static struct entry *model_look_up(int key, bool found)
{
	struct entry *entry = model_find(key);

	run.lookups++;
	run.expected.hits += found;
	run.expected.misses += !found;
	if (found) {
		if (!entry) {
			fail_msg("key %d was found, which the model does not have", key);
			return NULL;
		}
		assert_false(has_expired(entry));
		struct entry used = *entry;
		model_drop(entry);
		run.model[run.count++] = used;
		return &run.model[run.count - 1];
	}
	if (entry) {
		assert_true(may_be_missing(entry));
		run.missed += !has_expired(entry);
		model_drop(entry);
	}
	return NULL;
}

/* The cache was asked to store the entry; `rc` is what it said, or would have said. */
static void model_store(const struct entry *entry, int rc, uint64_t evicted)
{
	/* The old value makes way last of all; it may have been evicted for the new one. */
	if (knows_what_was_evicted())
		model_evict(evicted);
	model_drop_key(entry->key);
	run.expected.puts += rc == SC_OK;
	run.expected.rejected += rc != SC_OK;
	if (rc == SC_OK)
		run.model[run.count++] = *entry;
	else
		assert_true(entry->len > run.max_bytes / 2 || run.hold_count > 0);
	if (knows_what_was_evicted())
		assert_int_equal(sct_stats(run.cache).entries, run.count);
}

/* ---- Calls ---- */

static void hold(struct sc_value *value, const struct entry *entry)
{
	if (!run.config->holds || run.hold_count == HOLDS || below(3)) {
		sc_value_release(value);
		return;
	}
	run.holds[run.hold_count++] = (struct hold){ *value, *entry };
}

static void do_release(int number)
{
	(void)number;
	if (run.hold_count == 0)
		return;
	struct hold *hold = &run.holds[below(run.hold_count)];
	assert_content(&hold->entry, hold->value.data, hold->value.len);
	sc_value_release(&hold->value);
	*hold = run.holds[--run.hold_count];
}

static void do_put(int number)
{
	static unsigned char bytes[70000];
	struct entry entry = new_entry(number);
	struct sc_part parts[3];
	uint64_t before = evicted_so_far();

	entry.expires_ms = after(run.config->ttl_ms);
	sct_fill(bytes, entry.len, entry.version);
	int rc = sc_cache_put(run.cache, key_of(number, parts), bytes, entry.len);
	assert_true(rc == SC_OK || rc == SC_E_TOO_LARGE || rc == SC_E_NOMEM);
	assert_true(rc != SC_E_TOO_LARGE || entry.len > run.max_bytes / 2);
	assert_true(rc != SC_E_NOMEM || run.hold_count > 0);
	model_store(&entry, rc, evicted_so_far() - before);
}

static void do_get(int number)
{
	static unsigned char buffer[70000];
	struct sc_part parts[3];
	size_t capacity = below(4) ? sizeof buffer : below(3000), len = 99;

	int rc = sc_cache_get(run.cache, key_of(number, parts), buffer, capacity, &len);
	assert_true(rc == SC_HIT || rc == SC_MISS || rc == SC_E_TOO_LARGE);
	const struct entry *entry = model_look_up(number, rc != SC_MISS);
	assert_int_equal(len, entry ? entry->len : 0);
	assert_true(!entry || (rc == SC_HIT) == (entry->len <= capacity));
	if (rc == SC_HIT)
		assert_content(entry, buffer, len);
}

static void do_acquire(int number)
{
	struct sc_part parts[3];
	struct sc_value value;

	int rc = sc_cache_acquire(run.cache, key_of(number, parts), &value);
	assert_true(rc == SC_HIT || rc == SC_MISS);
	const struct entry *entry = model_look_up(number, rc == SC_HIT);
	if (!entry) {
		sct_assert_no_value(&value);
		return;
	}
	assert_content(entry, value.data, value.len);
	hold(&value, entry);
}

static void do_invalidate(int number)
{
	struct entry *entry = model_find(number);
	struct sc_part parts[3];

	int rc = sc_cache_invalidate(run.cache, key_of(number, parts));
	run.expected.invalidations += rc == SC_HIT;
	if (rc == SC_HIT)
		assert_non_null(entry);
	else
		assert_true(rc == SC_MISS && (!entry || may_be_missing(entry)));
	if (entry)
		model_drop(entry);
}

static void do_clear(int number)
{
	(void)number;
	/* What is being loaded must not be overtaken, except as it is planned. */
	if (run.depth > 0)
		return;
	run.expected.invalidations += sct_stats(run.cache).entries;
	sc_cache_clear(run.cache);
	run.count = 0;
	assert_int_equal(sct_stats(run.cache).entries, 0);
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
	struct entry entry;
	bool called, overtaken;
	uint64_t ttl_ms;
	uint64_t evicted_before; /* the store that follows the loader evicts what comes on top */
};

static void step(void);

static int load(struct sc_load *load, void *context)
{
	struct loading *loading = context;
	struct entry *entry = &loading->entry;
	void *data = NULL;

	loading->called = true;
	assert_null(model_look_up(entry->key, false));
	/* Whatever a caller can do, a loader can; a change of its own key is for below. */
	for (run.depth++; run.depth < 4 && below(3) == 0;)
		step();
	run.depth--;
	if (loading->plan == CHANGE_MEANWHILE) {
		loading->overtaken = true;
		if (below(2))
			do_put(entry->key);
		else
			do_invalidate(entry->key);
	}
	if (loading->plan == GIVE_NOTHING)
		return 0;
	assert_int_equal(sc_load_reserve(load, entry->len, &data), 0);
	sct_fill(data, entry->len, entry->version);
	if (loading->plan == GIVE_FOR_LONGER)
		sc_load_ttl_ms(load, loading->ttl_ms = 1 + below(100));
	if (loading->plan == GIVE_BUT_DO_NOT_STORE)
		sc_load_ttl_ms(load, 0);
	loading->evicted_before = evicted_so_far();
	return loading->plan == FAIL ? sc_load_fail(load, -3, "failed") : 0;
}

/* Keys that are being loaded must not change under their loaders, except as it is planned. */
static bool loading_now[KEYS];

static void settle_model(struct loading *loading)
{
	bool given = loading->plan != FAIL && loading->plan != GIVE_NOTHING;

	run.expected.loads += given;
	run.expected.load_failures += !given;
	if (!given || loading->overtaken || loading->plan == GIVE_BUT_DO_NOT_STORE)
		return;
	struct sc_cache_stats stats = sct_stats(run.cache);
	bool rejected = stats.rejected > run.expected.rejected;
	loading->entry.expires_ms = after(loading->ttl_ms);
	model_store(&loading->entry, rejected ? SC_E_NOMEM : SC_OK,
		stats.evictions - loading->evicted_before);
}

static void do_fetch(int number)
{
	struct loading loading = { .plan = below(3) ? GIVE : (enum plan)below(PLANS),
		.entry = new_entry(number),
		.ttl_ms = run.config->ttl_ms };
	struct sc_error error = { 0 };
	struct sc_part parts[3];
	struct sc_value value;

	if (run.config->ttl_ms == 0 && loading.plan == GIVE_FOR_LONGER)
		loading.plan = GIVE;
	loading_now[number] = true;
	int rc = sc_cache_fetch(run.cache, key_of(number, parts), load, &loading, &value, &error);
	loading_now[number] = false;
	if (!loading.called) {
		assert_int_equal(rc, SC_HIT);
		const struct entry *entry = model_look_up(number, true);
		assert_content(entry, value.data, value.len);
		hold(&value, entry);
		return;
	}
	settle_model(&loading);
	if (loading.plan == FAIL || loading.plan == GIVE_NOTHING) {
		assert_int_equal(rc, SC_E_LOAD);
		assert_int_equal(error.user_code, loading.plan == FAIL ? -3 : 0);
		sct_assert_no_value(&value);
		return;
	}
	/* Stored or not, the caller has it. */
	assert_int_equal(rc, SC_LOADED);
	assert_content(&loading.entry, value.data, value.len);
	sc_value_release(&value);
}

/* A loader asks for what is being loaded below it. */
static void do_fetch_in_a_circle(int number)
{
	struct loading loading = { 0 };
	struct sc_part parts[3];
	struct sc_value value;

	assert_int_equal(
		sc_cache_fetch(run.cache, key_of(number, parts), load, &loading, &value, NULL),
		SC_E_CYCLE);
	assert_false(loading.called);
	sct_assert_no_value(&value);
	model_look_up(number, false);
	run.expected.load_waits++;
}

/* ---- Runs ---- */

static void do_pass_time(int number)
{
	run.now_ms += number % 8;
}

static const struct {
	unsigned weight;
	void (*call)(int number);
} calls[] = {
	{ 300, do_put },
	{ 150, do_get },
	{ 150, do_acquire },
	{ 300, do_fetch },
	{ 50, do_invalidate },
	{ 50, do_release },
	{ 100, do_pass_time },
	{ 2, do_clear },
};

static void step(void)
{
	int number = (int)below(KEYS);
	unsigned all = 0;
	size_t i = 0;

	for (size_t j = 0; j < sizeof calls / sizeof calls[0]; j++)
		all += calls[j].weight;
	uint64_t what = below(all);
	for (; what >= calls[i].weight; i++)
		what -= calls[i].weight;
	/* A change of what is being loaded would overtake it, which the loader's plan says. */
	if (!loading_now[number])
		calls[i].call(number);
	else if (calls[i].call == do_fetch)
		do_fetch_in_a_circle(number);
}

static void assert_figures(void)
{
	struct sc_cache_stats stats = sct_stats(run.cache);
	const struct sc_cache_stats *expected = &run.expected;

	assert_int_equal(stats.hits, expected->hits);
	assert_int_equal(stats.misses, expected->misses);
	assert_int_equal(stats.hits + stats.misses, run.lookups);
	assert_int_equal(stats.loads, expected->loads);
	assert_int_equal(stats.load_failures, expected->load_failures);
	assert_int_equal(stats.load_waits, expected->load_waits);
	assert_int_equal(stats.puts, expected->puts);
	assert_int_equal(stats.rejected, expected->rejected);
	assert_int_equal(stats.invalidations, expected->invalidations);
	assert_true(stats.expired <= stats.misses);
	assert_true(stats.bytes <= stats.max_bytes);
	assert_true(stats.entries <= run.count);
	/* Without a ttl an entry is missing only because it was evicted. */
	if (run.config->ttl_ms == 0)
		assert_true(run.missed + run.count - stats.entries <=
			stats.evictions + stats.forgotten);
	if (run.max_entries)
		assert_true(stats.entries <= run.max_entries);
	assert_true(stats.pinned <= run.hold_count);
	assert_int_equal(stats.pinned == 0, run.hold_count == 0);
	assert_null(sci_shard_check(run.cache->shard));
}

static bool all_hashes_are_one(void)
{
	return sci_hash("a", 1, 1) == sci_hash("b", 1, 2);
}

static void do_run(const struct config *config, uint64_t seed, long operations)
{
	run = (struct run){ .config = config,
		.max_entries = config->max_entries,
		.max_bytes = config->max_bytes,
		.random = seed };
	run.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = config->max_entries,
		.max_bytes = config->max_bytes, .ttl_ms = config->ttl_ms, .policy = config->policy,
		.clock = sct_clock_of(&run.now_ms)));
	for (long i = 0; i < operations; i++) {
		step();
		assert_figures();
	}
	assert_true(
		run.expected.hits > 0 && run.expected.loads > 0 && run.expected.load_failures > 0);
	/* Sixteen keys of one hash have a place. For others the index is large enough. */
	assert_int_equal(sct_stats(run.cache).forgotten > 0,
		all_hashes_are_one() && (config->max_entries == 0 || config->max_entries > 16));
	/* What is held is there after the cache is gone. */
	sc_cache_close(run.cache);
	while (run.hold_count)
		do_release(0);
}

static long number_from(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : otherwise;
}

static void agrees_with_the_model(void **state)
{
	const struct config *config = *state;
	bool is_one = getenv("SC_TEST_SEED") || getenv("SC_TEST_OPERATIONS");
	long first = number_from("SC_TEST_SEED", 1), last = is_one ? first : 3;
	long operations = number_from("SC_TEST_OPERATIONS", 3000);

	for (long seed = first; seed <= last; seed++) {
		printf("%s: SC_TEST_SEED=%ld SC_TEST_OPERATIONS=%ld\n", config->name, seed,
			operations);
		do_run(config, (uint64_t)seed, operations);
	}
}

int main(void)
{
	struct CMUnitTest tests[sizeof configs / sizeof configs[0]];

	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
		tests[i] = (struct CMUnitTest){ configs[i].name, agrees_with_the_model, NULL, NULL,
			(void *)(uintptr_t)&configs[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
