/* Lookups without the lock: they find what a locked lookup finds, read nothing outside of the
 * shard whatever is in it, and beside a writer return nothing torn or stale. */
#include "support/cmocka.h"
#include "support/random.h"
#include "support/quick_peek.h"
#include "support/threads.h"

#include "base/hash.h"
#include "engine/index.h"
#include "engine/shard.h"
#include "engine/shard_check.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 24u /* of the names made by hand */

#define LOCKLESS_MAX 1024u /* longer values need the lock */

static struct sci_shard *open_shard(uint64_t bytes, uint64_t max_entries, enum sci_policy policy)
{
	struct sci_shard_options options = { policy, bytes, max_entries, 64, false };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN,
		(bytes + SCI_SHARD_ALIGN - 1) / SCI_SHARD_ALIGN * SCI_SHARD_ALIGN);

	assert_non_null(memory);
	memset(memory, 0, bytes);
	return sci_shard_format(memory, &options);
}

static struct sci_name name_of(const void *key, size_t len)
{
	return (struct sci_name){ key, len, sci_hash(key, len, 3), NULL };
}

static enum sci_store_result put(struct sci_shard *shard, const struct sci_name *name,
	const void *value, size_t len, int64_t expires_ms)
{
	return sci_shard_put(shard, name,
		&(struct sci_content){ .value = value, .len = len, .expires_ms = expires_ms }, 0);
}

static unsigned char byte_of(uint64_t seed, size_t i)
{
	return (unsigned char)(seed * 31 + i * 7);
}

/* ---- Without a writer ---- */

static void assert_peeks(struct sci_shard *shard, const struct sci_name *name, const void *value,
	size_t len)
{
	unsigned char *buffer = malloc(len + 1);
	struct sci_copy copy = { .buffer = buffer, .capacity = len };
	struct sci_found found;

	assert_non_null(buffer);
	buffer[len] = 0xA5;
	if (len > LOCKLESS_MAX) {
		assert_int_equal(sci_shard_peek(shard, name, 0, &copy), SCI_PEEK_LONG);
	} else {
		assert_int_equal(sci_shard_peek(shard, name, 0, &copy), SCI_PEEK_HIT);
		assert_int_equal(copy.len, len);
		assert_memory_equal(buffer, value, len);
	}
	assert_int_equal(buffer[len], 0xA5);
	memset(buffer, 0, len);
	bool is_short = len <= LOCKLESS_MAX;
	copy = (struct sci_copy){ .buffer = buffer, .capacity = len };
	assert_int_equal(sct_peek_quick(shard, name, 0, &copy),
		is_short ? SCI_PEEK_HIT : SCI_PEEK_LONG);
	if (is_short) {
		assert_int_equal(copy.len, len);
		assert_memory_equal(buffer, value, len);
		assert_int_equal(buffer[len], 0xA5);
		copy.capacity = len - 1;
		assert_int_equal(sct_peek_quick(shard, name, 0, &copy),
			len == 0 ? SCI_PEEK_HIT : SCI_PEEK_TOO_LARGE);
		assert_int_equal(copy.len, len);
	}
	if (len > 0 && len <= LOCKLESS_MAX) {
		copy = (struct sci_copy){ .buffer = NULL, .capacity = len - 1 };
		assert_int_equal(sci_shard_peek(shard, name, 0, &copy), SCI_PEEK_TOO_LARGE);
		assert_int_equal(copy.len, len);
	}
	assert_int_equal(sci_shard_find(shard, name, 0, &found), SCI_LOOKUP_HIT);
	assert_int_equal(found.len, len);
	free(buffer);
}

static void assert_nothing(struct sci_shard *shard, const void *key, size_t len, uint64_t hash)
{
	struct sci_name name = { key, len, hash, NULL };
	struct sci_copy copy = { 0 };

	assert_int_equal(sci_shard_peek(shard, &name, 0, &copy), SCI_PEEK_MISS);
	assert_int_not_equal(sct_peek_quick(shard, &name, 0, &copy), SCI_PEEK_HIT);
}

