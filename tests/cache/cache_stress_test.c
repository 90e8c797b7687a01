/* Many threads use a few hot keys of a cache that is too small for them: no value is torn, none is
 * older than the last completed put, pins can be released by other threads, and the statistics add
 * up.
 *
 * A value contains its key, its version, and bytes that follow from both. Each key has one writer,
 * which increments `latest`, puts, and then publishes the version. A later lookup must not return
 * an older version, whether a put stored it or a loader, which reads `latest`. */
#include "cache/striped_cache.h"
#include "support/random.h"
#include "support/threads.h"

#include "cache/fetch_with_loader.h"
#include "cache/cache_check.h"

#include <pthread.h>
#include <stdio.h>

#define KEYS      8
#define WRITERS   2
#define READERS   4
#define OTHERS    1 /* invalidates, clears and reads the statistics */
#define ROUNDS    4000
#define VALUE_MAX 9000
#define PINS      4

struct claim {
	uint64_t key, version, len;
};

struct arena {
	struct sc_cache *cache;
	_Atomic uint64_t latest[KEYS], published[KEYS];
	atomic_uint hits, loads, lookups, invalidated;
};

static struct arena arena;

static size_t make_value(unsigned char *bytes, uint64_t key, uint64_t version)
{
	/* From a few bytes to twice the length that is copied under the lock; most values are
	 * short. */
	struct claim claim = { key, version, sizeof claim + version * 37 % VALUE_MAX };

	if (version % 5)
		claim.len = sizeof claim + version % 100;
	memcpy(bytes, &claim, sizeof claim);
	sct_fill(bytes + sizeof claim, claim.len - sizeof claim, key * 1000 + version);
	return claim.len;
}

/* Check all bytes of a value, and return its version. */
static uint64_t check_value(const void *data, size_t len, uint64_t key)
{
	struct claim claim;

	sct_check(len >= sizeof claim);
	memcpy(&claim, data, sizeof claim);
	sct_check(claim.key == key);
	sct_check(claim.len == len);
	sct_check(sct_is_filled((const unsigned char *)data + sizeof claim, len - sizeof claim,
		key * 1000 + claim.version));
	return claim.version;
}

/* Without yielding, more threads than processors would run one after the other. */
static void yield_sometimes(uint64_t *random)
{
	if (sct_below(random, 8) == 0)
		sct_pause();
}

static void write_keys(uint64_t *random, unsigned writer)
{
	unsigned char bytes[sizeof(struct claim) + VALUE_MAX];

	for (int i = 0; i < ROUNDS; i++) {
		yield_sometimes(random);
		uint64_t key = sct_below(random, KEYS / WRITERS) * WRITERS + writer;
		uint64_t version = atomic_fetch_add(&arena.latest[key], 1) + 1;
		size_t len = make_value(bytes, key, version);
		int rc = sc_cache_put(arena.cache, SC_KEY("hot", key), bytes, len);
		/* If pins leave no space, the put removes the old version, so publishing is still
		 * right. */
		sct_check(rc == SC_OK || rc == SC_E_NOMEM);
		atomic_store(&arena.published[key], version);
	}
}

static int load_latest(struct sc_load *load, void *context)
{
	uint64_t key = (uint64_t)sc_load_number(load, 1);
	void *data;

	(void)context;
	unsigned char bytes[sizeof(struct claim) + VALUE_MAX];
	uint64_t version = atomic_load(&arena.latest[key]);
	size_t len = make_value(bytes, key, version);
	atomic_fetch_add(&arena.loads, 1);
	if (sc_load_reserve(load, len, &data) < 0)
		return -1;
	memcpy(data, bytes, len);
	return 0;
}

struct held {
	struct sc_value value;
	uint64_t key;
};

static void release(struct held *held)
{
	if (held->value.data)
		check_value(held->value.data, held->value.len, held->key);
	sc_value_release(&held->value);
}

