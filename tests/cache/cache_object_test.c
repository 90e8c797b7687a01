/* Objects in a cache: each is freed exactly once, however its entry is removed, and not before its
 * last reference is released. */
#include "cache/fetch_with_loader.h"
#include "cache/counted_object.h"
#include "support/threads.h"

#include <scopecache/memo.h>

#define WEIGHT 1000
#define THINGS 64

struct fixture {
	_Atomic int64_t now_ms;
	struct sc_cache *cache;
	struct sct_counted_object thing[THINGS];
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof fixture);
	fixture.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 8, .max_bytes = 64 << 10,
		.ttl_ms = 100, .policy = SC_POLICY_LRU, .clock = sct_clock_of(&fixture.now_ms)));
	*state = &fixture;
	return 0;
}

/* Every object is freed by the close at the latest, and none twice. */
static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->cache)
		assert_int_equal(sct_stats(fixture->cache).pinned, 0);
	for (unsigned i = 0; i < THINGS; i++)
		if (fixture->cache && fixture->thing[i].cache == fixture->cache)
			fixture->thing[i].cache = NULL;
	sc_cache_close(fixture->cache);
	for (unsigned i = 0; i < THINGS; i++)
		assert_in_range(fixture->thing[i].freed, 0, 1);
	return 0;
}

/* ---- The ways to remove an entry ---- */

static void replace_by_a_value(struct fixture *fixture)
{
	assert_int_equal(sct_put(fixture->cache, SC_KEY("thing"), "text"), SC_OK);
	sct_assert_get(fixture->cache, SC_KEY("thing"), "text");
}

/* A value of the size of an object's record, which must not overwrite that record in place. */
static void replace_by_eight_bytes(struct fixture *fixture)
{
	const struct sc_put_options *options = SC_PUT_OPTIONS(.cost = 1);

	assert_int_equal(sc_cache_put_with(fixture->cache, SC_KEY("thing"), "12345678", 8, options),
		SC_OK);
	sct_assert_get(fixture->cache, SC_KEY("thing"), "12345678");
}

static void replace_by_an_object(struct fixture *fixture)
{
	struct sc_value value;

	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[1], WEIGHT);
	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("thing"), &value), SC_HIT);
	sct_assert_counted_object(&value, &fixture->thing[1]);
	sc_value_release(&value);
}

static void evict_by_number(struct fixture *fixture)
{
	for (int i = 0; i < 100; i++)
		assert_int_equal(sct_put(fixture->cache, SC_KEY("other", i), "x"), SC_OK);
	assert_int_equal(sct_stats(fixture->cache).entries, 8);
}

static void evict_by_weight(struct fixture *fixture)
{
	for (unsigned i = 1; i < THINGS; i++)
		sct_put_counted_object(fixture->cache, SC_KEY("other", i), &fixture->thing[i],
			25000);
	assert_int_equal(sct_stats(fixture->cache).entries, 2);
}

static void evict_by_bytes(struct fixture *fixture)
{
	static const char large[20000];

	for (int i = 0; i < 50; i++)
		assert_int_equal(
			sc_cache_put(fixture->cache, SC_KEY("other", i), large, sizeof large),
			SC_OK);
}

static void expire_at_a_lookup(struct fixture *fixture)
{
	fixture->now_ms += 100;
	sct_assert_get(fixture->cache, SC_KEY("thing"), NULL);
	assert_int_equal(sct_stats(fixture->cache).expired, 1);
}

/* Puts of other keys find it eventually, because each searches a part of the index. */
static void expire_at_puts(struct fixture *fixture)
{
	fixture->now_ms += 100;
	for (int i = 0; i < 1000 && sct_stats(fixture->cache).reclaimed == 0; i++)
		assert_int_equal(sct_put(fixture->cache, SC_KEY("one more"), "x"), SC_OK);
	assert_int_equal(sct_stats(fixture->cache).reclaimed, 1);
	assert_int_equal(sct_stats(fixture->cache).evictions, 0);
}