/* Keys that differ slightly and have the same hash are told apart. */
static void keys_and_values_of_every_length(void **state)
{
	struct sci_shard *shard = open_shard(1 << 20, 100, SCI_POLICY_COUNTED);
	static unsigned char value[LOCKLESS_MAX + 100];

	(void)state;
	for (size_t i = 0; i < sizeof value; i++)
		value[i] = byte_of(1, i);
	for (size_t len = 0; len <= sizeof value;
		len += len < 40 || len > LOCKLESS_MAX - 20 ? 1 : 61) {
		for (size_t key_len = 1; key_len <= 33; key_len++) {
			unsigned char key[33];
			memset(key, 'k', sizeof key);
			struct sci_name name = name_of(key, key_len);
			assert_int_equal(put(shard, &name, value, len, SCI_NEVER), SCI_STORE_OK);
			assert_peeks(shard, &name, value, len);
			for (size_t i = 0; i < key_len; i++) {
				key[i] ^= 1;
				assert_nothing(shard, key, key_len, name.hash);
				key[i] ^= 1;
			}
			assert_nothing(shard, key, key_len - 1, name.hash);
			assert_true(sci_shard_remove(shard, &name));
			assert_nothing(shard, key, key_len, name.hash);
		}
	}
	free(shard);
}

static void leaves_alone_what_needs_the_lock(void **state)
{
	struct sci_shard *shard = open_shard(1 << 20, 100, SCI_POLICY_COUNTED);
	struct sci_shard *lru = open_shard(1 << 20, 100, SCI_POLICY_LRU);
	struct sci_name name = name_of("key", 3);
	char buffer[8];
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };

	(void)state;
	assert_int_equal(put(shard, &name, "value", 5, 100), SCI_STORE_OK);
	assert_int_equal(sci_shard_peek(shard, &name, 99, &copy), SCI_PEEK_HIT);
	assert_int_equal(sct_peek_quick(shard, &name, 99, &copy), SCI_PEEK_HIT);
	/* An expired entry has to be removed. */
	assert_int_equal(sci_shard_peek(shard, &name, 100, &copy), SCI_PEEK_TIMED);
	assert_int_equal(sct_peek_quick(shard, &name, 100, &copy), SCI_PEEK_TIMED);
	/* A change that never ends. */
	sci_change_begin(shard);
	assert_int_equal(sci_shard_peek(shard, &name, 0, &copy), SCI_PEEK_BUSY);
	assert_int_equal(sct_peek_quick(shard, &name, 0, &copy), SCI_PEEK_BUSY);
	struct sci_name other = name_of("other", 5);
	assert_int_equal(sct_peek_quick(shard, &other, 0, &copy), SCI_PEEK_BUSY);
	sci_change_end(shard);
	assert_int_equal(sci_shard_peek(shard, &name, 0, &copy), SCI_PEEK_HIT);

	/* One with notes is left alone from the moment on when it is not fresh. */
	struct sci_name noted = name_of("noted", 5);
	const struct sci_notes notes = { .fresh_until_ms = 50 };
	assert_int_equal(sci_shard_put(shard, &noted,
				 &(struct sci_content){ .value = "v",
					 .len = 1,
					 .expires_ms = 100,
					 .notes = &notes },
				 0),
		SCI_STORE_OK);
	assert_int_equal(sci_shard_peek(shard, &noted, 49, &copy), SCI_PEEK_HIT);
	assert_int_equal(sct_peek_quick(shard, &noted, 49, &copy), SCI_PEEK_HIT);
	assert_int_equal(sci_shard_peek(shard, &noted, 50, &copy), SCI_PEEK_TIMED);
	assert_int_equal(sct_peek_quick(shard, &noted, 50, &copy), SCI_PEEK_TIMED);

	/* Its annex is no part of the value. */
	const uint64_t annex[] = { 1, 2, 3 };
	assert_int_equal(sci_shard_put(shard, &noted,
				 &(struct sci_content){ .value = "value",
					 .len = 5,
					 .expires_ms = 100,
					 .notes = &notes,
					 .annex = annex,
					 .annex_words = 3 },
				 0),
		SCI_STORE_OK);
	assert_int_equal(sci_shard_peek(shard, &noted, 49, &copy), SCI_PEEK_HIT);
	assert_int_equal(copy.len, 5);
	assert_memory_equal(copy.buffer, "value", 5);
	copy.capacity = copy.len = 5;
	assert_int_equal(sct_peek_quick(shard, &noted, 49, &copy), SCI_PEEK_HIT);
	assert_int_equal(copy.len, 5);
	copy.capacity = 4;
	assert_int_equal(sct_peek_quick(shard, &noted, 49, &copy), SCI_PEEK_TOO_LARGE);
	copy.capacity = sizeof buffer;

	/* An object is pinned, not copied. */
	struct sci_object_link object;
	struct sci_content content = { .object = &object, .expires_ms = SCI_NEVER };
	assert_int_equal(sci_shard_put(shard, &other, &content, 0), SCI_STORE_OK);
	assert_int_equal(sci_shard_peek(shard, &other, 0, &copy), SCI_PEEK_OBJECT);
	assert_int_equal(sct_peek_quick(shard, &other, 0, &copy), SCI_PEEK_OBJECT);

	/* In exact LRU order each hit changes the order. */
	assert_int_equal(put(lru, &name, "value", 5, SCI_NEVER), SCI_STORE_OK);
	assert_int_equal(sci_shard_peek(lru, &name, 0, &copy), SCI_PEEK_ORDERED);
	assert_int_equal(sct_peek_quick(lru, &name, 0, &copy), SCI_PEEK_ORDERED);
	/* A miss has no order. */
	assert_int_equal(sct_peek_quick(lru, &other, 0, &copy), SCI_PEEK_MISS);
	free(shard);
	free(lru);
}

