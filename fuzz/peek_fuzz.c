/* Bytes become entries of a shard, with names that no real key has: any hash with any bytes. The
 * lookups without the lock must find the same as the locked lookup. */
#include "fuzz.h"
#include "fuzz_input.h"

#include "engine/shard.h"
#include "support/quick_peek.h"

#include <string.h>

#define KEY_MAX 32u

/* The size of a shard whose head contains the header word of a record with a key of four bytes. */
#define LARGE_BYTES ((sci_header(SCI_RECORD_LIVE, 0, 4) >> 32) * SCI_UNIT)

struct made {
	unsigned char key[KEY_MAX];
	struct sci_name name;
};

static uint64_t next_number(struct input *input, unsigned bytes)
{
	uint64_t number = 0;

	for (; bytes > 0; bytes--)
		number = number << 8 | next(input);
	return number;
}

/* Make a key of zeros, bytes of the input, or bytes of the shard at any offset. */
static void make_key(struct made *made, struct input *input, const void *shard, uint64_t bytes)
{
	uint64_t how = next(input);
	size_t len = next(input) % (KEY_MAX + 1);

	memset(made->key, 0, sizeof made->key);
	if (how % 3 == 1)
		for (size_t i = 0; i < len; i++)
			made->key[i] = next(input);
	else if (how % 3 == 2)
		memcpy(made->key, (const char *)shard + next_number(input, 2) % (bytes - KEY_MAX),
			len);
	/* The hash determines the tag, one of a few index lines, and the first slot. */
	uint64_t hash = (uint64_t)next(input) << 50 | (uint64_t)next(input) << 24 | how >> 5;
	made->name = (struct sci_name){ made->key, len, hash, NULL };
}

static void check_hit(const struct sci_copy *copy, const struct sci_found *found)
{
	check_that(copy->len == found->len && memcmp(copy->buffer, found->value, found->len) == 0,
		"a lookup without the lock gives something else");
}

static void look(const struct sci_shard *shard, const struct sci_name *name, int64_t now_ms)
{
	unsigned char buffer[SCI_PEEK_BYTES_MAX];
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };
	struct sci_found found;
	bool is_there = sci_shard_look(shard, name, now_ms, &found) == SCI_LOOKUP_HIT;

	enum sci_peek peek = sct_peek_quick(shard, name, now_ms, &copy);
	check_that(peek != SCI_PEEK_MISS || !is_there,
		"a quick lookup does not find what is there");
	check_that(peek != SCI_PEEK_HIT || is_there, "a quick lookup finds what is not there");
	if (peek == SCI_PEEK_HIT)
		check_hit(&copy, &found);
	peek = sci_shard_peek(shard, name, now_ms, &copy);
	check_that(peek != SCI_PEEK_MISS || !is_there, "a full lookup does not find what is there");
	check_that(peek != SCI_PEEK_HIT || is_there, "a full lookup finds what is not there");
	if (peek == SCI_PEEK_HIT)
		check_hit(&copy, &found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	unsigned char value[256];
	uint8_t how = next(&input);
	struct sci_shard_options options = { how & 1 ? SCI_POLICY_LRU : SCI_POLICY_COUNTED,
		how & 2 ? LARGE_BYTES : SCI_SHARD_BYTES_MIN, 0, 64, how & 4 };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, options.bytes);
	struct made made;

	if (!memory)
		return 0;
	memset(memory, 0, options.bytes);
	static const struct sci_notes notes = { .fresh_until_ms = 20 };
	static const uint64_t annex[32];
	struct sci_shard *shard = sci_shard_format(memory, &options);
	/* Begin with the sequence after any number of changes. */
	shard->sequence = (uint32_t)next_number(&input, 2) & ~1u;
	while (input.at < input.end) {
		uint8_t what = next(&input);
		make_key(&made, &input, shard, options.bytes);
		memset(value, what, sizeof value);
		if (what % 4 == 0)
			sci_shard_put(shard, &made.name,
				&(struct sci_content){ .value = value,
					.len = next(&input),
					.expires_ms = what & 16 ? what : SCI_NEVER,
					.notes = what & 64 ? &notes : NULL,
					.annex = annex,
					.annex_words = what % 32 },
				0);
		else if (what % 16 == 1)
			sci_shard_remove(shard, &made.name);
		else
			look(shard, &made.name, what & 32 ? what : 0);
	}
	free(memory);
	return 0;
}
