/* Lookups that copy out without the lock.
 *
 * The reader notes the shard's version, follows index and record, copies, and looks at the version again.
 * If it is the same, and was even, nothing that the reader looked at was changed meanwhile (words.h has
 * the order of memory that makes this true), and the copy is good.
 *
 * What it reads may be anything while a writer is at work, so every place and length is checked against
 * the log before it is used.
 *
 * There are two of them: one for all cases, in peek.c, and one in line for the case that nearly all lookups
 * are, a hit of a short key. That one gives up at whatever is unusual, before it has changed anything. */
#ifndef SCI_ENGINE_PEEK_H
#define SCI_ENGINE_PEEK_H

#include "engine/index.h"
#include "engine/policy.h"

#include <assert.h>

/* A copy to be made: into `buffer`, of at most `capacity` bytes; `len` is set. */
struct sci_copy {
	void *buffer;
	size_t capacity, len;
};

enum sci_peek {
	SCI_PEEK_MISS,
	SCI_PEEK_HIT,       /* copied, and marked as used */
	SCI_PEEK_TOO_LARGE, /* there, with this `len`, and not copied */
	SCI_PEEK_UNSURE     /* ask sci_shard_find() with the lock; the buffer may be written to */
};

/* Longer values are better pinned and copied by memcpy. */
#define SCI_PEEK_BYTES_MAX 1024u

/* Find an entry and copy its value, with no lock held, while one other thread may be changing the shard
 * with the lock. Does not wait for it. */
enum sci_peek sci_shard_peek(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy);

/* A key of at most SCI_SHORT_KEY_MAX bytes, laid out as in a record (see struct sci_name). */
#define SCI_SHORT_KEY_MAX 20u

struct sci_short_name {
	uint32_t first; /* the upper half of the first word */
	uint64_t second, third;
	size_t len;
	uint64_t hash;
};

/* Where a lookup reads the time from, if it has to. */
typedef int64_t (*sci_peek_now_ms)(const void *context);

/* The same for a short key, with less to say: SCI_PEEK_HIT, SCI_PEEK_MISS, or SCI_PEEK_UNSURE, after which to
 * ask sci_shard_peek(). */
static inline enum sci_peek sci_shard_peek_short(const struct sci_shard *shard,
	const struct sci_short_name *name, sci_peek_now_ms now_ms, const void *context,
	void *buffer, size_t capacity, size_t *len);

/* ---- How ---- */

/* A reader saw this in a slot of this line, which is an entry that was used. */
void sci_peek_touch(struct sci_bucket *line, uint64_t seen);

/* What only the lock allows: handing out an object, and putting off a deadline by a use. Also for a
 * record that is past its deadline, or whose times are not inside the log because it is none. */
bool sci_peek_needs_lock(const struct sci_record *record, uint64_t form, uint32_t units_left,
	int64_t now_ms);

/* How many units of the log lie behind a place that a slot gave, the first of its record included; 0 when it is
 * none of the log's. The subtraction wraps for what lies before the log, so one comparison is for both
 * ends: no reader ever takes the shard's head or its index for a record. */
static inline uint32_t sci_peek_units_left(const struct sci_shard *shard, sci_place place)
{
	uint32_t units = sci_read(&shard->peek_units), at = place - shard->log_start;

	if (!sci_is_likely(at < units))
		return 0;
	assert(place >= shard->log_start && place < shard->log_start + units);
	return units - at;
}

static inline bool sci_peek_is_unchanged(const struct sci_shard *shard, uint32_t version)
{
	return atomic_load_explicit(&shard->version, memory_order_relaxed) == version;
}

/* What the upper part of a form is for a record that is in the index with a key of this length: alone, and
 * with pins, a deadline and whatever else makes no other record of it. */
#define SCI_PEEK_UPPER_SHIFT SCI_BYTES_BITS
#define SCI_PEEK_UPPER_MASK  (SCI_KEY_LEN_MAX | UINT64_C(1) << SCI_KEY_LEN_BITS)

static inline uint64_t sci_peek_upper(size_t key_len)
{
	return key_len | UINT64_C(1) << SCI_KEY_LEN_BITS;
}

/* A key of one word, two, or three. */
static inline bool sci_peek_has_short_key(const sci_word *words, const struct sci_short_name *name)
{
	uint64_t differing = sci_read(&words[2]) >> 32 ^ name->first;

	if (sci_is_likely(name->len > 4))
		differing |= sci_read(&words[3]) ^ name->second;
	if (sci_is_likely(name->len > 12))
		differing |= sci_read(&words[4]) ^ name->third;
	return differing == 0;
}

/* The slot that is looked at first, or one of the others with the tag. */
static inline uint64_t sci_peek_select(const struct sci_shard *shard, uint64_t hash,
	struct sci_bucket **line)
{
	uint32_t home = sci_index_home(shard, hash);

	*line = sci_buckets(shard) + home;
	uint64_t seen = sci_read(&(*line)->slot[sci_index_favourite(hash, 0)]);
	if (sci_is_likely(sci_slot_has_tag(seen, hash)))
		return seen;
	seen = sci_index_select(*line, hash);
	if (!sci_slot_has_tag(seen, hash)) {
		*line = sci_buckets(shard) + sci_index_other(shard, hash, home);
		seen = sci_index_select(*line, hash);
	}
	return seen;
}

static inline enum sci_peek sci_shard_peek_short(const struct sci_shard *shard,
	const struct sci_short_name *name, sci_peek_now_ms now_ms, const void *context,
	void *buffer, size_t capacity, size_t *len)
{
	/* What it has to be in the end: if it is odd now, nothing that it can be. */
	uint32_t version = sci_read(&shard->version) & ~1u;
	uint64_t offset = sci_value_offset(name->len);
	struct sci_bucket *line;
	uint64_t seen = sci_peek_select(shard, name->hash, &line);
	sci_place place = sci_slot_place(seen);
	uint32_t left = sci_peek_units_left(shard, place);

	if (!sci_slot_has_tag(seen, name->hash))
		return sci_peek_is_unchanged(shard, version) ? SCI_PEEK_MISS : SCI_PEEK_UNSURE;
	if (left == 0)
		return SCI_PEEK_UNSURE;
	const sci_word *words = sci_record_words(sci_record_at(shard, place));
	uint64_t form = sci_read(&words[0]), bytes = sci_form_bytes(form),
		 value_len = bytes - offset;
	uint64_t unusual = form >> SCI_PEEK_UPPER_SHIFT ^ sci_peek_upper(name->len);
	if (!sci_is_likely(unusual == 0) &&
		((unusual & SCI_PEEK_UPPER_MASK) ||
			sci_peek_needs_lock(sci_record_at(shard, place), form, left,
				now_ms(context))))
		return SCI_PEEK_UNSURE;
	if (bytes > (uint64_t)left * SCI_UNIT || value_len > capacity ||
		value_len > SCI_PEEK_BYTES_MAX || !sci_peek_has_short_key(words, name))
		return SCI_PEEK_UNSURE;
	sci_words_copy_out(buffer, words + offset / SCI_UNIT, value_len);
	*len = value_len;
	if (!sci_peek_is_unchanged(shard, version))
		return SCI_PEEK_UNSURE;
	if (sci_policy_wants_touch(shard, seen))
		sci_peek_touch(line, seen);
	return SCI_PEEK_HIT;
}

#endif