/* A lookup without the lock is a use: the entry stays, unless the policy has given its second
 * chances of one step. */
static void a_peek_is_a_use(void **state)
{
	enum { ENTRIES = 100 };
	struct sci_shard *shard = open_shard(1 << 20, ENTRIES, SCI_POLICY_COUNTED);
	struct sci_copy copy = { 0 };
	unsigned there = 0;

	(void)state;
	for (int i = 0; i < 20 * ENTRIES; i++) {
		struct sci_name name = name_of(&i, sizeof i);
		assert_int_equal(put(shard, &name, NULL, 0, SCI_NEVER), SCI_STORE_OK);
		for (int hot = 0; hot < 20; hot++) {
			name = name_of(&hot, sizeof hot);
			if (i % 2)
				sci_shard_peek(shard, &name, 0, &copy);
			else
				sct_peek_quick(shard, &name, 0, &copy);
		}
	}
	for (int hot = 0; hot < 20; hot++) {
		struct sci_name name = name_of(&hot, sizeof hot);
		there += sci_shard_peek(shard, &name, 0, &copy) == SCI_PEEK_HIT;
	}
	assert_in_range(there, 18, 20);
	free(shard);
}

/* ---- Names that no key has ---- */

/* The words of the shard itself, which an offset before the log would lead to, as a key of this
 * length. */
static void assert_same_as_locked(struct sci_shard *shard, const unsigned char *key, size_t len,
	uint64_t hash)
{
	struct sci_name name = { key, len, hash, NULL };
	unsigned char buffer[LOCKLESS_MAX];
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };
	struct sci_found found;
	bool is_there = sci_shard_look(shard, &name, 0, &found) == SCI_LOOKUP_HIT;

	enum sci_peek peek = sct_peek_quick(shard, &name, 0, &copy);
	assert_true(peek != SCI_PEEK_HIT || (is_there && copy.len == found.len));
	assert_true(peek != SCI_PEEK_MISS || !is_there);
	peek = sci_shard_peek(shard, &name, 0, &copy);
	assert_int_equal(peek == SCI_PEEK_HIT, is_there);
}

/* An empty slot has tag 0 and offset 0, where the shard's head is. */
static void nothing_before_the_log_is_a_record(void **state)
{
	struct sci_shard *shard = open_shard(1 << 20, 100, SCI_POLICY_COUNTED);
	const unsigned char zeros[32] = { 0 };
	const unsigned char *head = (const unsigned char *)shard;

	(void)state;
	for (int entries = 0; entries < 64; entries++) {
		for (size_t len = 0; len <= KEY_MAX; len++) {
			for (uint64_t hash = 0; hash < 16; hash++) {
				assert_same_as_locked(shard, zeros, len, hash << 29);
				assert_same_as_locked(shard, head + SCI_RECORD_KEY_AT, len,
					hash << 29);
			}
		}
		struct sci_name name = { &entries, sizeof entries, (uint64_t)entries << 29, NULL };
		assert_int_equal(put(shard, &name, zeros, sizeof zeros, SCI_NEVER), SCI_STORE_OK);
	}
	free(shard);
}

