/* The options of one put: time to live, time to idle and cost. */
#include "cache/cache_fixture.h"
#include "support/random.h"

#include "base/clock.h"
#include "cache/fetch_with_loader.h"
#include "cache/handle.h"
#include "cache/cache_check.h"
#include "engine/layout.h"
#include "engine/shard.h"

struct fixture {
	_Atomic int64_t now_ms;
	struct sc_cache *cache;
};

/* By default entries live for 100 ms, or for 40 ms unused. */
static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.now_ms = 1000;
	fixture.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 256 << 10, .ttl_ms = 100,
		.tti_ms = 40, .clock = sct_clock_of(&fixture.now_ms)));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	sc_cache_close(fixture->cache);
	return 0;
}

static void put(struct fixture *fixture, struct sc_key key, const struct sc_put_options *options)
{
	assert_int_equal(sc_cache_put_with(fixture->cache, key, "x", 1, options), SC_OK);
}

/* Check by the statistics, because a lookup would extend the idle time. */
static bool is_there(struct fixture *fixture)
{
	sc_cache_maintain(fixture->cache, 60000);
	return sct_stats(fixture->cache).entries > 0;
}

/* The only entry lives until `last_ms`, and not longer. */
static void assert_lives_until(struct fixture *fixture, int64_t last_ms)
{
	fixture->now_ms = last_ms;
	assert_true(is_there(fixture));
	fixture->now_ms = last_ms + 1;
	assert_false(is_there(fixture));
	sct_assert_get(fixture->cache, SC_KEY(1), NULL);
}

/* ---- Times of one entry ---- */

static void without_options_the_times_of_the_cache(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, SC_KEY(1), NULL);
	assert_lives_until(fixture, 1039);
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.cost = 7));
	assert_lives_until(fixture, 1079);
	assert_int_equal(sct_put(fixture->cache, SC_KEY(1), "x"), SC_OK);
	assert_lives_until(fixture, 1119);
}

static void each_time_replaces_its_own(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = 20));
	assert_lives_until(fixture, 1019);
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = 20, .tti_ms = 10));
	assert_lives_until(fixture, 1029);
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.tti_ms = 60));
	assert_lives_until(fixture, 1089);
	/* A long tti does not extend the ttl. */
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.tti_ms = 300));
	assert_lives_until(fixture, 1189);
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = 500, .tti_ms = 300));
	assert_lives_until(fixture, 1489);
}

static void no_end(void **state)
{
	struct fixture *fixture = *state;
	const int64_t longest = INT64_MAX / 4;

	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.tti_ms = SC_NO_END));
	assert_lives_until(fixture, 1099);
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = SC_NO_END));
	assert_lives_until(fixture, 1139);
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = longest, .tti_ms = SC_NO_END));
	fixture->now_ms += longest - 1;
	assert_true(is_there(fixture));
	fixture->now_ms += 1;
	assert_false(is_there(fixture));
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = SC_NO_END));
	fixture->now_ms = INT64_MAX;
	assert_true(is_there(fixture));
	sct_assert_get(fixture->cache, SC_KEY(1), "x");
}

/* A deadline beyond INT64_MAX means no deadline. */
static void times_do_not_overflow(void **state)
{
	struct fixture *fixture = *state;

	fixture->now_ms = INT64_MAX - 10;
	put(fixture, SC_KEY(1), NULL);
	put(fixture, SC_KEY(2), SC_PUT_OPTIONS(.ttl_ms = 5));
	fixture->now_ms = INT64_MAX - 1;
	sct_assert_get(fixture->cache, SC_KEY(1), "x");
	sct_assert_get(fixture->cache, SC_KEY(2), NULL);
}

static void an_object_has_times_too(void **state)
{
	struct fixture *fixture = *state;
	const struct sc_object object = { .pointer = fixture, .weight = 1 };

	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY(1), &object,
				 SC_PUT_OPTIONS(.ttl_ms = 30)),
		SC_OK);
	assert_lives_until(fixture, 1029);
	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY(1), &object, NULL), SC_OK);
	assert_lives_until(fixture, 1069);
}