static void expire_at_maintenance(struct fixture *fixture)
{
	fixture->now_ms += 100;
	assert_int_equal(sc_cache_maintain(fixture->cache, 1000), 0);
	assert_int_equal(sct_stats(fixture->cache).reclaimed, 1);
}

static void invalidate(struct fixture *fixture)
{
	assert_int_equal(sc_cache_invalidate(fixture->cache, SC_KEY("thing")), SC_HIT);
}

static void clear(struct fixture *fixture)
{
	sc_cache_clear(fixture->cache);
}

static void resize(struct fixture *fixture)
{
	assert_int_equal(sct_put(fixture->cache, SC_KEY("newer"), "x"), SC_OK);
	for (int i = 0; i < 100; i++)
		sct_assert_get(fixture->cache, SC_KEY("newer"), "x");
	assert_int_equal(sc_cache_resize(fixture->cache, 1, 0, NULL), 0);
	sct_put_counted_object(fixture->cache, SC_KEY("newest"), &fixture->thing[1], WEIGHT);
}

/* A put that is too large removes the old entry. */
static void refuse_a_successor(struct fixture *fixture)
{
	static const char larger[65 << 10];

	assert_int_equal(sc_cache_put(fixture->cache, SC_KEY("thing"), larger, sizeof larger),
		SC_E_TOO_LARGE);
}

static void close_the_cache(struct fixture *fixture)
{
	for (unsigned i = 0; i < THINGS; i++)
		fixture->thing[i].cache = NULL;
	sc_cache_close(fixture->cache);
	fixture->cache = NULL;
}

static void (*const ways[])(struct fixture *fixture) = {
	replace_by_a_value,
	replace_by_eight_bytes,
	replace_by_an_object,
	evict_by_number,
	evict_by_weight,
	evict_by_bytes,
	expire_at_a_lookup,
	expire_at_puts,
	expire_at_maintenance,
	invalidate,
	clear,
	resize,
	refuse_a_successor,
	close_the_cache,
};

#define WAYS (sizeof ways / sizeof ways[0])

static void restart(struct fixture **fixture)
{
	void *state = *fixture;

	tear_down(&state);
	set_up(&state);
	*fixture = state;
}

static void an_object_is_freed_however_its_entry_is_removed(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < WAYS; i++) {
		sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
		ways[i](fixture);
		if (fixture->thing[0].freed != 1)
			fail_msg("way %zu: freed %d times", i, fixture->thing[0].freed);
		assert_true(pthread_equal(fixture->thing[0].freed_on, pthread_self()));
		restart(&fixture);
	}
	*state = fixture;
}

static void release(unsigned number, void *arg)
{
	(void)number;
	sc_value_release(arg);
}

static void an_object_lives_until_its_last_reference_is_released(void **state)
{
	struct fixture *fixture = *state;
	struct sc_value first, second;

	for (size_t i = 0; i < WAYS; i++) {
		sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
		assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("thing"), &first), SC_HIT);
		assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("thing"), &second),
			SC_HIT);
		/* An object is not in the region, so its references pin nothing there. */
		assert_int_equal(sct_stats(fixture->cache).pinned, 0);
		ways[i](fixture);
		sct_assert_counted_object(&first, &fixture->thing[0]);
		sc_value_release(&second);
		sct_assert_counted_object(&first, &fixture->thing[0]);
		sct_threads_run(1, release, &first);
		sct_assert_no_value(&first);
		assert_int_equal(fixture->thing[0].freed, 1);
		assert_false(pthread_equal(fixture->thing[0].freed_on, pthread_self()));
		restart(&fixture);
	}
	*state = fixture;
}

static void an_object_is_released_before_its_entry_is_removed(void **state)
{
	struct fixture *fixture = *state;
	struct sc_value value;

	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("thing"), &value), SC_HIT);
		sct_assert_counted_object(&value, &fixture->thing[0]);
		sc_value_release(&value);
	}
	assert_int_equal(fixture->thing[0].freed, 0);
	clear(fixture);
	assert_int_equal(fixture->thing[0].freed, 1);
}

