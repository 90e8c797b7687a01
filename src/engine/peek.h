/* Lookups that copy out without the lock.
 *
 * The reader notes the shard's sequence, follows index and record, copies, and looks at the sequence again.
 * If it is the same, and was even, nothing that the reader looked at was changed meanwhile (words.h has
 * the order of memory that makes this true), and the copy is good.
 *
 * What it reads may be anything while a writer is at work, so every place and length is checked against
 * the log before it is used.
 *
 * There are two of them: one for all cases, in peek.c, and one in line for the case that nearly all lookups
 * are, where the first slot that has the tag leads to the key. Either says why it gave up, so that nothing is
 * tried twice: sci_peek_is_worth_another() tells what the other may still find from what only the lock allows. */
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
	/* It gave up, and the buffer may be written to: */
	SCI_PEEK_BUSY, /* a writer was at work */
	SCI_PEEK_OTHER, /* the slot with the tag is of another key, or unusual: only from the quick one */
	SCI_PEEK_ORDERED, /* the order of use is exact, and a hit has to be written down */
	SCI_PEEK_OBJECT,  /* an object is handed out, not copied */
	SCI_PEEK_TIMED,   /* past its deadline, or this use puts that off */
	SCI_PEEK_LONG     /* the value is longer than SCI_PEEK_BYTES_MAX */
};

/* Whether it gave up: then sci_shard_find() with the lock knows. */
static inline bool sci_peek_gave_up(enum sci_peek peek)
{
	return peek >= SCI_PEEK_BUSY;
}

/* Whether sci_shard_peek() may know what sci_shard_peek_quick() does not. */
static inline bool sci_peek_is_worth_another(enum sci_peek peek)
{
	return peek == SCI_PEEK_BUSY || peek == SCI_PEEK_OTHER;
}

/* Longer values are better pinned and copied by memcpy. */
#define SCI_PEEK_BYTES_MAX 1024u

/* Find an entry and copy its value, with no lock held, while one other thread may be changing the shard
 * with the lock. Does not wait for it. */
enum sci_peek sci_shard_peek(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy);

/* Where a lookup reads the time from, if it has to. */
typedef int64_t (*sci_peek_now_ms)(const void *context);

/* The same by one slot and one try. Sets *len for a hit and for a value that is too
 * large. */
static inline __attribute__((always_inline)) enum sci_peek sci_shard_peek_quick(
	const struct sci_shard *shard, const struct sci_quick_name *name, sci_peek_now_ms now_ms,
	const void *context, void *buffer, size_t capacity, size_t *len);

/* ---- How ---- */

/* A slot that a reader saw, and the line that it is in. */
struct sci_sighting {
	struct sci_bucket *line;
	uint64_t seen;
};

/* A reader saw this in a slot of this line, which is an entry that was used. */
void sci_peek_touch(struct sci_bucket *line, uint64_t seen);

/* Why the lock is needed for a record with this form and so many units of the log from it on; SCI_PEEK_HIT when it
 * is not. Also for a record whose times are not inside the log because it is none. */
enum sci_peek sci_peek_why_lock(const struct sci_record *record, uint64_t header,
	uint32_t units_left, int64_t now_ms);

/* How many units of the log lie behind a place that a slot gave, the first of its record included; 0 when it is
 * none of the log's. The subtraction wraps for what lies before the log, so one comparison is for both
 * ends: no reader ever takes the shard's head or its index for a record. */
static inline uint32_t sci_peek_units_left(const struct sci_shard *shard, sci_offset offset)
{
	uint32_t units = sci_read(&shard->peek_units), at = offset - shard->log_start;

	if (!sci_is_likely(at < units))
		return 0;
	assert(offset >= shard->log_start && offset < shard->log_start + units);
	return units - at;
}

static inline bool sci_peek_is_unchanged(const struct sci_shard *shard, uint32_t sequence)
{
	return atomic_load_explicit(&shard->sequence, memory_order_relaxed) == sequence;
}

/* What the upper part of a form is for a record that is in the index with a key of this length: alone, and
 * with pins, a deadline and whatever else makes no other record of it. */
#define SCI_PEEK_UPPER_SHIFT SCI_BYTES_BITS
#define SCI_PEEK_UPPER_MASK  (SCI_KEY_LEN_MAX | UINT64_C(1) << SCI_KEY_LEN_BITS)

static inline uint64_t sci_peek_upper(size_t key_len)
{
	return key_len | UINT64_C(1) << SCI_KEY_LEN_BITS;
}