/* Replace values by values with other times, whose records have more or fewer words. */
static void every_kind_replaces_every_kind(void **state)
{
	struct fixture *fixture = *state;
	const struct sc_put_options *const kinds[] = {
		NULL,
		SC_PUT_OPTIONS(.ttl_ms = 50, .tti_ms = SC_NO_END),
		SC_PUT_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = 50),
		SC_PUT_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = SC_NO_END),
		SC_PUT_OPTIONS(.ttl_ms = 50, .tti_ms = SC_NO_END, .cost = 5),
		SC_PUT_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = 50, .cost = 5),
		SC_PUT_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = SC_NO_END, .cost = UINT64_MAX),
	};
	const size_t count = sizeof kinds / sizeof kinds[0];
	char value[40];

	for (size_t i = 0; i < count * count * 17; i++) {
		const struct sc_put_options *options = kinds[i % count];
		size_t len = i % 17 + i / count % count;
		sct_fill(value, sizeof value, i);
		put(fixture, SC_KEY(1), kinds[i / count % count]);
		assert_int_equal(sc_cache_put_with(fixture->cache, SC_KEY(1), value, len, options),
			SC_OK);
		char found[40];
		size_t found_len;
		assert_int_equal(
			sc_cache_get(fixture->cache, SC_KEY(1), found, sizeof found, &found_len),
			SC_HIT);
		assert_int_equal(found_len, len);
		assert_memory_equal(found, value, len);
		sct_assert_cache_valid(fixture->cache);
		fixture->now_ms += 51;
		bool endless =
			options && options->ttl_ms == SC_NO_END && options->tti_ms == SC_NO_END;
		assert_int_equal(is_there(fixture), endless);
	}
}

/* ---- What is refused ---- */

/* A negative time stores nothing, and removes the old entry. */
static void a_negative_time_keeps_nothing(void **state)
{
	struct fixture *fixture = *state;
	const int64_t over[] = { -1, -2, -5, INT64_MIN };

	for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
		assert_int_equal(sct_put(fixture->cache, SC_KEY(1), "before"), SC_OK);
		put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = over[i]));
		sct_assert_get(fixture->cache, SC_KEY(1), NULL);
		assert_int_equal(sct_put(fixture->cache, SC_KEY(1), "before"), SC_OK);
		put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = over[i]));
		sct_assert_get(fixture->cache, SC_KEY(1), NULL);
	}
	assert_int_equal(sct_stats(fixture->cache).puts, 2 * sizeof over / sizeof over[0]);
	assert_int_equal(sct_stats(fixture->cache).rejected, 0);
	assert_int_equal(sct_stats(fixture->cache).entries, 0);
}

/* The ttl until a date: negative for the past, positive for the future, and never 0. */
static void a_time_until_a_date(void **state)
{
	struct fixture *fixture = *state;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	assert_in_range(sc_ttl_until(now_ms + 1000000), 900000, 1000000);
	assert_true(sc_ttl_until(now_ms - 1) < 0);
	assert_true(sc_ttl_until(0) < 0);
	assert_true(sc_ttl_until(INT64_MIN) < 0);
	assert_true(sc_ttl_until(INT64_MAX) > 0);
	for (int i = 0; i < 2000; i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		assert_true(sc_ttl_until((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000) != 0);
	}
	put(fixture, SC_KEY(1), SC_PUT_OPTIONS(.ttl_ms = sc_ttl_until(now_ms - 1)));
	sct_assert_get(fixture->cache, SC_KEY(1), NULL);
}

struct newer_options {
	struct sc_put_options known;
	uint64_t unknown[2];
};

static void options_of_other_versions(void **state)
{
	struct fixture *fixture = *state;
	struct newer_options newer = { .known = { .ttl_ms = 20 } };
	struct sc_put_options older = { .ttl_ms = 20, .tti_ms = -5, .cost = 1 };
	const size_t bad[] = { 0, 1, sizeof older.size - 1, 4097, SIZE_MAX };

	newer.known.size = sizeof newer;
	put(fixture, SC_KEY(1), &newer.known);
	assert_lives_until(fixture, 1019);
	newer.unknown[1] = 1;
	assert_int_equal(sc_cache_put_with(fixture->cache, SC_KEY(1), "x", 1, &newer.known),
		SC_E_INVAL);

	/* Fields that an older header does not have are not read. */
	older.size = offsetof(struct sc_put_options, tti_ms);
	put(fixture, SC_KEY(1), &older);
	assert_lives_until(fixture, 1039);
	older.size = sizeof older.size;
	put(fixture, SC_KEY(1), &older);
	assert_lives_until(fixture, 1079);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		older.size = bad[i];
		assert_int_equal(sc_cache_put_with(fixture->cache, SC_KEY(1), "x", 1, &older),
			SC_E_INVAL);
	}
	assert_int_equal(sct_stats(fixture->cache).entries, 0);
}

/* ---- Idle ---- */

static int load_never(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_fail(load, -1, "it should have been found");
}

/* A short value is copied without the lock, a longer one under it, and a long one is pinned. */
static void look_up_by(struct fixture *fixture, unsigned kind)
{
	static char buffer[10000];
	struct sc_value value;
	size_t len;

	if (kind < 4) {
		assert_int_equal(
			sc_cache_get(fixture->cache, SC_KEY(1), buffer, sizeof buffer, &len),
			SC_HIT);
		return;
	}
	if (kind == 4)
		assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY(1), &value), SC_HIT);
	else
		assert_int_equal(
			sct_fetch(fixture->cache, SC_KEY(1), load_never, NULL, &value, NULL),
			SC_HIT);
	sc_value_release(&value);
}