/* ---- Objects compared with values ---- */

static void an_object_cannot_be_copied(void **state)
{
	struct fixture *fixture = *state;
	char buffer[64];
	size_t len = 99;

	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
	assert_int_equal(sc_cache_get(fixture->cache, SC_KEY("thing"), buffer, sizeof buffer, &len),
		SC_E_INVAL);
	assert_int_equal(len, 0);
	assert_int_equal(sc_cache_get(fixture->cache, SC_KEY("thing"), buffer, 0, &len),
		SC_E_INVAL);
	assert_int_equal(fixture->thing[0].freed, 0);
}

static void the_weight_of_an_object_counts_as_bytes(void **state)
{
	struct fixture *fixture = *state;
	uint64_t bytes;

	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], 30000);
	bytes = sct_stats(fixture->cache).bytes;
	assert_in_range(bytes, 30000, 30100);
	/* The weight is rounded up to a multiple of 8 bytes. */
	sct_put_counted_object(fixture->cache, SC_KEY("other"), &fixture->thing[1], 1);
	assert_in_range(sct_stats(fixture->cache).bytes, bytes + 8, bytes + 100);
	assert_int_equal(sc_cache_invalidate(fixture->cache, SC_KEY("thing")), SC_HIT);
	assert_in_range(sct_stats(fixture->cache).bytes, 8, 100);
	clear(fixture);
	assert_int_equal(sct_stats(fixture->cache).bytes, 0);
}

/* With both policies and any weights, the cache never exceeds its bound. */
static void weights_keep_the_bound(void **state)
{
	(void)state;
	for (uint64_t policy = SC_POLICY_ADAPTIVE; policy <= SC_POLICY_LRU; policy++) {
		static struct sct_counted_object things[2000];
		const uint64_t max_bytes = 64 << 10;
		struct sc_cache *cache =
			sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = max_bytes, .policy = policy));
		unsigned freed = 0;

		memset(things, 0, sizeof things);
		for (unsigned i = 0; i < 2000; i++) {
			/* The cache may refuse a heavy object in favour of its victims, and frees
			 * it then. */
			struct sc_object object = sct_object_of(&things[i], i * 7919 % 20000);
			things[i].cache = cache;
			assert_int_equal(sc_cache_put_object(cache, SC_KEY(i % 300), &object, NULL),
				SC_OK);
			assert_true(sct_stats(cache).bytes <= max_bytes);
		}
		for (unsigned i = 0; i < 2000; i++)
			freed += (unsigned)things[i].freed;
		assert_int_equal(freed + sct_stats(cache).entries, 2000);
		for (unsigned i = 0; i < 2000; i++)
			things[i].cache = NULL;
		sc_cache_close(cache);
		for (unsigned i = 0; i < 2000; i++)
			assert_int_equal(things[i].freed, 1);
	}
}

static void no_free_function(void **state)
{
	struct fixture *fixture = *state;
	struct sc_object object = { .pointer = &fixture->thing[0], .weight = 1 };
	struct sc_value value;

	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY("thing"), &object, NULL),
		SC_OK);
	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("thing"), &value), SC_HIT);
	sct_assert_counted_object(&value, &fixture->thing[0]);
	clear(fixture);
	sc_value_release(&value);
}

/* ---- The caller still owns a refused object ---- */

static void assert_refused(struct fixture *fixture, struct sc_key key, uint64_t weight,
	const struct sc_put_options *options, int rc)
{
	struct sc_object object = sct_object_of(&fixture->thing[1], weight);

	assert_int_equal(sc_cache_put_object(fixture->cache, key, &object, options), rc);
	assert_int_equal(fixture->thing[1].freed, 0);
}

