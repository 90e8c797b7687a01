/* Objects in a striped cache: freed once, however they are removed, with no stripe's lock held. */
#include "cache/striped_cache.h"
#include "cache/handle.h"
#include "cache/cache_check.h"

#include <scopecache/memo.h>

#define OBJECTS 4000
#define STRIPES 8

static struct {
	struct sc_cache *cache; /* used while they are freed, if not NULL */
	_Atomic int64_t now_ms;
	unsigned freed, freed_of[OBJECTS];
	char memory[OBJECTS]; /* each object is an element's address */
} zoo;

static void assert_no_lock_is_held(void)
{
	for (uint32_t i = 0; i < zoo.cache->stripe_count; i++) {
		assert_int_equal(pthread_mutex_trylock(&zoo.cache->stripes[i].lock.mutex), 0);
		pthread_mutex_unlock(&zoo.cache->stripes[i].lock.mutex);
	}
}

/* The free function uses the cache, in any stripe. A later put may evict what it puts. */
static void set_free(void *pointer, void *context)
{
	uint64_t number = (uint64_t)((char *)pointer - zoo.memory);
	char byte;
	size_t len;

	assert_ptr_equal(context, &zoo);
	assert_in_range(number, 0, OBJECTS - 1);
	assert_int_equal(zoo.freed_of[number]++, 0);
	zoo.freed++;
	if (!zoo.cache)
		return;
	assert_no_lock_is_held();
	sct_stats(zoo.cache);
	assert_int_equal(sc_cache_put(zoo.cache, SC_KEY("freed", number), "x", 1), SC_OK);
	assert_true(sc_cache_get(zoo.cache, SC_KEY("freed", number), &byte, 1, &len) >= 0);
	assert_true(sc_cache_invalidate(zoo.cache, SC_KEY("freed", number)) >= 0);
}

static struct sc_object object_of(uint64_t number)
{
	return (struct sc_object){
		.pointer = &zoo.memory[number],
		.weight = 1000,
		.free = set_free,
		.context = &zoo,
	};
}

static void put(uint64_t key, uint64_t number)
{
	struct sc_object object = object_of(number);

	assert_int_equal(sc_cache_put_object(zoo.cache, SC_KEY("object", key), &object, NULL),
		SC_OK);
}

static void put_all(void)
{
	for (uint64_t i = 0; i < OBJECTS; i++)
		put(i, i);
}

static int open_zoo(void **state)
{
	(void)state;
	memset(&zoo, 0, sizeof zoo);
	zoo.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 8 * SCT_MIB, .concurrency = 2,
		.policy = SC_POLICY_LRU, .ttl_ms = 1000, .clock = sct_clock_of(&zoo.now_ms)));
	assert_int_equal(zoo.cache->stripe_count, STRIPES);
	return 0;
}

/* No thread may use a cache that is being closed. */
static void close_cache(void)
{
	struct sc_cache *cache = zoo.cache;

	sct_assert_cache_valid(cache);
	zoo.cache = NULL;
	sc_cache_close(cache);
}

static int close_zoo(void **state)
{
	(void)state;
	if (zoo.cache)
		close_cache();
	return zoo.freed == OBJECTS ? 0 : -1;
}

static void by_clearing(void **state)
{
	(void)state;
	put_all();
	assert_int_equal(zoo.freed, 0);
	sc_cache_clear(zoo.cache);
	assert_int_equal(zoo.freed, OBJECTS);
	assert_int_equal(sct_stats(zoo.cache).entries, 0);
}

static void by_closing(void **state)
{
	(void)state;
	put_all();
	close_cache();
	assert_int_equal(zoo.freed, OBJECTS);
}

static void by_a_smaller_bound(void **state)
{
	(void)state;
	put_all();
	assert_int_equal(sc_cache_resize(zoo.cache, 0, 2 * SCT_MIB, NULL), 0);
	struct sc_cache_stats stats = sct_stats(zoo.cache);
	assert_in_range(stats.entries, 1, 2 * SCT_MIB / 1000);
	assert_int_equal(zoo.freed + stats.entries, OBJECTS);
	/* A bound of one entry for each stripe. */
	assert_int_equal(sc_cache_resize(zoo.cache, STRIPES, 0, NULL), 0);
	assert_true(sct_stats(zoo.cache).entries <= STRIPES);
	assert_int_equal(zoo.freed + sct_stats(zoo.cache).entries, OBJECTS);
}

