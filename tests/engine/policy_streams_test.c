/* Streams in which policies collapse, and how close the policy stays to the better of recency and
 * frequency. Streams and hashes are fixed, so every count is exact and repeatable. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/layout.h"
#include "engine/shard.h"
#include "engine/shard_check.h"
#include "support/random.h"

#include <string.h>

#define MEMORY (4u << 20)

/* A cache, and its requests. */
struct stream {
	struct sci_shard *shard;
	unsigned requests, hits;
};

static struct stream start(enum sci_policy policy, uint64_t entries)
{
	struct sci_shard_options options = { policy, MEMORY, entries, 64, false };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, MEMORY);

	assert_non_null(memory);
	memset(memory, 0, MEMORY);
	return (struct stream){ .shard = sci_shard_format(memory, &options) };
}

/* The seed of the hash: where keys and ghosts collide must not decide. */
static uint64_t hash_seed = 7;

static void ask(struct stream *stream, uint64_t key)
{
	struct sci_name name = { .key = &key,
		.len = sizeof key,
		.hash = sci_hash(&key, sizeof key, hash_seed) };
	struct sci_content content = { .value = &key, .len = 8, .expires_ms = SCI_NEVER };
	struct sci_found found;

	stream->requests++;
	if (sci_shard_find(stream->shard, &name, 0, &found) == SCI_LOOKUP_HIT)
		stream->hits++;
	else
		assert_int_equal(sci_shard_put(stream->shard, &name, &content, 0), SCI_STORE_OK);
}

/* In thousandths. */
static unsigned finish(struct stream *stream)
{
	assert_null(sci_shard_check(stream->shard));
	free(stream->shard);
	return (unsigned)(stream->hits * UINT64_C(1000) / stream->requests);
}

static unsigned laps_of_loop(uint64_t keys, uint64_t entries, unsigned laps)
{
	struct stream stream = start(SCI_POLICY_COUNTED, entries);

	for (unsigned lap = 0; lap < laps; lap++)
		for (uint64_t key = 0; key < keys; key++)
			ask(&stream, key);
	return finish(&stream);
}

static unsigned loop(uint64_t keys, uint64_t entries)
{
	return laps_of_loop(keys, entries, 20);
}

/* Belady hits (C - 1) of (N - 1) in each lap but the first. */
static void a_loop_keeps_four_fifths_of_what_is_possible(void **state)
{
	const unsigned percent[] = { 30, 40, 50, 60, 70, 75, 80, 85, 90, 95 };
	const uint64_t loops[] = { 100, 1000 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		unsigned best = 0;
		for (unsigned j = 0; j < sizeof percent / sizeof *percent; j++) {
			uint64_t entries = loops[i] * percent[j] / 100;
			unsigned hits = loop(loops[i], entries);
			uint64_t opt = 950 * (entries - 1) / (loops[i] - 1);
			if (hits < opt * 8 / 10 || hits + 20 < best)
				fail_msg("a loop of %u in %u entries hits %u of a thousand",
					(unsigned)loops[i], (unsigned)entries, hits);
			best = hits > best ? hits : best;
		}
	}
}

/* Main keeps what it has in the second lap already: a key that misses does not replace one that is
 * due later. Of five laps four can hit. */
static void a_loop_is_kept_at_once_whatever_the_hash(void **state)
{
	const unsigned percent[] = { 30, 35, 42, 50, 65, 80 };

	(void)state;
	for (unsigned j = 0; j < sizeof percent / sizeof *percent; j++) {
		uint64_t keys = 1300, entries = keys * percent[j] / 100;
		uint64_t opt = 800 * (entries - 1) / (keys - 1);
		unsigned least = 1000, most = 0;
		for (hash_seed = 1; hash_seed <= 8; hash_seed++) {
			unsigned hits = laps_of_loop(keys, entries, 5);
			least = hits < least ? hits : least;
			most = hits > most ? hits : most;
		}
		hash_seed = 7;
		if (least < opt * 9 / 10 || most > least + 20)
			fail_msg("five laps in %u entries hit %u to %u of a thousand",
				(unsigned)entries, least, most);
	}
}

#define PENDING 4096u

/* Each key is requested `uses` times within `distance` requests or so, and never again. */
static void recent(struct stream *stream, unsigned distance, unsigned uses, unsigned requests)
{
	uint64_t due[PENDING] = { 0 }, random = 11, next = 1;
	unsigned left[PENDING] = { 0 };

	for (unsigned i = 0; i < requests; i++) {
		uint64_t key = due[i % PENDING];
		unsigned more = left[i % PENDING];
		due[i % PENDING] = 0;
		if (!key) {
			key = next++;
			more = uses;
		}
		ask(stream, key);
		if (more <= 1)
			continue;
		unsigned at = i + 1 + (unsigned)(sct_random(&random) >> 11) % distance;
		while (due[at % PENDING])
			at++;
		due[at % PENDING] = key;
		left[at % PENDING] = more - 1;
	}
}

