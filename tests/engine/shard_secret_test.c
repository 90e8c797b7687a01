/* A secret shard has the bytes of keys and values only in entries that are there, and in records
 * that are pinned. After each of many random operations all of its log is read: each key and each
 * value has a mark that says whose it is. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/layout.h"
#include "engine/shard.h"
#include "engine/shard_check.h"
#include "support/random.h"

#include <stdio.h>
#include <string.h>

#define BYTES     (64u << 10)
#define KEYS      64u
#define KEY_WORDS 5u
#define PUTS_MAX  100000u
#define STEPS     3000u
#define PINS      3u
#define WORDS_MAX 100u

#define KEY_MARK   0xC0DE0000u
#define VALUE_MARK (UINT64_C(0x5EC2E7A1) << 32)

static struct {
	struct sci_shard *shard;
	uint64_t random;
	int64_t now_ms;
	uint32_t puts;
	uint32_t key_of[PUTS_MAX]; /* of each put */
	uint32_t keys[KEYS][KEY_WORDS];
	struct {
		sci_offset offset;
		uint32_t key, put;
	} pinned[PINS]; /* offset 0: none */
	uint64_t seen, astray;
} the;

static struct sci_name name_of(uint32_t key)
{
	return (struct sci_name){
		.key = the.keys[key],
		.len = sizeof the.keys[key],
		.hash = sci_hash(the.keys[key], sizeof the.keys[key], 7),
	};
}

/* What a key has now, expired or not. */
static bool look(uint32_t key, struct sci_found *found)
{
	struct sci_name name = name_of(key);

	return sci_shard_look(the.shard, &name, INT64_MIN, found) == SCI_LOOKUP_HIT;
}

static uint32_t put_of(const struct sci_found *found)
{
	return found->len ? (uint32_t) * (const uint64_t *)found->value : UINT32_MAX;
}

static bool key_may_be_there(uint32_t key)
{
	struct sci_found found;

	for (unsigned i = 0; i < PINS; i++)
		if (the.pinned[i].offset && the.pinned[i].key == key)
			return true;
	return key < KEYS && look(key, &found);
}

static bool put_may_be_there(uint32_t put)
{
	struct sci_found found;

	for (unsigned i = 0; i < PINS; i++)
		if (the.pinned[i].offset && the.pinned[i].put == put)
			return true;
	return put < the.puts && look(the.key_of[put], &found) && put_of(&found) == put;
}

/* Read the log. */
static void search(void)
{
	const unsigned char *memory = (const unsigned char *)the.shard;
	uint64_t word;
	uint32_t half;

	for (size_t at = (size_t)the.shard->log_start * SCI_UNIT; at < BYTES; at += sizeof half) {
		memcpy(&half, memory + at, sizeof half);
		if (half >> 16 == KEY_MARK >> 16) {
			the.seen++;
			the.astray += !key_may_be_there(half & UINT16_MAX);
		}
		if (at % sizeof word)
			continue;
		memcpy(&word, memory + at, sizeof word);
		if (word >> 32 == VALUE_MARK >> 32) {
			the.seen++;
			the.astray += !put_may_be_there((uint32_t)word);
		}
	}
}

/* ---- Operations ---- */

static void put(int key)
{
	uint64_t words[WORDS_MAX], count = sct_below(&the.random, WORDS_MAX);
	struct sci_name name = name_of((uint32_t)key);
	struct sci_notes notes = { .fresh_until_ms = 1, .stored_ms = 2 };
	struct sci_content content = {
		.value = words,
		.len = count * sizeof words[0],
		.expires_ms = SCI_NEVER,
	};

	if (sct_below(&the.random, 8) == 0)
		count = content.len = 0;
	for (uint64_t i = 0; i < count; i++)
		words[i] = VALUE_MARK | the.puts;
	if (sct_below(&the.random, 3) == 0)
		content.expires_ms = the.now_ms + (int64_t)sct_below(&the.random, 50);
	if (sct_below(&the.random, 6) == 0)
		content.idle_ms = 20;
	if (sct_below(&the.random, 6) == 0) {
		content.notes = &notes;
		content.annex = words;
		content.annex_words = (unsigned)(count < 9 ? count : 9);
	}
	if (sct_below(&the.random, 6) == 0)
		content.cost = 1 + (uint32_t)sct_below(&the.random, 100);
	the.key_of[the.puts++] = (uint32_t)key;
	sci_shard_put(the.shard, &name, &content, the.now_ms);
}