static void by_eviction(void **state)
{
	static const char value[1000];

	(void)state;
	put_all();
	for (uint64_t key = 0; key < 20000; key++)
		assert_int_equal(sc_cache_put(zoo.cache, SC_KEY(key), value, sizeof value), SC_OK);
	assert_int_equal(zoo.freed, OBJECTS);
	assert_true(sct_stats(zoo.cache).evictions >= OBJECTS);
}

static void by_replacement_and_invalidation(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < OBJECTS; i++)
		put(i / 2, i);
	assert_int_equal(zoo.freed, OBJECTS / 2);
	for (uint64_t i = 0; i < OBJECTS / 2; i++)
		assert_int_equal(sc_cache_invalidate(zoo.cache, SC_KEY("object", i)), SC_HIT);
	assert_int_equal(zoo.freed, OBJECTS);
}

static void by_expiry(void **state)
{
	(void)state;
	put_all();
	zoo.now_ms = 1000;
	assert_int_equal(sc_cache_maintain(zoo.cache, 60000), 0);
	assert_int_equal(zoo.freed, OBJECTS);
}

/* A pinned object is freed by its last release, whatever its stripe, also after closing. */
static void by_the_last_release(void **state)
{
	static struct sc_value held[OBJECTS];

	(void)state;
	put_all();
	for (uint64_t i = 0; i < OBJECTS; i++)
		assert_int_equal(sc_cache_acquire(zoo.cache, SC_KEY("object", i), &held[i]),
			SC_HIT);
	sc_cache_clear(zoo.cache);
	assert_int_equal(zoo.freed, 0);
	for (uint64_t i = 0; i < OBJECTS / 2; i++)
		sc_value_release(&held[i]);
	assert_int_equal(zoo.freed, OBJECTS / 2);
	close_cache();
	for (uint64_t i = OBJECTS / 2; i < OBJECTS; i++) {
		assert_ptr_equal(held[i].data, &zoo.memory[i]);
		sc_value_release(&held[i]);
	}
	assert_int_equal(zoo.freed, OBJECTS);
}

static int load_object(struct sc_load *load, void *context)
{
	struct sc_object object = object_of((uint64_t)sc_load_number(load, 0));

	(void)context;
	return sc_load_set_object(load, &object);
}

/* Clearing a memo holds all locks, and frees objects after it has released them. */
static void by_clearing_a_memo(void **state)
{
	struct sc_memo memo;
	struct sc_value value;

	(void)state;
	close_cache();
	assert_int_equal(sc_memo_init(&memo, load_object, NULL,
				 SC_CACHE_OPTIONS(.max_bytes = 8 * SCT_MIB, .concurrency = 2),
				 NULL),
		0);
	for (uint64_t i = 0; i < OBJECTS; i++) {
		assert_int_equal(sc_memo_call(&memo, SC_KEY(i), &value, NULL), SC_LOADED);
		sc_value_release(&value);
	}
	zoo.cache = memo.cache;
	assert_int_equal(zoo.cache->stripe_count, STRIPES);
	sc_memo_clear(&memo);
	assert_int_equal(zoo.freed, OBJECTS);
	zoo.cache = NULL;
	sc_memo_fini(&memo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_clearing, open_zoo, close_zoo),
		cmocka_unit_test_setup_teardown(by_closing, open_zoo, close_zoo),
		cmocka_unit_test_setup_teardown(by_a_smaller_bound, open_zoo, close_zoo),
		cmocka_unit_test_setup_teardown(by_eviction, open_zoo, close_zoo),
		cmocka_unit_test_setup_teardown(by_replacement_and_invalidation, open_zoo,
			close_zoo),
		cmocka_unit_test_setup_teardown(by_expiry, open_zoo, close_zoo),
		cmocka_unit_test_setup_teardown(by_the_last_release, open_zoo, close_zoo),
		cmocka_unit_test_setup_teardown(by_clearing_a_memo, open_zoo, close_zoo),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