/* The difference to LRU, in thousandths. */
static int recency(unsigned distance, unsigned uses, uint64_t entries, unsigned requests)
{
	struct stream ours = start(SCI_POLICY_COUNTED, entries);
	struct stream lru = start(SCI_POLICY_LRU, entries);

	recent(&ours, distance, uses, requests);
	recent(&lru, distance, uses, requests);
	int difference = (int)finish(&ours);
	return difference - (int)finish(&lru);
}

static void recency_is_learned(void **state)
{
	const unsigned cases[][2] = { { 20, 2 }, { 20, 3 }, { 60, 4 }, { 250, 2 } };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned size = 1; size <= 4; size++) {
			unsigned entries = cases[i][0] * size / 2;
			int whole = recency(cases[i][0], cases[i][1], entries, 20000);
			int first = recency(cases[i][0], cases[i][1], entries, 1000);
			if (whole < -10 || first < -50)
				fail_msg("%u times within %u in %u entries: %d to LRU, at first %d",
					cases[i][1], cases[i][0], entries, whole, first);
		}
}

/* A newcomer that was used as often as main's next victim does not take its place: the first keys
 * stay, however many come once, until their counts halve. */
static void the_resident_wins_ties(void **state)
{
	enum { ENTRIES = 100 };
	struct stream stream = start(SCI_POLICY_COUNTED, ENTRIES);

	(void)state;
	stream.shard->balance.lru_mode = 0;
	for (uint64_t key = 0; key < 10 * ENTRIES; key++)
		ask(&stream, key);
	assert_int_equal(stream.hits, 0);
	uint64_t in_main = stream.shard->queue[SCI_MAIN].entries;
	for (uint64_t key = 0; key < in_main; key++)
		ask(&stream, key);
	assert_true(in_main >= ENTRIES / 2);
	/* A few keys are taken for ghosts of others, with their uses. */
	assert_in_range(stream.hits, in_main * 9 / 10, in_main);
	finish(&stream);
}

/* Half of the requests are a loop, half are for few keys. */
static unsigned mixed(uint64_t entries)
{
	struct stream stream = start(SCI_POLICY_COUNTED, entries);
	uint64_t random = 5;

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t draw = sct_random(&random) >> 11;
		uint64_t hot = (draw % 400) * (draw / 400 % 400) / 400;
		ask(&stream, i % 2 ? 1000 + i / 2 % 300 : hot);
	}
	return finish(&stream);
}

static void a_larger_cache_hits_no_less(void **state)
{
	unsigned before = 0;

	(void)state;
	for (uint64_t entries = 16; entries < 700; entries += entries / 10 + 1) {
		unsigned hits = mixed(entries);
		if (hits + 20 < before)
			fail_msg("%u entries hit %u, fewer had %u", (unsigned)entries, hits,
				before);
		before = hits;
	}
}

/* A cache without evidence is an LRU cache: on keys used twice and never again, and on keys used
 * often. */
static void a_cold_cache_is_no_worse_than_lru(void **state)
{
	(void)state;
	for (uint64_t entries = 16; entries <= 256; entries *= 2) {
		struct stream ours = start(SCI_POLICY_COUNTED, entries);
		struct stream lru = start(SCI_POLICY_LRU, entries);
		uint64_t random = 3;
		for (unsigned i = 0; i < 1000; i++) {
			uint64_t draw = sct_random(&random) >> 11;
			uint64_t key = (draw % 1000) * (draw / 1000 % 1000) / 1000 *
				(draw / 1000000 % 1000) / 1000;
			ask(&ours, key);
			ask(&lru, key);
		}
		int difference = (int)finish(&ours);
		difference -= (int)finish(&lru);
		if (difference < -10)
			fail_msg("%u entries: %d to LRU", (unsigned)entries, difference);
	}
}

/* A hit in a cache that evicts nothing writes nothing, once each entry was hit. */
static void a_hit_without_evictions_writes_nothing(void **state)
{
	enum { ENTRIES = 500 };
	struct stream stream = start(SCI_POLICY_COUNTED, 1000);
	static unsigned char before[MEMORY];

	(void)state;
	for (unsigned lap = 0; lap < 3; lap++)
		for (uint64_t key = 0; key < ENTRIES; key++)
			ask(&stream, key);
	memcpy(before, stream.shard, MEMORY);
	for (uint64_t key = 0; key < ENTRIES; key++)
		ask(&stream, key * 7 % ENTRIES);
	assert_memory_equal(before, stream.shard, MEMORY);
	finish(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_keeps_four_fifths_of_what_is_possible),
		cmocka_unit_test(a_loop_is_kept_at_once_whatever_the_hash),
		cmocka_unit_test(recency_is_learned),
		cmocka_unit_test(the_resident_wins_ties),
		cmocka_unit_test(a_larger_cache_hits_no_less),
		cmocka_unit_test(a_cold_cache_is_no_worse_than_lru),
		cmocka_unit_test(a_hit_without_evictions_writes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