static void bad_arguments_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct sc_put_options options = { .size = 3 };
	struct sc_value value;

	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
	assert_refused(fixture, SC_KEY("thing"), WEIGHT, &options, SC_E_INVAL);
	assert_refused(fixture, (struct sc_key){ NULL, 0 }, WEIGHT, NULL, SC_E_INVAL);
	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY("thing"), NULL, NULL),
		SC_E_INVAL);
	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY("thing"),
				 &(struct sc_object){ .weight = 1 }, NULL),
		SC_E_INVAL);
	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("thing"), &value), SC_HIT);
	sct_assert_counted_object(&value, &fixture->thing[0]);
	sc_value_release(&value);
}

/* The cache takes an object that has already expired, and frees it and the one that it replaces. */
static void an_object_with_a_negative_ttl_is_freed_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct sc_object object = sct_object_of(&fixture->thing[1], WEIGHT);

	fixture->thing[1].cache = fixture->cache;
	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY("thing"), &object,
				 SC_PUT_OPTIONS(.ttl_ms = -1)),
		SC_OK);
	assert_int_equal(fixture->thing[0].freed, 1);
	assert_int_equal(fixture->thing[1].freed, 1);
	assert_int_equal(sct_stats(fixture->cache).entries, 0);
}

static void an_object_heavier_than_the_cache_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t weights[] = { 64 << 10, UINT64_C(1) << 35, UINT64_MAX };

	for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
		sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
		assert_refused(fixture, SC_KEY("thing"), weights[i], NULL, SC_E_TOO_LARGE);
		/* The old entry is removed too. */
		assert_int_equal(fixture->thing[0].freed, 1);
		fixture->thing[0].freed = 0;
	}
	assert_int_equal(sct_stats(fixture->cache).rejected, 3);
	assert_int_equal(sct_stats(fixture->cache).entries, 0);
}

/* Weights and pinned values share one bound, as if both were in the region. */
static void an_object_that_does_not_fit_beside_pins_is_refused(void **state)
{
	static const char large[30000];
	struct fixture *fixture = *state;
	struct sc_value pinned;

	assert_int_equal(sc_cache_put(fixture->cache, SC_KEY("large"), large, sizeof large), SC_OK);
	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("large"), &pinned), SC_HIT);
	assert_int_equal(sc_cache_invalidate(fixture->cache, SC_KEY("large")), SC_HIT);
	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[0], WEIGHT);
	assert_refused(fixture, SC_KEY("thing"), 50000, NULL, SC_E_NOMEM);
	assert_int_equal(fixture->thing[0].freed, 1);
	assert_in_range(sct_stats(fixture->cache).bytes, 30000, 30100);
	sc_value_release(&pinned);
	sct_put_counted_object(fixture->cache, SC_KEY("thing"), &fixture->thing[1], 50000);
}

/* ---- A free function may use the cache ---- */

struct caller {
	struct sc_cache *cache;
	int calls;
};

static int load_text(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, "loaded", 6);
}

