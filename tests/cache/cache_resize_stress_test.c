/* Threads look up with and without the lock, pin values and put, while one thread changes the
 * bounds between the least and the largest, and another removes expired entries. Every value read
 * is one that was put, pinned values stay, and at the end the memory beyond the bound has been
 * returned. */
#include "cache/striped_cache.h"
#include "cache/resident_memory.h"
#include "cache/cache_check.h"
#include "support/random.h"
#include "support/threads.h"

#include <stdio.h>

#define KEYS    4000
#define READERS 3
#define RESIZES 80
#define HELD    4
#define MOST    (UINT64_C(4) << 20)
#define LEAST   (UINT64_C(256) << 10)
#define LEN_MAX 3000

enum role { RESIZER, MAINTAINER, WRITER, FIRST_READER };

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	atomic_bool over;
	atomic_uint hits, held, puts;
} arena;

/* Short values are copied without the lock. */
static size_t len_of(uint64_t key)
{
	return key % 4 ? 8 + key % 500 : 1000 + key % (LEN_MAX - 1000);
}

static void check(const void *data, size_t len, uint64_t key)
{
	sct_check(len == len_of(key));
	sct_check(sct_is_filled(data, len, key));
}

static void resize_again_and_again(uint64_t *random)
{
	for (int i = 0; i < RESIZES; i++) {
		uint64_t bytes = i % 2 ? MOST : LEAST + sct_below(random, MOST / 4);
		sct_check(sc_cache_resize(arena.cache, 50 + sct_below(random, KEYS), bytes, NULL) ==
			0);
		for (unsigned puts = arena.puts; arena.puts < puts + 30;)
			sct_pause();
	}
	arena.over = true;
}

static void maintain(uint64_t *random)
{
	while (!arena.over) {
		atomic_fetch_add(&arena.now_ms, (int64_t)sct_below(random, 3));
		sct_check(sc_cache_maintain(arena.cache, sct_below(random, 2)) >= 0);
		sct_pause();
	}
}

static void write_all(uint64_t *random)
{
	unsigned char bytes[LEN_MAX];

	while (!arena.over) {
		uint64_t key = sct_below(random, KEYS);
		sct_fill(bytes, len_of(key), key);
		int rc = sc_cache_put(arena.cache, SC_KEY(key), bytes, len_of(key));
		sct_check(rc == SC_OK || rc == SC_E_NOMEM);
		atomic_fetch_add(&arena.puts, 1);
	}
}

static void read_all(uint64_t *random)
{
	struct sc_value held[HELD] = { 0 };
	unsigned char bytes[LEN_MAX];
	uint64_t keys[HELD] = { 0 };
	size_t len;

	while (!arena.over) {
		uint64_t key = sct_below(random, KEYS), at = sct_below(random, HELD * 20);
		if (sc_cache_get(arena.cache, SC_KEY(key), bytes, sizeof bytes, &len) == SC_HIT) {
			check(bytes, len, key);
			atomic_fetch_add(&arena.hits, 1);
		}
		if (at >= HELD)
			continue;
		if (held[at].data) {
			check(held[at].data, held[at].len, keys[at]);
			atomic_fetch_add(&arena.held, 1);
		}
		sc_value_release(&held[at]);
		sc_cache_acquire(arena.cache, SC_KEY(key), &held[at]);
		keys[at] = key;
	}
	for (int i = 0; i < HELD; i++)
		sc_value_release(&held[i]);
}

static void play(unsigned number, void *arg)
{
	uint64_t random = number + 1;

	(void)arg;
	switch (number) {
	case RESIZER:
		resize_again_and_again(&random);
		break;
	case MAINTAINER:
		maintain(&random);
		break;
	case WRITER:
		write_all(&random);
		break;
	default:
		read_all(&random);
		break;
	}
}

static void resize_while_others_read(struct sc_cache *cache)
{
	arena.cache = cache;
	sct_threads_run(FIRST_READER + READERS, play, NULL);
	struct sc_cache_stats stats = sct_stats(arena.cache);
	printf("%u hits, %u held; %llu evicted, %llu reclaimed, %llu bytes moved\n", arena.hits,
		arena.held, (unsigned long long)stats.evictions,
		(unsigned long long)stats.reclaimed, (unsigned long long)stats.moved_bytes);
	assert_true(arena.hits > 1000);
	assert_true(arena.held > 10);
	assert_true(stats.moved_bytes > 0);
	assert_int_equal(stats.pinned, 0);
	sct_assert_cache_valid(arena.cache);
	assert_int_equal(sc_cache_resize(arena.cache, 0, LEAST, NULL), 0);
	assert_true(sct_resident(arena.cache) <= LEAST);
	sc_cache_close(arena.cache);
}

static void readers_see_whole_values_during_resizes(void **state)
{
	(void)state;
	memset(&arena, 0, sizeof arena);
	resize_while_others_read(sct_cache_open(
		SC_CACHE_OPTIONS(.max_entries = KEYS, .grow_entries = 2 * KEYS, .max_bytes = LEAST,
			.grow_bytes = MOST, .tti_ms = 500, .clock = sct_clock_of(&arena.now_ms))));
}

static void readers_see_whole_values_during_resizes_of_a_striped_cache(void **state)
{
	(void)state;
	memset(&arena, 0, sizeof arena);
	resize_while_others_read(sct_striped_cache_open(SC_CACHE_OPTIONS(.max_entries = KEYS,
		.max_bytes = LEAST, .tti_ms = 500, .clock = sct_clock_of(&arena.now_ms))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_see_whole_values_during_resizes),
		cmocka_unit_test(readers_see_whole_values_during_resizes_of_a_striped_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