static void find(int key)
{
	struct sci_name name = name_of((uint32_t)key);
	struct sci_found found;

	sci_shard_find(the.shard, &name, the.now_ms, &found);
}

static void remove_it(int key)
{
	struct sci_name name = name_of((uint32_t)key);

	sci_shard_remove(the.shard, &name);
}

static void pin(int key)
{
	struct sci_found found;

	for (unsigned i = 0; i < PINS; i++) {
		if (the.pinned[i].offset || !look((uint32_t)key, &found))
			continue;
		assert_true(sci_shard_pin(the.shard, found.offset));
		the.pinned[i].offset = found.offset;
		the.pinned[i].key = (uint32_t)key;
		the.pinned[i].put = put_of(&found);
		return;
	}
}

static void unpin(int key)
{
	unsigned i = (unsigned)key % PINS;

	if (the.pinned[i].offset)
		sci_shard_unpin(the.shard, the.pinned[i].offset);
	the.pinned[i].offset = 0;
}

static void expire(int key)
{
	the.now_ms += key;
	sci_shard_expire(the.shard, the.now_ms, 1 + (uint32_t)key);
}

static void clear(int key)
{
	if (key % 8 == 0)
		sci_shard_clear(the.shard);
}

static void resize(int key)
{
	uint64_t least = sci_shard_bytes_least(the.shard);

	sci_shard_resize(the.shard, (unsigned)key % 4 ? 0 : 5,
		least + sct_below(&the.random, BYTES - least) / 64 * 64, the.now_ms);
}

static void shrink(int key)
{
	(void)key;
	sci_shard_shrink(the.shard, the.now_ms);
}

static const struct sct_operation operations[] = { { 60, put }, { 20, find }, { 8, remove_it },
	{ 6, pin }, { 6, unpin }, { 6, expire }, { 1, clear }, { 2, resize }, { 2, shrink } };

static void run(enum sci_policy policy, bool is_secret, uint64_t seed)
{
	struct sci_shard_options options = { .policy = policy,
		.bytes = BYTES,
		.entry_bytes = 300,
		.is_secret = is_secret };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, BYTES);

	assert_non_null(memory);
	memset(memory, 0, BYTES);
	memset(&the, 0, sizeof the);
	the.random = seed;
	for (uint32_t key = 0; key < KEYS; key++)
		for (unsigned i = 0; i < KEY_WORDS; i++)
			the.keys[key][i] = KEY_MARK | key;
	the.shard = sci_shard_format(memory, &options);
	for (unsigned step = 0; step < STEPS; step++) {
		const struct sct_operation *operation = sct_pick_operation(operations,
			sizeof operations / sizeof operations[0], &the.random);
		operation->call((int)sct_below(&the.random, KEYS));
		if (is_secret || step % 64 == 0)
			search();
		if (is_secret && the.astray)
			fail_msg("seed %llu, step %u: bytes of what is gone",
				(unsigned long long)seed, step);
	}
	assert_null(sci_shard_check(the.shard));
	assert_true(the.seen > STEPS);
	assert_true(the.shard->totals.moved_units > 0);
	/* Pinned values go last. */
	sci_shard_clear(the.shard);
	for (int i = 0; i < (int)PINS; i++)
		unpin(i);
	the.seen = 0;
	search();
	if (is_secret)
		assert_int_equal(the.seen, 0);
	free(memory);
}

static void a_secret_shard_has_only_what_is_there(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		run(SCI_POLICY_COUNTED, true, seed);
		run(SCI_POLICY_LRU, true, seed);
	}
}

/* The search finds what is left behind: moves leave it in any other shard. */
static void another_shard_has_more(void **state)
{
	(void)state;
	run(SCI_POLICY_COUNTED, false, 1);
	assert_true(the.astray > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_shard_has_only_what_is_there),
		cmocka_unit_test(another_shard_has_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