/* The free function makes every kind of call, and puts the object again. */
static void use_the_cache(void *pointer, void *context)
{
	struct caller *caller = pointer;
	struct sc_cache *cache = caller->cache;
	struct sc_value value;

	(void)context;
	caller->calls++;
	assert_int_equal(sct_put(cache, SC_KEY("left behind"), "by an object"), SC_OK);
	sct_assert_get(cache, SC_KEY("left behind"), "by an object");
	assert_int_equal(sc_cache_acquire(cache, SC_KEY("left behind"), &value), SC_HIT);
	assert_int_equal(sc_cache_invalidate(cache, SC_KEY("left behind")), SC_HIT);
	sct_assert_value(&value, "by an object");
	sc_value_release(&value);
	assert_in_range(sct_fetch(cache, SC_KEY("loaded"), load_text, NULL, &value, NULL), SC_HIT,
		SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(sc_cache_maintain(cache, 1000), 0);
	if (caller->calls < 20)
		assert_int_equal(sc_cache_put_object(cache, SC_KEY("caller"),
					 &(struct sc_object){ .pointer = caller,
						 .weight = WEIGHT,
						 .free = use_the_cache },
					 NULL),
			SC_OK);
}

static void a_free_function_may_use_the_cache(void **state)
{
	struct fixture *fixture = *state;
	struct caller caller = { .cache = fixture->cache };
	struct sc_object object = { .pointer = &caller, .weight = WEIGHT, .free = use_the_cache };
	struct sc_value value;

	assert_int_equal(sc_cache_put_object(fixture->cache, SC_KEY("caller"), &object, NULL),
		SC_OK);
	assert_int_equal(sc_cache_invalidate(fixture->cache, SC_KEY("caller")), SC_HIT);
	assert_int_equal(caller.calls, 1);
	clear(fixture);
	assert_int_equal(caller.calls, 2);
	assert_int_equal(sct_put(fixture->cache, SC_KEY("caller"), "text"), SC_OK);
	assert_int_equal(caller.calls, 3);
	fixture->now_ms += 100;
	assert_int_equal(sc_cache_maintain(fixture->cache, 1000), 0);
	assert_int_equal(caller.calls, 4);
	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("caller"), &value), SC_HIT);
	assert_int_equal(sc_cache_invalidate(fixture->cache, SC_KEY("caller")), SC_HIT);
	assert_int_equal(caller.calls, 4);
	sc_value_release(&value);
	assert_int_equal(caller.calls, 5);
	caller.calls = 20;
	clear(fixture);
	assert_int_equal(caller.calls, 21);
}

/* ---- Memos ---- */

static int load_thing(struct sc_load *load, void *context)
{
	struct sct_counted_object *things = context;
	struct sc_object object = sct_object_of(&things[sc_load_number(load, 0)], WEIGHT);

	return sc_load_set_object(load, &object);
}

static void memos_of_objects(void **state)
{
	static struct sct_counted_object things[4];
	struct sc_memo memo = SC_MEMO_INIT(
		SC_CACHE_OPTIONS(.loader = load_thing, .loader_context = things, .max_entries = 2));
	struct sc_value value;

	(void)state;
	for (int i = 0; i < 4; i++) {
		for (int again = 0; again < 2; again++) {
			assert_int_equal(sc_memo_call(&memo, SC_KEY(i), &value, NULL),
				again ? SC_HIT : SC_LOADED);
			sct_assert_counted_object(&value, &things[i]);
			sc_value_release(&value);
		}
		assert_int_equal(things[0].freed, i >= 2);
	}
	assert_int_equal(things[1].freed, 1);
	assert_int_equal(sc_memo_invalidate(&memo, SC_KEY(2)), SC_HIT);
	assert_int_equal(things[2].freed, 1);
	sc_memo_clear(&memo);
	assert_int_equal(things[3].freed, 1);
	things[0].freed = 0;
	assert_int_equal(sc_memo_call(&memo, SC_KEY(0), &value, NULL), SC_LOADED);
	sc_memo_fini(&memo);
	sct_assert_counted_object(&value, &things[0]);
	sc_value_release(&value);
	for (int i = 0; i < 4; i++)
		assert_int_equal(things[i].freed, 1);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(an_object_is_freed_however_its_entry_is_removed),
		with_fixture(an_object_lives_until_its_last_reference_is_released),
		with_fixture(an_object_is_released_before_its_entry_is_removed),
		with_fixture(an_object_cannot_be_copied),
		with_fixture(the_weight_of_an_object_counts_as_bytes),
		cmocka_unit_test(weights_keep_the_bound),
		with_fixture(no_free_function),
		with_fixture(bad_arguments_change_nothing),
		with_fixture(an_object_with_a_negative_ttl_is_freed_at_once),
		with_fixture(an_object_heavier_than_the_cache_is_refused),
		with_fixture(an_object_that_does_not_fit_beside_pins_is_refused),
		with_fixture(a_free_function_may_use_the_cache),
		cmocka_unit_test(memos_of_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