static void every_kind_of_lookup_is_a_use(void **state)
{
	static const char bytes[10000];
	const size_t lens[] = { 1, 1000, 3000, 10000, 1, 1 };
	struct fixture *fixture = *state;

	for (unsigned kind = 0; kind < 6; kind++) {
		int64_t began_ms = fixture->now_ms;
		assert_int_equal(sc_cache_put(fixture->cache, SC_KEY(1), bytes, lens[kind]), SC_OK);
		fixture->now_ms = began_ms + 39;
		look_up_by(fixture, kind);
		fixture->now_ms = began_ms + 78;
		look_up_by(fixture, kind);
		/* Uses do not extend the remaining 22 ms of its ttl. */
		for (; fixture->now_ms < began_ms + 99; fixture->now_ms++)
			look_up_by(fixture, kind);
		assert_lives_until(fixture, began_ms + 99);
	}
}

/* A lookup whose buffer is too small is a use too. */
static void a_value_too_long_for_its_buffer_is_used(void **state)
{
	struct fixture *fixture = *state;
	char byte;
	size_t len;

	assert_int_equal(sct_put(fixture->cache, SC_KEY(1), "text"), SC_OK);
	fixture->now_ms += 30;
	assert_int_equal(sc_cache_get(fixture->cache, SC_KEY(1), &byte, 1, &len), SC_E_TOO_LARGE);
	assert_int_equal(len, 4);
	assert_lives_until(fixture, 1069);
}

static void used_entries_stay_and_idle_ones_expire(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 100; i++)
		put(fixture, SC_KEY(i), SC_PUT_OPTIONS(.ttl_ms = SC_NO_END));
	for (int round = 0; round < 50; round++) {
		fixture->now_ms += 13;
		for (int i = 0; i < 100; i += 10)
			sct_assert_get(fixture->cache, SC_KEY(i), "x");
	}
	assert_true(is_there(fixture));
	assert_int_equal(sct_stats(fixture->cache).entries, 10);
	assert_int_equal(sct_stats(fixture->cache).reclaimed, 90);
}

static void a_late_lookup_is_no_use(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned kind = 0; kind < 2; kind++) {
		put(fixture, SC_KEY(1), NULL);
		fixture->now_ms += 40;
		sct_assert_get(fixture->cache, SC_KEY(1), NULL);
		sct_assert_get(fixture->cache, SC_KEY(1), NULL);
	}
	assert_int_equal(sct_stats(fixture->cache).expired, 2);
}

/* ---- Options that a loader sets ---- */

struct terms {
	int64_t ttl_ms, tti_ms;
	uint64_t cost;
	int calls;
};

static int load_with_terms(struct sc_load *load, void *context)
{
	struct terms *terms = context;

	terms->calls++;
	if (terms->ttl_ms)
		sc_load_set_ttl_ms(load, terms->ttl_ms);
	if (terms->tti_ms)
		sc_load_set_tti_ms(load, terms->tti_ms);
	sc_load_set_cost(load, terms->cost);
	return sc_load_set_value(load, "x", 1);
}

