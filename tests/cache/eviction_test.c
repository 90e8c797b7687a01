/* Eviction orders: their documented results, and the same decisions as a cache of the library. */
#include "support/cmocka.h"

#include "support/allocation.h"
#include "support/random.h"

#include <scopecache/cache.h>
#include <scopecache/eviction.h>

#include <string.h>

#define KEYS     20000u
#define REQUESTS 40000u
#define SECRETS  5u

struct owner {
	struct sc_eviction *order;
	uint64_t secret;          /* of the hash */
	uint32_t number_of[KEYS]; /* plus one */
	uint32_t key_of[2 * KEYS];
	unsigned requests, hits, entries;
};

static uint64_t hash_of(uint64_t key)
{
	return sct_random(&key);
}

static void take_victims(struct owner *owner)
{
	for (uint32_t victim; sc_eviction_victim(owner->order, &victim);) {
		owner->number_of[owner->key_of[victim]] = 0;
		owner->entries--;
	}
}

/* Returns whether it is a hit. */
static bool ask(struct owner *owner, uint32_t key, uint64_t weight)
{
	uint32_t number = owner->number_of[key];

	owner->requests++;
	if (number) {
		sc_eviction_mark(owner->order, number - 1);
		owner->hits++;
		return true;
	}
	if (sc_eviction_insert(owner->order, hash_of(key + owner->secret), weight, &number) < 0)
		return false;
	take_victims(owner);
	if (number == SC_EVICTION_NONE)
		return false;
	assert_true(number < 2 * KEYS);
	owner->key_of[number] = key;
	owner->number_of[key] = number + 1;
	owner->entries++;
	return false;
}

static struct owner *owner_of(const struct sc_eviction_options *options)
{
	struct owner *owner = calloc(1, sizeof *owner);

	assert_non_null(owner);
	assert_int_equal(sc_eviction_open(&owner->order, options), 0);
	return owner;
}

static void finish(struct owner *owner)
{
	sc_eviction_close(owner->order);
	free(owner);
}

static uint32_t zipf_like(uint64_t *seed, uint32_t keys)
{
	uint64_t draw = sct_random(seed) >> 11;
	uint64_t key = draw % keys;

	for (draw /= keys; draw > keys; draw /= keys)
		key = key * (draw % keys) / keys;
	return (uint32_t)key;
}

enum stream { LOOP, ZIPF, SCANS, SHIFTS, STREAMS };

static uint32_t next_key(enum stream stream, unsigned i, uint64_t *seed)
{
	switch (stream) {
	case LOOP:
		return i % 1000;
	case ZIPF:
		return zipf_like(seed, 5000);
	case SCANS:
		return i % 2 ? 6000 + i / 2 % 2000 : zipf_like(seed, 5000);
	default:
		return (zipf_like(seed, 5000) + i / 20000 * 500) % 10000;
	}
}

/* The hits of a cache of the library, which has its own secret. */
static unsigned hits_of_a_cache(enum stream stream, uint64_t entries)
{
	struct sc_cache *cache = NULL;
	uint64_t seed = 5;
	unsigned hits = 0;

	assert_int_equal(sc_cache_open(&cache,
				 SC_CACHE_OPTIONS(.max_bytes = 16 << 20, .max_entries = entries,
					 .entry_bytes = 8),
				 NULL),
		0);
	for (unsigned i = 0; i < REQUESTS; i++) {
		uint32_t key = next_key(stream, i, &seed);
		unsigned char value[8];
		size_t len = 0;
		int rc = sc_cache_get(cache, SC_KEY(key), value, sizeof value, &len);
		hits += rc == SC_HIT;
		if (rc == SC_MISS)
			assert_int_equal(sc_cache_put(cache, SC_KEY(key), "x", 1), 0);
	}
	sc_cache_close(cache);
	return hits;
}

static unsigned hits_of_an_order(enum stream stream, uint64_t entries, uint64_t grow,
	uint64_t secret)
{
	struct owner *owner = owner_of(SC_EVICTION_OPTIONS(.max_entries = entries, .grow = grow));
	uint64_t seed = 5;

	owner->secret = secret;
	for (unsigned i = 0; i < REQUESTS; i++) {
		ask(owner, next_key(stream, i, &seed), 0);
		assert_true(owner->entries <= entries);
	}
	unsigned hits = owner->hits;
	finish(owner);
	return hits;
}

/* With another secret of the hash, other ghosts collide and other entries are compared: in such
 * short streams two caches may differ by two points. So the test compares sums of several. */
static void hits_as_a_cache_does(void **state)
{
	const uint64_t sizes[] = { 64, 800 };

	(void)state;
	for (unsigned stream = 0; stream < STREAMS; stream++)
		for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			unsigned cache = 0, order = 0;
			for (unsigned secret = 0; secret < SECRETS; secret++) {
				cache += hits_of_a_cache((enum stream)stream, sizes[i]);
				order += hits_of_an_order((enum stream)stream, sizes[i], i,
					(uint64_t)secret << 32);
			}
			if (order + SECRETS * REQUESTS / 50 < cache)
				fail_msg("stream %u, %u entries: %u hits, caches have %u", stream,
					(unsigned)sizes[i], order, cache);
		}
}

static void weight_is_bounded(void **state)
{
	struct owner *owner = owner_of(SC_EVICTION_OPTIONS(.max_weight = 100000));
	uint64_t seed = 9;
	uint32_t number;

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		ask(owner, zipf_like(&seed, 5000), 1000);
		assert_true(owner->entries <= 100);
	}
	assert_true(owner->entries > 90);
	assert_int_equal(sc_eviction_insert(owner->order, 1, 100001, &number), SC_E_TOO_LARGE);
	finish(owner);
}

