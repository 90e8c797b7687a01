/* A part is encoded as one byte for its type, and then:
 *
 *	absent            nothing
 *	bool              one byte, 0 or 1
 *	integer           zigzag (0, -1, 1, -2, ...), seven bits a byte, lowest first
 *	unsigned          seven bits a byte
 *	text, bytes       the length, seven bits a byte, then the bytes
 *
 * Each part says where it ends, so the list can be decoded, and different lists have different
 * bytes. */
#include "cache/key_bytes.h"

#include "base/hash.h"
#include "cache/memory.h"

#include <scopecache/error.h>

#include <stdbool.h>

/* The most that a part takes beside its bytes: its type and a 64-bit number. */
#define PART_OVERHEAD 11u

/* Returns 0 with the bytes that the key may need, or an error. */
static int measure(struct sc_key key, size_t *most)
{
	size_t bytes = 0;

	if (!key.parts || key.count == 0)
		return SC_E_INVAL;
	if (key.count > SC_KEY_PARTS_MAX)
		return SC_E_TOO_LARGE;
	for (size_t i = 0; i < key.count; i++) {
		const struct sc_part *part = &key.parts[i];
		if (part->type < SC_PART_ABSENT || part->type > SC_PART_BYTES)
			return SC_E_INVAL;
		if (!sci_part_has_bytes(part))
			continue;
		if (!part->data && part->len)
			return SC_E_INVAL;
		if (part->len > SC_KEY_BYTES_MAX - bytes)
			return SC_E_TOO_LARGE;
		bytes += part->len;
	}
	*most = bytes + key.count * PART_OVERHEAD;
	return 0;
}

static unsigned char *put_number(unsigned char *to, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*to++ = (unsigned char)(number | 0x80);
	*to++ = (unsigned char)number;
	return to;
}

static unsigned char *put_part(unsigned char *to, const struct sc_part *part)
{
	*to++ = (unsigned char)part->type;
	switch (part->type) {
	case SC_PART_ABSENT:
		break;
	case SC_PART_BOOL:
		*to++ = part->number != 0;
		break;
	case SC_PART_INTEGER:
		to = put_number(to, sci_zigzag(part->number));
		break;
	case SC_PART_UNSIGNED:
		to = put_number(to, (uint64_t)part->number);
		break;
	case SC_PART_TEXT:
	case SC_PART_BYTES:
		to = put_number(to, part->len);
		if (part->len)
			memcpy(to, part->data, part->len);
		to += part->len;
		break;
	}
	return to;
}

static int encode(struct sci_lookup_key *out, struct sc_key key, uint64_t scope)
{
	size_t most;

	int rc = measure(key, &most);
	if (rc < 0)
		return rc;
	most += scope ? SCI_SCOPE_BYTES : 0;

	uint64_t *words = out->small;
	if (most + SCI_KEY_AT > sizeof out->small) {
		words = sci_alloc(most + SCI_KEY_AT + sizeof *words);
		if (!words)
			return SC_E_NOMEM;
	}
	unsigned char *data = (unsigned char *)words + SCI_KEY_AT, *to = data;
	if (scope) {
		*to++ = SCI_SCOPE_MARK;
		memcpy(to, &scope, sizeof scope);
		to += sizeof scope;
	}
	for (size_t i = 0; i < key.count; i++)
		to = put_part(to, &key.parts[i]);
	sci_key_set(out, words, (size_t)(to - data));
	out->fini = words == out->small ? 0 : SCI_KEY_ALLOCATED;
	memset(to, 0, -(size_t)(SCI_KEY_AT + out->name.len) % sizeof *words);
	return 0;
}

int sci_key_encode(struct sci_lookup_key *out, struct sc_key key)
{
	return encode(out, key, 0);
}

void sci_key_free(struct sci_lookup_key *key)
{
	/* They are this key's own. */
	uint64_t *words = (uint64_t *)(uintptr_t)key->name.words;

	if (key->fini & SCI_KEY_SECRET)
		sci_wipe(words, SCI_KEY_AT + key->name.len);
	if (key->fini & SCI_KEY_ALLOCATED)
		sci_free(words);
}

/* The value of a number: any truth is 1, and an absent part 0. */
static int64_t number_of(const struct sc_part *part)
{
	return part->type == SC_PART_ABSENT  ? 0
		: part->type == SC_PART_BOOL ? part->number != 0
					     : part->number;
}

static uint64_t hash_from(uint64_t state, struct sc_key key, const struct sci_hash_secret *secret)
{
	for (size_t i = 0; i < key.count; i++) {
		const struct sc_part *part = &key.parts[i];
		size_t after = key.count - 1 - i;
		unsigned type = (unsigned)part->type;
		state = sci_part_has_bytes(part)
			? sci_hash_bytes(state, part->data, part->len,
				  sci_hash_head(type, part->len, after), secret)
			: sci_hash_two(state, (uint64_t)number_of(part), 0,
				  sci_hash_head(type, 0, after), secret);
	}
	return state;
}

uint64_t sci_key_hash(struct sc_key key, const struct sci_hash_secret *secret)
{
	return hash_from(secret->start, key, secret);
}

int sci_key_encode_long_scoped(struct sci_lookup_key *out, struct sc_key key, uint64_t scope,
	const struct sci_hash_secret *secret)
{
	int rc = encode(out, key, scope);

	if (rc < 0)
		return rc;
	out->name.hash = hash_from(sci_scope_state(scope, key.count, secret), key, secret);
	return 0;
}

static uint64_t take_number(const unsigned char **from)
{
	uint64_t number = 0;
	unsigned shift = 0;

	do
		number |= (uint64_t)(**from & 0x7F) << shift;
	while (shift += 7, *(*from)++ & 0x80);
	return number;
}

static int64_t unzigzag(uint64_t number)
{
	return (int64_t)(number >> 1 ^ (number & 1 ? UINT64_MAX : 0));
}

/* Decode one part; copies its bytes to *text, with a NUL behind them. */
static struct sc_part take_part(const unsigned char **from, char **text)
{
	struct sc_part part = { .type = (enum sc_part_type) * (*from)++ };

	switch (part.type) {
	case SC_PART_ABSENT:
		break;
	case SC_PART_BOOL:
		part.number = *(*from)++;
		break;
	case SC_PART_INTEGER:
		part.number = unzigzag(take_number(from));
		break;
	case SC_PART_UNSIGNED:
		part.number = (int64_t)take_number(from);
		break;
	case SC_PART_TEXT:
	case SC_PART_BYTES:
		part.len = (size_t)take_number(from);
		part.data = *text;
		memcpy(*text, *from, part.len);
		(*text)[part.len] = '\0';
		*text += part.len + 1;
		*from += part.len;
		break;
	}
	return part;
}

void sci_key_decode(struct sci_key_parts *parts, char *text, const unsigned char *data, size_t len)
{
	const unsigned char *from = data;

	if (sci_key_scope(data, len))
		from += SCI_SCOPE_BYTES;
	for (parts->count = 0; parts->count < SC_KEY_PARTS_MAX && from < data + len; parts->count++)
		parts->parts[parts->count] = take_part(&from, &text);
}