static int look_up(uint64_t *random, uint64_t key, struct sc_value *value, uint64_t *version)
{
	unsigned char bytes[sizeof(struct claim) + VALUE_MAX];
	size_t len;
	int rc;

	switch (sct_below(random, 3)) {
	case 0:
		rc = sc_cache_get(arena.cache, SC_KEY("hot", key), bytes, sizeof bytes, &len);
		if (rc == SC_HIT)
			*version = check_value(bytes, len, key);
		return rc;
	case 1:
		rc = sc_cache_acquire(arena.cache, SC_KEY("hot", key), value);
		break;
	default:
		rc = sct_fetch(arena.cache, SC_KEY("hot", key), load_latest, NULL, value, NULL);
		sct_check(rc > 0);
		break;
	}
	if (rc > 0)
		*version = check_value(value->data, value->len, key);
	return rc;
}

static void read_keys(uint64_t *random)
{
	struct held held[PINS] = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		yield_sometimes(random);
		uint64_t key = sct_below(random, KEYS), version = 0;
		uint64_t published = atomic_load(&arena.published[key]);
		struct sc_value value = { 0 };
		int rc = look_up(random, key, &value, &version);
		sct_check(rc >= 0);
		sct_check(rc == SC_MISS || version >= published);
		atomic_fetch_add(&arena.lookups, 1);
		atomic_fetch_add(&arena.hits, rc == SC_HIT);
		struct held *place = &held[sct_below(random, PINS)];
		release(place);
		*place = (struct held){ value, key };
	}
	for (int i = 0; i < PINS; i++)
		release(&held[i]);
}

static void disturb(uint64_t *random)
{
	struct sc_cache_stats last = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		yield_sometimes(random);
		struct sc_cache_stats stats = { .size = sizeof stats };
		switch (sct_below(random, 20)) {
		case 0:
			sc_cache_clear(arena.cache);
			break;
		case 1:
		case 2:
			atomic_fetch_add(&arena.invalidated,
				sc_cache_invalidate(arena.cache,
					SC_KEY("hot", sct_below(random, KEYS))) == SC_HIT);
			break;
		default:
			sct_check(sc_cache_read_stats(arena.cache, &stats) == 0);
			sct_check(stats.hits >= last.hits && stats.misses >= last.misses);
			sct_check(stats.puts >= last.puts && stats.evictions >= last.evictions);
			sct_check(stats.entries <= KEYS && stats.bytes <= stats.max_bytes);
			sct_check(stats.pinned_bytes <= stats.bytes);
			last = stats;
		}
	}
}

static void play_a_part(unsigned number, void *arg)
{
	uint64_t random = number + 1;

	(void)arg;
	if (number < WRITERS)
		write_keys(&random, number);
	else if (number < WRITERS + READERS)
		read_keys(&random);
	else
		disturb(&random);
}

static void no_value_is_torn_or_old(void **state)
{
	/* Each cache holds only a few values at a time, and some are always pinned. */
	struct sc_cache *caches[] = {
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 36 << 10)),
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 36 << 10, .policy = SC_POLICY_LRU)),
		sct_striped_cache_open(SC_CACHE_OPTIONS(.max_bytes = 144 << 10)),
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 36 << 10, .secret = 1)),
	};

	(void)state;
	for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
		arena = (struct arena){ .cache = caches[i] };
		sct_threads_run(WRITERS + READERS + OTHERS, play_a_part, NULL);

		struct sc_cache_stats stats = sct_stats(arena.cache);
		printf("%u lookups, %u hits, %u loads, %llu evictions, %llu rejected\n",
			arena.lookups, arena.hits, arena.loads, (unsigned long long)stats.evictions,
			(unsigned long long)stats.rejected);
		assert_int_equal(stats.hits + stats.misses, arena.lookups);
		assert_int_equal(stats.hits, arena.hits);
		assert_int_equal(stats.loads, arena.loads);
		/* The numbers of loads and evictions depend on the scheduler. */
		assert_true(arena.hits > 1000);
		assert_true(stats.invalidations >= arena.invalidated);
		assert_int_equal(stats.pinned, 0);
		assert_int_equal(stats.pinned_bytes, 0);
		sct_assert_cache_valid(arena.cache);
		sc_cache_close(arena.cache);
	}
}

/* ---- Counting ---- */

/* More threads than there are slots with counters of one thread. */
#define COUNTERS 40

