/* Promises of the engine one by one: bounds, overhead, memory that is touched, and that the check
 * finds faults. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/peek.h"
#include "engine/index.h"
#include "engine/shard.h"
#include "engine/shard_check.h"

#include <stdio.h>
#include <string.h>

static struct sci_shard *open_shard(uint64_t bytes, uint64_t max_entries, uint64_t entry_bytes)
{
	struct sci_shard_options options = { SCI_POLICY_LRU, bytes, max_entries, entry_bytes,
		false };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, bytes);

	assert_non_null(memory);
	memset(memory, 0, bytes);
	return sci_shard_format(memory, &options);
}

static struct sci_name name_of(char *text, uint64_t number)
{
	int len = snprintf(text, 32, "%016llu", (unsigned long long)number);

	return (struct sci_name){ text, (size_t)len, sci_hash(text, (size_t)len, 42), NULL };
}

static enum sci_store_result put(struct sci_shard *shard, uint64_t number, size_t len)
{
	static const unsigned char value[1 << 20];
	char text[32];
	struct sci_name name = name_of(text, number);

	return sci_shard_put(shard, &name,
		&(struct sci_content){ .value = value, .len = len, .expires_ms = SCI_NEVER }, 0);
}

static bool has(struct sci_shard *shard, uint64_t number, struct sci_found *found)
{
	char text[32];
	struct sci_name name = name_of(text, number);

	return sci_shard_find(shard, &name, 0, found) == SCI_LOOKUP_HIT;
}

static void keeps_exactly_the_last_128(void **state)
{
	struct sci_shard *shard = open_shard(1 << 20, 128, 256);
	struct sci_found found;

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(put(shard, i, i % 300), SCI_STORE_OK);
	assert_int_equal(sci_shard_stats(shard).entries, 128);
	assert_int_equal(sci_shard_stats(shard).evictions, 10000 - 128);
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(has(shard, i, &found), i >= 10000 - 128);
	free(shard);
}

static void a_small_cache_stays_in_few_pages(void **state)
{
	struct sci_shard *shard = open_shard(8 << 20, 100, 256);

	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(put(shard, i, 200), SCI_STORE_OK);
	/* 100 records of 248 bytes; the log may be up to twice that. */
	assert_true((shard->log.end - shard->log_start) * SCI_UNIT < 2 * 100 * 248 + 8192);
	free(shard);
}

/* Header, index, ghosts, and the free part. */
static void the_overhead_is_under_48_bytes(void **state)
{
	const uint64_t bytes = 4 << 20;

	(void)state;
	for (int policy = SCI_POLICY_COUNTED; policy <= SCI_POLICY_LRU; policy++) {
		struct sci_shard_options options = { (enum sci_policy)policy, bytes, 0, 16 + 64,
			false };
		void *memory = aligned_alloc(SCI_SHARD_ALIGN, bytes);
		assert_non_null(memory);
		memset(memory, 0, bytes);
		struct sci_shard *shard = sci_shard_format(memory, &options);
		for (uint64_t i = 0; i < 100000; i++)
			assert_int_equal(put(shard, i, 64), SCI_STORE_OK);
		double overhead = (double)bytes / (double)sci_shard_stats(shard).entries - 80;
		printf("%.1f bytes overhead each\n", overhead);
		assert_true(overhead <= 48);
		free(shard);
	}
}

static void a_value_may_fill_the_log(void **state)
{
	struct sci_shard *shard = open_shard(1 << 20, 0, 1 << 16);
	size_t most = (shard->log_limit - shard->log_start) * SCI_UNIT - sci_value_offset(16);
	struct sci_found found;

	(void)state;
	for (uint64_t i = 0; i < 50; i++)
		assert_int_equal(put(shard, i, 1000), SCI_STORE_OK);
	assert_int_equal(put(shard, 99, most), SCI_STORE_OK);
	assert_true(has(shard, 99, &found));
	assert_int_equal(found.len, most);
	assert_int_equal(sci_shard_stats(shard).entries, 1);
	assert_null(sci_shard_check(shard));

	/* One byte more is too large, and the older value of that key is removed. */
	assert_int_equal(put(shard, 99, most + 1), SCI_STORE_TOO_LARGE);
	assert_false(has(shard, 99, &found));
	assert_int_equal(put(shard, 100, 0), SCI_STORE_OK);
	assert_true(has(shard, 100, &found));
	assert_int_equal(found.len, 0);
	assert_null(sci_shard_check(shard));
	free(shard);
}

/* A lookup that began before any entry could expire has the time INT64_MIN. */
static void a_use_never_brings_a_deadline_forward(void **state)
{
	struct sci_shard *shard = open_shard(64 << 10, 0, 100);
	struct sci_content content = { .value = "x", .len = 1, .expires_ms = 5000, .idle_ms = 100 };
	char text[32], buffer[8];
	struct sci_name name = name_of(text, 1);
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };
	struct sci_found found;

	(void)state;
	assert_int_equal(sci_shard_put(shard, &name, &content, 1000), SCI_STORE_OK);
	assert_int_equal(sci_shard_find(shard, &name, INT64_MIN, &found), SCI_LOOKUP_HIT);
	assert_int_equal(sci_shard_find(shard, &name, 900, &found), SCI_LOOKUP_HIT);
	assert_int_equal(sci_shard_find(shard, &name, 1099, &found), SCI_LOOKUP_HIT);
	assert_int_not_equal(sci_shard_peek(shard, &name, 1199, &copy), SCI_PEEK_MISS);
	assert_int_equal(sci_shard_find(shard, &name, 1199, &found), SCI_LOOKUP_EXPIRED);
	assert_null(sci_shard_check(shard));
	free(shard);
}

