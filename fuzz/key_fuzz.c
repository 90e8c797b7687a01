/* Bytes become two keys. Each is encoded and decoded, which must give the same parts, and the two
 * encodings must be equal only if all parts are. */
#include "fuzz.h"
#include "fuzz_input.h"

#include "cache/key_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A signed number of 1 to 8 bytes. */
static uint64_t next_number(struct input *input)
{
	uint8_t shape = next(input);
	uint64_t number = 0;

	for (unsigned i = 0; i <= (shape & 7u); i++)
		number = number << 8 | next(input);
	return shape & 8 ? ~number : number;
}

static struct sc_part next_part(struct input *input)
{
	uint8_t type = next(input);
	size_t len, left;
	const uint8_t *data;

	switch (type % 6) {
	case SC_PART_ABSENT:
		return sc_part_absent();
	case SC_PART_BOOL:
		return sc_part_bool(type & 0x80);
	case SC_PART_INTEGER:
		return sc_part_integer((long long)next_number(input));
	case SC_PART_UNSIGNED:
		return sc_part_unsigned(next_number(input));
	default:
		len = next(input);
		left = (size_t)(input->end - input->at);
		len = len < 250 ? len : len * 8;
		len = len < left ? len : left;
		data = input->at;
		input->at += len;
		return type % 6 == SC_PART_TEXT ? sc_part_text_n((const char *)data, len)
						: sc_part_bytes(data, len);
	}
}

static bool same_part(const struct sc_part *a, const struct sc_part *b)
{
	return a->type == b->type && a->number == b->number && a->len == b->len &&
		(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool same_key(struct sc_key a, struct sc_key b)
{
	if (a.count != b.count)
		return false;
	for (size_t i = 0; i < a.count; i++)
		if (!same_part(&a.parts[i], &b.parts[i]))
			return false;
	return true;
}

struct made {
	struct sc_part parts[SC_KEY_PARTS_MAX];
	struct sc_key key;
	uint64_t scope; /* 0: none */
	struct sci_lookup_key lookup;
};

static void make(struct made *made, struct input *input)
{
	struct sci_key_parts back;

	made->key = (struct sc_key){ made->parts, 1u + next(input) % SC_KEY_PARTS_MAX };
	for (size_t i = 0; i < made->key.count; i++)
		made->parts[i] = next_part(input);
	static const uint64_t scopes[] = { 0, 0, 0x153, 0x5353535353535353 };
	const struct sci_hash_secret secret = sci_hash_secret_fixed(1);
	made->scope = scopes[next(input) % 4];
	if (made->scope ? sci_key_encode_scoped(&made->lookup, made->key, made->scope, &secret)
			: sci_key_encode(&made->lookup, made->key))
		abort();
	check_that(sci_key_scope(made->lookup.name.key, made->lookup.name.len) == made->scope,
		"a key has another scope");

	/* A block of exactly that size, so that AddressSanitizer detects a read past its end. */
	unsigned char *exact = malloc(made->lookup.name.len);
	char *text = malloc(sci_key_text_bytes(made->lookup.name.len));
	if (!exact || !text)
		abort();
	memcpy(exact, made->lookup.name.key, made->lookup.name.len);
	sci_key_decode(&back, text, exact, made->lookup.name.len);
	check_that(same_key((struct sc_key){ back.parts, back.count }, made->key),
		"other parts come back");
	for (size_t i = 0; i < back.count; i++)
		if (back.parts[i].type == SC_PART_TEXT)
			check_that(((const char *)back.parts[i].data)[back.parts[i].len] == '\0',
				"a text does not end with a NUL");
	free(text);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct made one, other;

	make(&one, &input);
	make(&other, &input);
	bool same_bytes = one.lookup.name.len == other.lookup.name.len &&
		memcmp(one.lookup.name.key, other.lookup.name.key, one.lookup.name.len) == 0;
	check_that(same_bytes == (one.scope == other.scope && same_key(one.key, other.key)),
		"two keys meet");
	sci_key_fini(&one.lookup);
	sci_key_fini(&other.lookup);
	return 0;
}