/* The head of an empty shard may look like a record: here its first word is a header, and a key
 * follows. */
static void the_head_is_no_record_whatever_it_holds(void **state)
{
	(void)state;
	for (size_t len = 0; len <= KEY_MAX; len++) {
		struct sci_shard *shard = open_shard(1 << 20, 100, SCI_POLICY_COUNTED);
		uint64_t header = sci_header(SCI_RECORD_LIVE, sci_value_offset(len) + 56, len);
		memcpy((unsigned char *)shard, &header, sizeof header);
		assert_same_as_locked(shard, (unsigned char *)shard + SCI_RECORD_KEY_AT, len, 0);
		free(shard);
	}
}

/* The same with what a shard writes itself: at this size, after 40 changes, its head is the header
 * of a record of 80 bytes with a key of four zeros. */
static void a_shard_of_four_mebibytes_has_no_zero_key(void **state)
{
	const uint32_t units = (uint32_t)(sci_header(SCI_RECORD_LIVE, 0, 4) >> 32);
	const unsigned char zeros[4] = { 0 };

	(void)state;
	struct sci_shard *small = open_shard(1 << 20, 100, SCI_POLICY_COUNTED);
	uint64_t before = small->log_start;
	free(small);
	/* From the shard's beginning, and from the log's. */
	for (unsigned from_log = 0; from_log < 2; from_log++) {
		struct sci_shard *shard =
			open_shard((units + from_log * before) * 8, 100, SCI_POLICY_COUNTED);
		shard->sequence = 80;
		assert_same_as_locked(shard, zeros, sizeof zeros, 0);
		free(shard);
	}
}

/* ---- In a damaged shard ---- */

/* Whatever is in index and records: nothing outside is read or written (ASan watches), and the
 * lookup ends. */
static void never_reads_outside(void **state)
{
	const uint64_t bytes = 16 << 10;
	struct sci_shard *shard = open_shard(bytes, 0, SCI_POLICY_COUNTED);
	uint64_t *word = (uint64_t *)(void *)shard, random = 1, hits = 0;
	static unsigned char buffer[LOCKLESS_MAX];

	(void)state;
	for (uint64_t key = 0; key < 200; key++) {
		struct sci_name name = name_of(&key, sizeof key);
		assert_int_equal(put(shard, &name, buffer, key % 100, SCI_NEVER), SCI_STORE_OK);
	}
	for (int round = 0; round < 20000; round++) {
		/* Behind the head anything may be torn; small numbers are offsets and lengths. */
		uint64_t at =
			SCI_INDEX_START / 8 + sct_below(&random, bytes / 8 - SCI_INDEX_START / 8);
		uint64_t was = word[at], now = sct_random(&random);
		word[at] = sct_below(&random, 2) ? now
			: sct_below(&random, 2)  ? (was & ~UINT64_C(0xFFFFFFFF)) | now % 3000
						 : was ^ UINT64_C(1) << now % 64;
		for (int i = 0; i < 4; i++) {
			uint64_t key = sct_below(&random, 200);
			struct sci_name name = name_of(&key, sizeof key);
			struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };
			hits += sci_shard_peek(shard, &name, 0, &copy) == SCI_PEEK_HIT;
			hits += sct_peek_quick(shard, &name, 0, &copy) == SCI_PEEK_HIT;
		}
		if (sct_below(&random, 2))
			word[at] = was;
	}
	assert_true(hits > 0);
	free(shard);
}

/* ---- Beside a writer ---- */

#define KEYS    64 /* at most */
#define READERS 2
#define ROUNDS  8000

static struct sci_shard *shared;
static uint64_t key_count, length_count;
static _Atomic uint64_t published[KEYS];
static atomic_bool written;
static atomic_ulong seen, unsure;

struct claim {
	uint64_t key, version;
	unsigned char rest[LOCKLESS_MAX - 16];
};