/* Most keys are one word, two, or three. */
static inline __attribute__((always_inline)) bool sci_peek_has_key(const sci_word *words,
	const struct sci_quick_name *name)
{
	uint64_t differing = sci_read(&words[2]) >> 32 ^ name->first;

	if (sci_is_likely(name->len > 4))
		differing |= sci_read(&words[3]) ^ name->second;
	if (sci_is_likely(name->len > 12))
		differing |= sci_read(&words[4]) ^ name->third;
	if (name->words)
		return differing == 0 &&
			sci_words_equal(words + 2, name->words,
				sci_value_offset(name->len) / SCI_UNIT - 2);
	return differing == 0;
}

/* A name that has its words, by value. */
static inline struct sci_quick_name sci_peek_name(const struct sci_name *name)
{
	const uint64_t *words = name->words;

	return (struct sci_quick_name){
		.hash = name->hash,
		.len = name->len,
		.first = (uint32_t)(words[0] >> 32),
		.second = name->len > 4 ? words[1] : 0,
		.third = name->len > 12 ? words[2] : 0,
		.words = name->len > 20 ? words : NULL,
	};
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

/* What is unusual about a record that has the key's length: all that remains is a pin, or a cost. */
static inline enum sci_peek sci_peek_why_not(uint64_t header)
{
	return sci_header_state(header) == SCI_RECORD_OBJECT ? SCI_PEEK_OBJECT : SCI_PEEK_OTHER;
}

/* All of it but the mark. Without a clock, for lookups of what is usual only, anything else about the record is
 * SCI_PEEK_OTHER. */
static inline __attribute__((always_inline)) enum sci_peek sci_peek_try(
	const struct sci_shard *shard, const struct sci_quick_name *name, sci_peek_now_ms now_ms,
	const void *context, void *buffer, size_t capacity, size_t *len,
	struct sci_sighting *sighting)
{
	/* What it has to be in the end: if it is odd now, nothing that it can be. */
	uint32_t sequence = sci_read(&shard->sequence) & ~1u;
	uint64_t value_at = sci_value_offset(name->len);
	uint64_t seen = sci_peek_select(shard, name->hash, &sighting->line);
	sci_offset offset = sci_slot_offset(seen);

	sighting->seen = seen;
	if (!sci_slot_has_tag(seen, name->hash))
		return sci_peek_is_unchanged(shard, sequence) ? SCI_PEEK_MISS : SCI_PEEK_BUSY;
	uint32_t left = sci_peek_units_left(shard, offset);
	if (!sci_is_likely(left))
		return sci_read(&shard->peek_units) ? SCI_PEEK_OTHER : SCI_PEEK_ORDERED;
	const struct sci_record *record = sci_record_at(shard, offset);
	const sci_word *words = sci_record_words(record);
	uint64_t header = sci_read(&words[0]), bytes = sci_header_bytes(header);
	uint64_t unusual = header >> SCI_PEEK_UPPER_SHIFT ^ sci_peek_upper(name->len);
	if (!sci_is_likely(unusual == 0) && (!now_ms || (unusual & SCI_PEEK_UPPER_MASK)))
		return unusual & SCI_PEEK_UPPER_MASK ? SCI_PEEK_OTHER : sci_peek_why_not(header);
	/* A length that is less than the key's is a great one, as a number without a sign. */
	uint64_t value_len = bytes - value_at;
	if (!sci_is_likely(value_len <= SCI_PEEK_BYTES_MAX))
		return SCI_PEEK_LONG;
	if (!sci_is_likely(bytes <= (uint64_t)left * SCI_UNIT && sci_peek_has_key(words, name)))
		return SCI_PEEK_OTHER;
	if (now_ms && !sci_is_likely(unusual == 0)) {
		enum sci_peek why = sci_peek_why_lock(record, header, left, now_ms(context));
		if (why != SCI_PEEK_HIT)
			return why;
	}
	*len = value_len;
	if (!sci_is_likely(value_len <= capacity))
		return sci_peek_is_unchanged(shard, sequence) ? SCI_PEEK_TOO_LARGE : SCI_PEEK_BUSY;
	if (sci_is_likely(value_len < SCI_BLOCK_BYTES))
		sci_words_copy_rest(buffer, words + value_at / SCI_UNIT, value_len);
	else
		sci_words_copy_out(buffer, words + value_at / SCI_UNIT, value_len);
	return sci_is_likely(sci_peek_is_unchanged(shard, sequence)) ? SCI_PEEK_HIT : SCI_PEEK_BUSY;
}

static inline __attribute__((always_inline)) enum sci_peek sci_shard_peek_quick(
	const struct sci_shard *shard, const struct sci_quick_name *name, sci_peek_now_ms now_ms,
	const void *context, void *buffer, size_t capacity, size_t *len)
{
	struct sci_sighting sighting;

	enum sci_peek peek =
		sci_peek_try(shard, name, now_ms, context, buffer, capacity, len, &sighting);
	if (peek == SCI_PEEK_HIT && sci_policy_wants_touch(shard, sighting.seen))
		sci_peek_touch(sighting.line, sighting.seen);
	return peek;
}

#endif