static void look_up_and_miss(unsigned number, void *arg)
{
	unsigned char byte;
	size_t len;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		sct_check(sc_cache_get(arena.cache, SC_KEY(i % 2), &byte, 1, &len) ==
			(i % 2 ? SC_HIT : SC_MISS));
	sct_check(number < COUNTERS);
}

static void every_lookup_is_counted(void **state)
{
	(void)state;
	arena = (struct arena){ .cache = sct_cache_open(SC_CACHE_OPTIONS(.concurrency = 8)) };
	assert_int_equal(sct_put(arena.cache, SC_KEY(1), "x"), SC_OK);
	sct_threads_run(COUNTERS, look_up_and_miss, NULL);
	assert_int_equal(sct_stats(arena.cache).hits, COUNTERS * ROUNDS / 2);
	assert_int_equal(sct_stats(arena.cache).misses, COUNTERS * ROUNDS / 2);
	sc_cache_close(arena.cache);
}

/* ---- Pins released by another thread ---- */

#define SLOTS 16

static struct {
	pthread_mutex_t lock;
	struct held slots[SLOTS];
} exchange = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void hand_over(unsigned number, void *arg)
{
	uint64_t random = number + 1;
	unsigned char bytes[sizeof(struct claim) + VALUE_MAX];

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t key = sct_below(&random, KEYS);
		struct held mine = { .key = key };
		if (sc_cache_acquire(arena.cache, SC_KEY("hot", key), &mine.value) != SC_HIT)
			sc_cache_put(arena.cache, SC_KEY("hot", key), bytes,
				make_value(bytes, key, (uint64_t)i));
		struct held *slot = &exchange.slots[sct_below(&random, SLOTS)];
		pthread_mutex_lock(&exchange.lock);
		struct held theirs = *slot;
		*slot = mine;
		pthread_mutex_unlock(&exchange.lock);
		release(&theirs);
	}
}

static void pins_are_released_by_other_threads(void **state)
{
	(void)state;
	for (int is_striped = 0; is_striped <= 1; is_striped++) {
		const struct sc_cache_options *options = SC_CACHE_OPTIONS(.max_bytes = 192 << 10);
		arena = (struct arena){ .cache = is_striped ? sct_striped_cache_open(options)
							    : sct_cache_open(options) };
		memset(exchange.slots, 0, sizeof exchange.slots);
		sct_threads_run(4, hand_over, NULL);
		/* Some are still pinned when the cache is closed. */
		sc_cache_close(arena.cache);
		for (int i = 0; i < SLOTS; i++)
			release(&exchange.slots[i]);
	}
}

/* ---- Closing while other threads hold pins ---- */

static pthread_barrier_t pinned, closing;

static void hold_over_the_close(unsigned number, void *arg)
{
	struct held held = { .key = number };
	unsigned char bytes[sizeof(struct claim) + VALUE_MAX];

	(void)arg;
	size_t len = make_value(bytes, number, 7);
	sct_check(sc_cache_put(arena.cache, SC_KEY("hot", number), bytes, len) == SC_OK);
	sct_check(sc_cache_acquire(arena.cache, SC_KEY("hot", number), &held.value) == SC_HIT);
	pthread_barrier_wait(&pinned);
	pthread_barrier_wait(&closing);
	/* One thread closes, three release; the last one frees the memory. */
	if (number == 0)
		sc_cache_close(arena.cache);
	release(&held);
}

static void closing_with_pins_held_elsewhere(void **state)
{
	enum { THREADS = 4 };

	(void)state;
	pthread_barrier_init(&pinned, NULL, THREADS);
	pthread_barrier_init(&closing, NULL, THREADS);
	for (int i = 0; i < 300; i++) {
		arena = (struct arena){ .cache = i % 2
				? sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10))
				: sct_cache_open(SC_CACHE_OPTIONS(.concurrency = 8)) };
		sct_threads_run(THREADS, hold_over_the_close, NULL);
	}
	pthread_barrier_destroy(&pinned);
	pthread_barrier_destroy(&closing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_value_is_torn_or_old),
		cmocka_unit_test(every_lookup_is_counted),
		cmocka_unit_test(pins_are_released_by_other_threads),
		cmocka_unit_test(closing_with_pins_held_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