static size_t make_claim(struct claim *claim, uint64_t key, uint64_t version)
{
	/* Values of one length are overwritten in place, and long ones take long to copy. */
	uint64_t length = (key + version) % length_count;
	size_t rest = sizeof claim->rest - (length % 2 ? length * 50 : length * 10);

	claim->key = key;
	claim->version = version;
	for (size_t i = 0; i < rest; i++)
		claim->rest[i] = byte_of(key + version, i);
	return offsetof(struct claim, rest) + rest;
}

static void write_all_the_time(void)
{
	uint64_t random = 1, versions[KEYS] = { 0 };
	struct claim claim;

	/* Until the readers have seen some of it. */
	for (int i = 0; i < ROUNDS || (atomic_load(&seen) < ROUNDS && i < 100 * ROUNDS); i++) {
		uint64_t key = sct_below(&random, key_count);
		struct sci_name name = name_of(&key, sizeof key);
		if (sct_below(&random, 4) == 0) {
			sci_shard_remove(shared, &name);
			continue;
		}
		size_t len = make_claim(&claim, key, ++versions[key]);
		sct_check(put(shared, &name, &claim, len, SCI_NEVER) == SCI_STORE_OK);
		atomic_store(&published[key], versions[key]);
	}
	atomic_store(&written, true);
}

static void read_until_it_is_written(uint64_t random)
{
	struct claim claim = { 0 }, same;

	while (!atomic_load(&written)) {
		uint64_t key = sct_below(&random, key_count), before = atomic_load(&published[key]);
		struct sci_name name = name_of(&key, sizeof key);
		struct sci_copy copy = { .buffer = &claim, .capacity = sizeof claim };
		enum sci_peek peek = sct_below(&random, 2) &&
				sct_peek_quick(shared, &name, 0, &copy) == SCI_PEEK_HIT
			? SCI_PEEK_HIT
			: sci_shard_peek(shared, &name, 0, &copy);
		atomic_fetch_add(&unsure, sci_peek_gave_up(peek));
		sct_check(peek != SCI_PEEK_TOO_LARGE);
		if (peek != SCI_PEEK_HIT)
			continue;
		atomic_fetch_add(&seen, 1);
		sct_check(claim.key == key && claim.version >= before);
		sct_check(make_claim(&same, key, claim.version) == copy.len);
		sct_check(memcmp(&claim, &same, copy.len) == 0);
	}
}

static void read_or_write(unsigned number, void *arg)
{
	(void)arg;
	if (number == 0)
		write_all_the_time();
	else
		read_until_it_is_written(number);
}

/* In a shard that is too small, records are overwritten, moved, evicted and forgotten while they
 * are read. */
static void returns_nothing_torn_or_stale(void **state)
{
	const struct {
		uint64_t bytes, keys, lengths;
	} runs[] = { { 8 << 10, 1, 1 }, { 8 << 10, 2, 5 }, { 8 << 10, 8, 18 }, { 12 << 10, 32, 18 },
		{ 64 << 10, KEYS, 18 } };

	(void)state;
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		shared = open_shard(runs[i].bytes, 0, SCI_POLICY_COUNTED);
		key_count = runs[i].keys;
		length_count = runs[i].lengths;
		/* Close to where the sequence wraps. */
		atomic_store(&shared->sequence, UINT32_MAX - 1001);
		memset(published, 0, sizeof published);
		written = false;
		seen = unsure = 0;
		sct_threads_run(READERS + 1, read_or_write, NULL);
		struct sci_shard_stats stats = sci_shard_stats(shared);
		printf("%lu hits, %lu left to the lock, %llu evictions, %llu bytes moved\n", seen,
			unsure, (unsigned long long)stats.evictions,
			(unsigned long long)stats.moved_bytes);
		assert_true(seen > 0);
		assert_null(sci_shard_check(shared));
		free(shared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_values_of_every_length),
		cmocka_unit_test(leaves_alone_what_needs_the_lock),
		cmocka_unit_test(a_peek_is_a_use),
		cmocka_unit_test(nothing_before_the_log_is_a_record),
		cmocka_unit_test(the_head_is_no_record_whatever_it_holds),
		cmocka_unit_test(a_shard_of_four_mebibytes_has_no_zero_key),
		cmocka_unit_test(never_reads_outside),
		cmocka_unit_test(returns_nothing_torn_or_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
