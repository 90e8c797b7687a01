/* Bytes become the memory of a shard, which is then attached. It is refused, or its invariants must
 * hold after any operation. Nothing outside the memory is read or written (AddressSanitizer
 * checks).
 *
 * Random bytes are refused at once, so most inputs damage a valid shard: a word of its head, its
 * index or its log is overwritten, has one bit changed, or is replaced by another word. */
#include "fuzz.h"
#include "fuzz_input.h"

#include "base/hash.h"
#include "engine/layout.h"
#include "engine/shard.h"
#include "engine/shard_check.h"
#include "support/quick_peek.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES ((uint64_t)16 << 10)
#define WORDS (BYTES / sizeof(uint64_t))
#define KEYS  120u

static uint64_t next_word(struct input *input)
{
	uint64_t word = 0;

	for (unsigned i = 0; i < sizeof word; i++)
		word |= (uint64_t)next(input) << 8 * i;
	return word;
}

static struct sci_name name_of(char text[32], unsigned key)
{
	int len = snprintf(text, 32, "%u%.*s", key, (int)(key % 20), "....................");

	return (struct sci_name){ text, (size_t)len, sci_hash(text, (size_t)len, 1), NULL };
}

static void put(struct sci_shard *shard, unsigned key, int64_t now_ms)
{
	static const unsigned char value[3000];
	static const struct sci_notes notes = { .fresh_until_ms = 20 };
	static const uint64_t annex[32];
	char text[32];
	struct sci_name name = name_of(text, key);
	struct sci_content content = { .value = value,
		.len = key % 7 ? key * 3 % 200 : key * 23 % sizeof value,
		.expires_ms = key % 3 ? SCI_NEVER : now_ms + 1 + key,
		.idle_ms = key % 5 ? 0 : 40,
		.cost = key % 4,
		.notes = key % 6 ? NULL : &notes,
		.annex = annex,
		.annex_words = key % 32 };

	uint64_t evicted = sci_shard_stats(shard).evictions;
	enum sci_store_result stored = sci_shard_put(shard, &name, &content, now_ms);
	struct sci_found found;
	/* A large value may be evicted at once. */
	if (stored == SCI_STORE_OK && sci_shard_stats(shard).evictions == evicted)
		check_that(sci_shard_find(shard, &name, now_ms, &found) == SCI_LOOKUP_HIT &&
				found.len == content.len,
			"what was stored is not there");
}

/* An undamaged shard with both queues, holes, pins and deadlines. */
static void use(void *memory, uint8_t kind)
{
	const struct sci_shard_options options = {
		.policy = kind & 1 ? SCI_POLICY_LRU : SCI_POLICY_COUNTED,
		.bytes = BYTES,
		.max_entries = kind & 2 ? 40 : 0,
		.entry_bytes = 100,
	};
	struct sci_shard *shard = sci_shard_format(memory, &options);
	struct sci_found found;
	char text[32];

	for (unsigned key = 0; key < KEYS; key++)
		put(shard, key, 0);
	for (unsigned key = 0; key < KEYS; key += 3) {
		struct sci_name name = name_of(text, key);
		if (sci_shard_find(shard, &name, 0, &found) == SCI_LOOKUP_HIT && key % 4 == 0)
			sci_shard_pin(shard, found.offset);
		if (key % 5 == 0)
			sci_shard_remove(shard, &name);
	}
	for (unsigned key = KEYS; key < KEYS + (kind >> 2) % 16u; key++)
		put(shard, key, 0);
}

/* Change one word. */
static void damage(uint64_t *words, struct input *input)
{
	const struct sci_shard *shard = (const struct sci_shard *)(const void *)words;
	uint8_t kind = next(input);
	uint64_t start = shard->log_start < WORDS ? shard->log_start : WORDS - 1;
	uint64_t from = kind % 4 == 0 ? 0 : kind % 4 == 1 ? SCI_INDEX_START / 8 : start;
	uint64_t at = (from +
			      (next(input) | (uint64_t)next(input) << 8) %
				      (kind % 4 == 0 ? SCI_INDEX_START / 8 : WORDS - from)) %
		WORDS;

	switch (kind / 4 % 4) {
	case 0:
		words[at] = next_word(input);
		break;
	case 1:
		words[at] ^= UINT64_C(1) << next(input) % 64;
		break;
	case 2:
		words[at] = words[(at + next(input)) % WORDS];
		break;
	default:
		/* Offsets and lengths are small numbers in either half of a word. */
		words[at] = kind & 16 ? (words[at] & UINT32_MAX) | (uint64_t)next(input) << 35
				      : (words[at] & ~(uint64_t)UINT32_MAX) |
				(uint64_t)next(input) << (kind >> 5);
		break;
	}
}

/* Read every byte of the value. */
static void touch(const struct sci_found *found)
{
	const unsigned char *byte = found->value;
	uint64_t sum = 0;

	check_that(!found->object, "an object came out of another process");
	for (size_t i = 0; i < found->len; i++)
		sum += byte[i];
	check_that(sum <= found->len * UINT8_MAX, "the value cannot be read");
}

static void operate(struct sci_shard *shard, uint8_t what, int64_t now_ms)
{
	static unsigned char buffer[BYTES];
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };
	unsigned key = what % (KEYS + 8);
	struct sci_found found;
	char text[32];
	struct sci_name name = name_of(text, key);

	switch (what / 32) {
	case 0:
	case 1:
	case 2:
		put(shard, key, now_ms);
		break;
	case 3:
		sci_shard_remove(shard, &name);
		break;
	case 4:
		if (what % 32 == 0)
			sci_shard_clear(shard);
		else
			sci_shard_expire(shard, now_ms, what);
		break;
	default:
		sci_shard_peek(shard, &name, now_ms, &copy);
		sct_peek_quick(shard, &name, now_ms, &copy);
		if (sci_shard_find(shard, &name, now_ms, &found) == SCI_LOOKUP_HIT)
			touch(&found);
		break;
	}
}

static void check_shard(const struct sci_shard *shard)
{
	const char *wrong = sci_shard_check(shard);

	check_that(!wrong, wrong);
}

static void use_all(struct sci_shard *shard)
{
	struct sci_found found;
	char text[32];

	check_that(sci_shard_stats(shard).pinned == 0, "the former holders still hold");
	for (unsigned key = 0; key < KEYS + 16; key++) {
		struct sci_name name = name_of(text, key);
		if (sci_shard_find(shard, &name, 10, &found) == SCI_LOOKUP_HIT)
			touch(&found);
	}
	check_shard(shard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, BYTES);
	uint8_t kind = next(&input);

	if (!memory)
		return 0;
	memset(memory, 0, BYTES);
	if (kind < 8) {
		size_t len = (size_t)(input.end - input.at);
		memcpy(memory, input.at, len < BYTES ? len : BYTES);
		input.at = input.end;
	} else {
		use(memory, kind);
		for (unsigned damages = next(&input) % 9u; damages > 0; damages--)
			damage(memory, &input);
	}
	struct sci_shard *shard = sci_shard_attach(memory, BYTES);
	if (shard) {
		check_shard(shard);
		use_all(shard);
		for (int64_t now_ms = 20; input.at < input.end; now_ms += 5) {
			operate(shard, next(&input), now_ms);
			check_shard(shard);
		}
		sci_shard_clear(shard);
		check_shard(shard);
		check_that(sci_shard_stats(shard).bytes == 0, "an empty shard has no bytes in use");
	}
	free(memory);
	return 0;
}