static void a_loader_sets_times(void **state)
{
	struct fixture *fixture = *state;
	const struct {
		struct terms terms;
		int64_t lives_ms;
	} cases[] = {
		{ { 0, 0, 0, 0 }, 40 },
		{ { 30, 0, 1, 0 }, 30 },
		{ { 0, 70, UINT64_MAX, 0 }, 70 },
		{ { 0, SC_NO_END, 0, 0 }, 100 },
		{ { SC_NO_END, 0, 0, 0 }, 40 },
		{ { SC_NO_END, 500, 0, 0 }, 500 },
		{ { 400, SC_NO_END, 0, 0 }, 400 },
		{ { INT64_MAX, INT64_MAX - 1, 0, 0 }, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct terms terms = cases[i].terms;
		struct sc_value value;
		int64_t began_ms = fixture->now_ms;
		assert_int_equal(
			sct_fetch(fixture->cache, SC_KEY(1), load_with_terms, &terms, &value, NULL),
			SC_LOADED);
		sc_value_release(&value);
		assert_int_equal(terms.calls, 1);
		if (cases[i].lives_ms)
			assert_lives_until(fixture, began_ms + cases[i].lives_ms - 1);
	}
	fixture->now_ms = INT64_MAX - 1;
	assert_true(is_there(fixture));
}

/* ---- No lookup returns an expired entry ---- */

static void no_lookup_returns_an_expired_entry(void **state)
{
	struct fixture *fixture = *state;
	struct {
		int64_t final_ms, tti_ms, used_ms;
	} known[50] = { 0 };
	uint64_t random = 1, hits = 0, expired = 0;

	for (int i = 0; i < 200000; i++) {
		unsigned key = (unsigned)sct_below(&random, 50);
		fixture->now_ms += (int64_t)sct_below(&random, 3);
		int64_t now_ms = fixture->now_ms;
		if (sct_below(&random, 6) == 0) {
			int64_t ttl_ms = 1 + (int64_t)sct_below(&random, 200);
			int64_t tti_ms = 1 + (int64_t)sct_below(&random, 100);
			put(fixture, SC_KEY("one", key),
				SC_PUT_OPTIONS(.ttl_ms = ttl_ms, .tti_ms = tti_ms));
			known[key].final_ms = now_ms + ttl_ms;
			known[key].tti_ms = tti_ms;
			known[key].used_ms = now_ms;
			continue;
		}
		bool lives = now_ms < known[key].final_ms &&
			now_ms - known[key].used_ms < known[key].tti_ms;
		sct_assert_get(fixture->cache, SC_KEY("one", key), lives ? "x" : NULL);
		known[key].used_ms = now_ms;
		if (!lives)
			known[key].final_ms = 0;
		hits += lives;
		expired += !lives;
	}
	assert_true(hits > 10000);
	assert_true(expired > 10000);
}

/* ---- Costs ---- */

static uint32_t cost_of(struct sc_cache *cache, struct sc_key key)
{
	struct sci_lookup_key lookup;
	struct sci_found found;

	assert_int_equal(sci_cache_key(cache, key, &lookup), 0);
	assert_int_equal(sci_shard_find(cache->stripes[0].shard, &lookup.name, 0, &found),
		SCI_LOOKUP_HIT);
	uint32_t cost = sci_record_worth(sci_record_at(cache->stripes[0].shard, found.offset)).cost;
	sci_key_fini(&lookup);
	return cost;
}

static int load_slowly(struct sc_load *load, void *context)
{
	int64_t until_ms = sci_mono_ms() + 20;

	while (sci_mono_ms() < until_ms)
		;
	return load_with_terms(load, context);
}

static void costs_are_kept(void **state)
{
	struct sc_cache *plain = sct_cache_open(NULL);
	struct sc_cache *timed = sct_cache_open(SC_CACHE_OPTIONS(.load_time_is_cost = 1));
	struct terms terms = { 0 };
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_cache_put_with(plain, SC_KEY(1), "x", 1, SC_PUT_OPTIONS(.cost = 7)),
		SC_OK);
	assert_int_equal(cost_of(plain, SC_KEY(1)), 7);
	assert_int_equal(sc_cache_put_with(plain, SC_KEY(1), "x", 1,
				 SC_PUT_OPTIONS(.cost = UINT64_C(1) << 40)),
		SC_OK);
	assert_int_equal(cost_of(plain, SC_KEY(1)), UINT32_MAX);
	assert_int_equal(sct_put(plain, SC_KEY(1), "x"), SC_OK);
	assert_int_equal(cost_of(plain, SC_KEY(1)), 0);

	/* The load time is the cost only with load_time_is_cost, and if the loader sets none. */
	assert_int_equal(sct_fetch(plain, SC_KEY(2), load_slowly, &terms, &value, NULL), SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(cost_of(plain, SC_KEY(2)), 0);
	assert_int_equal(sct_fetch(timed, SC_KEY(2), load_slowly, &terms, &value, NULL), SC_LOADED);
	sc_value_release(&value);
	assert_in_range(cost_of(timed, SC_KEY(2)), 19000, 60000000);
	terms.cost = 3;
	assert_int_equal(sct_fetch(timed, SC_KEY(3), load_slowly, &terms, &value, NULL), SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(cost_of(timed, SC_KEY(3)), 3);
	sc_cache_close(plain);
	sc_cache_close(timed);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(without_options_the_times_of_the_cache),
		with_fixture(each_time_replaces_its_own),
		with_fixture(no_end),
		with_fixture(times_do_not_overflow),
		with_fixture(an_object_has_times_too),
		with_fixture(every_kind_replaces_every_kind),
		with_fixture(a_negative_time_keeps_nothing),
		with_fixture(a_time_until_a_date),
		with_fixture(options_of_other_versions),
		with_fixture(every_kind_of_lookup_is_a_use),
		with_fixture(a_value_too_long_for_its_buffer_is_used),
		with_fixture(used_entries_stay_and_idle_ones_expire),
		with_fixture(a_late_lookup_is_no_use),
		with_fixture(a_loader_sets_times),
		with_fixture(no_lookup_returns_an_expired_entry),
		cmocka_unit_test(costs_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
