/* Lookups without the lock: the read side of a seqlock.
 *
 * The reader reads the sequence, follows index and record, copies, and reads the sequence again. If
 * it is equal and even, nothing that the reader read was changed meanwhile (words.h says which
 * memory order makes this true), and the copy is valid. While a writer is active the reader may
 * read anything, so each offset and length is checked against the log before use.
 *
 * There are two versions: a complete one in peek.c, and an inline one for the usual case, in which
 * the first slot with the tag has the key. Each returns why it gave up, so that no work is done
 * twice: sci_peek_is_worth_another() tells what the complete one may still find from what needs the
 * lock. */
#ifndef SCI_ENGINE_PEEK_H
#define SCI_ENGINE_PEEK_H

#include "engine/index.h"
#include "engine/touch.h"

#include <assert.h>

/* The copy of a value: into `buffer` of `capacity` bytes; sets `len`. */
struct sci_copy {
	void *buffer;
	size_t capacity, len;
};

enum sci_peek {
	SCI_PEEK_MISS,
	SCI_PEEK_HIT,       /* copied, and marked as used */
	SCI_PEEK_TOO_LARGE, /* found, with this `len`, not copied */
	/* It gave up; the buffer may have been written: */
	SCI_PEEK_BUSY,    /* a writer was active */
	SCI_PEEK_OTHER,   /* the inline version met another key, or an unusual record */
	SCI_PEEK_ORDERED, /* exact LRU order: a hit needs the lock */
	SCI_PEEK_OBJECT,  /* objects are pinned, not copied */
	SCI_PEEK_TIMED,   /* expired or not fresh, or the use moves its deadline */
	SCI_PEEK_LONG     /* longer than SCI_PEEK_BYTES_MAX */
};

/* Whether it gave up: then sci_shard_find(), with the lock, knows. */
static inline bool sci_peek_gave_up(enum sci_peek peek)
{
	return peek >= SCI_PEEK_BUSY;
}

/* Whether sci_shard_peek() may find what sci_shard_peek_quick() did not. */
static inline bool sci_peek_is_worth_another(enum sci_peek peek)
{
	return peek == SCI_PEEK_BUSY || peek == SCI_PEEK_OTHER;
}

/* Longer values are pinned and copied by memcpy, which is faster. */
#define SCI_PEEK_BYTES_MAX 1024u

/* Find an entry and copy its value without the lock, while one other thread may change the shard.
 * Does not wait. */
enum sci_peek sci_shard_peek(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy);

/* The clock of a lookup, called only if it is needed. */
typedef int64_t (*sci_peek_now_ms)(const void *context);

/* The same for the usual case. Sets *len for SCI_PEEK_HIT and SCI_PEEK_TOO_LARGE. */
static inline __attribute__((always_inline)) enum sci_peek sci_shard_peek_quick(
	const struct sci_shard *shard, const struct sci_quick_name *name, sci_peek_now_ms now_ms,
	const void *context, void *buffer, size_t capacity, size_t *len);

/* ---- Implementation ---- */

/* A slot that a reader saw, and its line. */
struct sci_sighting {
	struct sci_bucket *line;
	uint64_t seen;
};

/* Set the reference bit of the entry that a reader saw in this line. */
void sci_peek_touch(struct sci_bucket *line, uint64_t seen);

/* Why a record with this header, `units_left` from the end of the log, needs the lock;
 * SCI_PEEK_HIT if it does not, with the length of its annex subtracted from *len. The record may be
 * none, with its deadline outside of the log. */
enum sci_peek sci_peek_why_lock(const struct sci_record *record, uint64_t header,
	uint32_t units_left, int64_t now_ms, uint64_t *len);

/* How many units of the log follow an offset from a slot, its own included; 0 if it is outside of
 * the log. The subtraction wraps for offsets before the log, so one comparison checks both ends:
 * no reader takes the shard's head or index for a record. */
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

/* The upper part of the header of a live record with a key of this length, and the bits that may
 * differ: pins, deadline and cost. */
#define SCI_PEEK_UPPER_SHIFT SCI_BYTES_BITS
#define SCI_PEEK_UPPER_MASK  (SCI_KEY_LEN_MAX | UINT64_C(1) << SCI_KEY_LEN_BITS)

static inline uint64_t sci_peek_upper(size_t key_len)
{
	return key_len | UINT64_C(1) << SCI_KEY_LEN_BITS;
}

/* Most keys are one to three words. */
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

/* A name with its words, by value. */
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

/* The preferred slot, else another with the tag. */
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

/* What makes a record with the right key length unusual: an object; else a pin or a cost. */
static inline enum sci_peek sci_peek_why_not(uint64_t header)
{
	return sci_header_state(header) == SCI_RECORD_OBJECT ? SCI_PEEK_OBJECT : SCI_PEEK_OTHER;
}

/* All but the reference bit. Without a clock, any unusual record is SCI_PEEK_OTHER. */
static inline __attribute__((always_inline)) enum sci_peek sci_peek_try(
	const struct sci_shard *shard, const struct sci_quick_name *name, sci_peek_now_ms now_ms,
	const void *context, void *buffer, size_t capacity, size_t *len,
	struct sci_sighting *sighting)
{
	/* The value that it must have at the end: if it is odd now, it cannot. */
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
	/* A negative length is a large unsigned number. */
	uint64_t value_len = bytes - value_at;
	if (!sci_is_likely(value_len <= SCI_PEEK_BYTES_MAX))
		return SCI_PEEK_LONG;
	if (!sci_is_likely(bytes <= (uint64_t)left * SCI_UNIT && sci_peek_has_key(words, name)))
		return SCI_PEEK_OTHER;
	if (now_ms && !sci_is_likely(unusual == 0)) {
		uint64_t without_annex = value_len;
		enum sci_peek why =
			sci_peek_why_lock(record, header, left, now_ms(context), &without_annex);
		if (why != SCI_PEEK_HIT)
			return why;
		value_len = without_annex;
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
	if (peek == SCI_PEEK_HIT && sci_touch_is_wanted(shard, sighting.seen))
		sci_peek_touch(sighting.line, sighting.seen);
	return peek;
}

#endif