static void pinned_values_leave_no_room(void **state)
{
	struct sci_shard *shard = open_shard(64 << 10, 0, 1 << 12);
	size_t half = (shard->log_limit - shard->log_start) * SCI_UNIT / 2;
	struct sci_found found;

	(void)state;
	assert_int_equal(put(shard, 1, half), SCI_STORE_OK);
	assert_true(has(shard, 1, &found));
	(void)sci_shard_pin(shard, found.offset);
	assert_int_equal(put(shard, 2, half), SCI_STORE_NO_ROOM);
	assert_true(has(shard, 1, &found));
	sci_shard_unpin(shard, found.offset);
	assert_int_equal(put(shard, 2, half), SCI_STORE_OK);
	assert_false(has(shard, 1, &found));
	assert_null(sci_shard_check(shard));
	free(shard);
}

static void a_formatted_shard_touches_its_head_only(void **state)
{
	const uint64_t bytes = 1 << 20;
	struct sci_shard *shard = open_shard(bytes, 0, 256);
	const unsigned char *byte = (const unsigned char *)shard;

	(void)state;
	for (uint64_t i = SCI_INDEX_START; i < bytes; i++)
		assert_int_equal(byte[i], 0);
	free(shard);
}

/* Flip each bit of a used shard's head and first records: the check notices, or nothing that it
 * checks has changed. It reads nothing outside (ASan watches). */
static void the_check_notices_damage(void **state)
{
	const uint64_t bytes = 16 << 10;
	struct sci_shard *shard = open_shard(bytes, 0, 100);
	unsigned char *byte = (unsigned char *)shard;
	uint64_t noticed = 0, flips = 0;

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		put(shard, i, i % 100);
	assert_null(sci_shard_check(shard));
	for (size_t at = offsetof(struct sci_shard, queue);
		at < offsetof(struct sci_shard, totals.evictions); at++) {
		for (int bit = 0; bit < 8; bit++, flips++) {
			byte[at] ^= (unsigned char)(1 << bit);
			noticed += sci_shard_check(shard) != NULL;
			byte[at] ^= (unsigned char)(1 << bit);
		}
	}
	/* The bound on entries, the cursor within a gap and the limit may have more than one valid
	 * value. */
	assert_true(noticed > flips * 3 / 4);

	struct sci_record *record = sci_record_at(shard, shard->queue[SCI_MAIN].newest);
	/* Nothing else says how long key and value are to a byte. */
	for (unsigned bit = 3; bit < 64; bit++) {
		if (bit >= SCI_KEY_LEN_SHIFT && bit < SCI_STATE_SHIFT)
			continue;
		record->header ^= UINT64_C(1) << bit;
		assert_non_null(sci_shard_check(shard));
		record->header ^= UINT64_C(1) << bit;
	}
	record->slot ^= 1;
	assert_non_null(sci_shard_check(shard));
	record->slot ^= 1;
	record->older ^= 1;
	assert_non_null(sci_shard_check(shard));
	record->older ^= 1;
	assert_null(sci_shard_check(shard));
	free(shard);
}

/* If the two were equal for some keys, a small index would soon be full for these. */
static void a_key_has_two_lines(void **state)
{
	static struct sci_shard shard;

	(void)state;
	for (uint64_t entries = 1; entries < 300; entries++) {
		shard.buckets = sci_index_buckets(entries);
		assert_true(sci_index_capacity(shard.buckets) >= entries);
		for (uint64_t i = 0; i < 1000; i++) {
			uint64_t hash = sci_hash(&i, sizeof i, entries);
			uint32_t home = sci_index_home(&shard, hash);
			uint32_t other = sci_index_other(&shard, hash, home);
			assert_true(home != other);
			assert_true(home < shard.buckets && other < shard.buckets);
			assert_int_equal(sci_index_other(&shard, hash, other), home);
		}
	}
}

static void hashes_are_spread(void **state)
{
	enum { KEYS = 100000, BINS = 1024 };
	static unsigned low[BINS], high[BINS];
	char text[32];

	(void)state;
	for (uint64_t i = 0; i < KEYS; i++) {
		uint64_t hash = name_of(text, i).hash;
		low[hash % BINS]++;
		high[hash >> 54]++;
	}
	/* The expected count is 98, its standard deviation 10. */
	for (int i = 0; i < BINS; i++) {
		assert_in_range(low[i], 40, 160);
		assert_in_range(high[i], 40, 160);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_exactly_the_last_128),
		cmocka_unit_test(a_small_cache_stays_in_few_pages),
		cmocka_unit_test(the_overhead_is_under_48_bytes),
		cmocka_unit_test(a_value_may_fill_the_log),
		cmocka_unit_test(a_use_never_brings_a_deadline_forward),
		cmocka_unit_test(pinned_values_leave_no_room),
		cmocka_unit_test(a_formatted_shard_touches_its_head_only),
		cmocka_unit_test(the_check_notices_damage),
		cmocka_unit_test(a_key_has_two_lines),
		cmocka_unit_test(hashes_are_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