static void a_light_entry_weighs_at_least_32_bytes(void **state)
{
	struct owner *owner = owner_of(SC_EVICTION_OPTIONS(.max_weight = 32000));

	(void)state;
	for (uint32_t key = 0; key < 1000; key++)
		ask(owner, key, key % 33);
	assert_int_equal(owner->entries, 1000);
	ask(owner, 1000, 0);
	assert_int_equal(owner->entries, 1000);
	finish(owner);
}

static void a_heavier_value_evicts_others(void **state)
{
	struct owner *owner = owner_of(SC_EVICTION_OPTIONS(.max_weight = 10000));

	(void)state;
	for (uint32_t key = 0; key < 10; key++)
		ask(owner, key, 1000);
	assert_int_equal(owner->entries, 10);
	uint32_t heavy = owner->number_of[3] - 1;
	assert_int_equal(sc_eviction_replace(owner->order, heavy, 10001), SC_E_TOO_LARGE);
	assert_int_equal(sc_eviction_replace(owner->order, heavy, 4000), 0);
	take_victims(owner);
	assert_true(owner->entries <= 7);
	assert_true(owner->entries >= 6);
	finish(owner);
}

static void wrong_numbers_are_refused(void **state)
{
	struct owner *owner = owner_of(SC_EVICTION_OPTIONS(.max_entries = 2));
	uint32_t number;

	(void)state;
	ask(owner, 1, 0);
	number = owner->number_of[1] - 1;
	assert_int_equal(sc_eviction_remove(owner->order, 7), SC_E_INVAL);
	assert_int_equal(sc_eviction_replace(owner->order, 7, 0), SC_E_INVAL);
	assert_int_equal(sc_eviction_replace(owner->order, number, 0), 0);
	assert_int_equal(sc_eviction_remove(owner->order, number), 0);
	assert_int_equal(sc_eviction_remove(owner->order, number), SC_E_INVAL);
	assert_int_equal(sc_eviction_victim(owner->order, &number), 0);
	finish(owner);
}

static void victims_keep_their_numbers_until_asked_for(void **state)
{
	struct owner *owner = owner_of(SC_EVICTION_OPTIONS(.max_entries = 2));
	uint32_t number, inserted = 0, victims = 0;

	(void)state;
	while (sc_eviction_insert(owner->order, hash_of(inserted), 0, &number) == 0)
		inserted++;
	assert_int_equal(inserted, 8);
	while (sc_eviction_victim(owner->order, &number))
		victims++;
	assert_int_equal(victims, 6);
	assert_int_equal(sc_eviction_insert(owner->order, 5, 0, &number), 0);
	finish(owner);
}

static void wrong_options_are_refused(void **state)
{
	struct sc_eviction *order = (struct sc_eviction *)(uintptr_t)8;
	struct sc_eviction_options unsized = { .max_entries = 5 };

	(void)state;
	assert_int_equal(sc_eviction_open(&order, NULL), SC_E_INVAL);
	assert_null(order);
	assert_int_equal(sc_eviction_open(&order, &unsized), SC_E_INVAL);
	assert_int_equal(sc_eviction_open(&order, SC_EVICTION_OPTIONS(.max_entries = 0)),
		SC_E_INVAL);
	assert_int_equal(sc_eviction_open(&order,
				 SC_EVICTION_OPTIONS(.max_entries = (UINT64_C(1) << 28) + 1)),
		SC_E_INVAL);
	assert_int_equal(sc_eviction_open(&order,
				 SC_EVICTION_OPTIONS(.max_weight = (UINT64_C(1) << 34) + 1)),
		SC_E_INVAL);
	assert_int_equal(sc_eviction_open(&order, SC_EVICTION_OPTIONS(.max_entries = 5, .grow = 2)),
		SC_E_INVAL);
	sc_eviction_close(NULL);
}

static void grow(void *arg)
{
	struct sc_eviction *order;
	uint32_t number;

	(void)arg;
	if (sc_eviction_open(&order, SC_EVICTION_OPTIONS(.max_weight = 1 << 20)) < 0) {
		assert_true(sct_allocation_failed());
		return;
	}
	for (uint32_t i = 0; i < 200; i++) {
		int rc = sc_eviction_insert(order, hash_of(i), 0, &number);
		if (rc < 0) {
			assert_int_equal(rc, SC_E_NOMEM);
			/* Nothing has changed, and the next call succeeds. */
			assert_int_equal(sc_eviction_insert(order, hash_of(i), 0, &number), 0);
		}
		assert_int_equal(number, i);
	}
	sc_eviction_close(order);
}

static void out_of_memory_changes_nothing(void **state)
{
	(void)state;
	sct_fail_each_allocation(grow, NULL);
}

static void coarse_time_advances(void **state)
{
	int64_t before = sc_time_coarse_ms(), after = before;

	(void)state;
	while (after == before)
		after = sc_time_coarse_ms();
	assert_true(after > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hits_as_a_cache_does),
		cmocka_unit_test(weight_is_bounded),
		cmocka_unit_test(a_light_entry_weighs_at_least_32_bytes),
		cmocka_unit_test(a_heavier_value_evicts_others),
		cmocka_unit_test(wrong_numbers_are_refused),
		cmocka_unit_test(victims_keep_their_numbers_until_asked_for),
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test(out_of_memory_changes_nothing),
		cmocka_unit_test(coarse_time_advances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
