/* A record: what the log consists of.
 *
 *   0                 8        12       16      20
 *  | header          | newer  | older  | slot  | key | pad | value | pad | more words
 *
 * Offsets and units count 8 bytes, so 32 bits reach 32 GiB, and each value is aligned. The value's
 * length follows from `bytes` in the header and the key's length. The words after the value exist
 * only if the header says so: an entry without a deadline pays no byte for one. They are
 *
 *   worth | deadline | idle time, final deadline | notes: five words
 *
 * With notes the value's last part may be padding and an annex of whole words; the lowest byte of
 * the last note is the length of both.
 *
 * A dead record is free space. Its header says its size; one of two units or more is a hole, with
 * `newer` and `older` as its neighbours in a list of holes. */
#ifndef SCI_ENGINE_RECORD_H
#define SCI_ENGINE_RECORD_H

#include "engine/types.h"
#include "engine/words.h"

#define SCI_UNIT 8u

struct sci_record {
	_Atomic uint64_t header;
	_Atomic sci_offset newer; /* neighbours in its queue; 0 at the ends */
	_Atomic sci_offset older;
	/* The number of its slot in the index, and its segment of the window. */
	_Atomic uint32_t slot;
	/* The key begins here. */
};

/* 29 bits for the slot's number, three for the segment. */
#define SCI_SLOT_NUMBER_BITS 29
#define SCI_SLOT_NUMBER_MAX  ((1u << SCI_SLOT_NUMBER_BITS) - 1)

/* The key uses the padding of the struct. */
#define SCI_RECORD_KEY_AT 20u

enum sci_record_state {
	SCI_RECORD_DEAD,     /* free space */
	SCI_RECORD_LIVE,     /* in the index */
	SCI_RECORD_DETACHED, /* removed while pinned: not in the index, dead after the last unpin */
	SCI_RECORD_OBJECT /* in the index; the value is the address of a struct sci_object_link */
};

/* A header is pins:8 | idle:1 | timed:1 | worth:1 | state:2 | key length:17 | bytes:34; `bytes`
 * counts header, links, key, padding and value. */
#define SCI_BYTES_BITS         34
#define SCI_KEY_LEN_BITS       17
#define SCI_KEY_LEN_SHIFT      SCI_BYTES_BITS
#define SCI_STATE_SHIFT        (SCI_KEY_LEN_SHIFT + SCI_KEY_LEN_BITS)
#define SCI_HEADER_EXTRA_SHIFT (SCI_STATE_SHIFT + 2)
#define SCI_HEADER_WORTH       (UINT64_C(1) << SCI_HEADER_EXTRA_SHIFT)
#define SCI_HEADER_TIMED       (UINT64_C(2) << SCI_HEADER_EXTRA_SHIFT)
#define SCI_HEADER_IDLE        (UINT64_C(4) << SCI_HEADER_EXTRA_SHIFT)
#define SCI_PINS_SHIFT         (SCI_STATE_SHIFT + 5)
#define SCI_KEY_LEN_MAX        ((1u << SCI_KEY_LEN_BITS) - 1)
#define SCI_PIN                (UINT64_C(1) << SCI_PINS_SHIFT)

_Static_assert(SCI_PINS_SHIFT + 8 == 64, "a header is one word");

static inline uint64_t sci_header(enum sci_record_state state, uint64_t bytes, uint64_t key_len)
{
	return bytes | key_len << SCI_KEY_LEN_SHIFT | (uint64_t)state << SCI_STATE_SHIFT;
}

static inline enum sci_record_state sci_header_state(uint64_t header)
{
	return (enum sci_record_state)(header >> SCI_STATE_SHIFT & 3);
}

static inline bool sci_header_in_index(uint64_t header)
{
	return header >> SCI_STATE_SHIFT & 1;
}

static inline uint64_t sci_header_bytes(uint64_t header)
{
	return header & ((UINT64_C(1) << SCI_BYTES_BITS) - 1);
}

static inline uint32_t sci_header_key_len(uint64_t header)
{
	return (uint32_t)(header >> SCI_KEY_LEN_SHIFT) & SCI_KEY_LEN_MAX;
}

static inline unsigned sci_header_pins(uint64_t header)
{
	return (unsigned)(header >> SCI_PINS_SHIFT);
}

/* Where the value begins, in bytes. */
static inline uint64_t sci_value_offset(uint64_t key_len)
{
	return (SCI_RECORD_KEY_AT + key_len + SCI_UNIT - 1) & ~(uint64_t)(SCI_UNIT - 1);
}

/* The length of a value with its annex. */
static inline uint64_t sci_header_value_len(uint64_t header)
{
	return sci_header_bytes(header) - sci_value_offset(sci_header_key_len(header));
}

/* Bits of the header say which words follow the value:
 *
 *	TIMED		a deadline
 *	TIMED and IDLE	a deadline, an idle time and the final deadline
 *	IDLE		these three, and notes; the idle time is SCI_NEVER if there is none */
static inline bool sci_header_has_deadline(uint64_t header)
{
	return header & (SCI_HEADER_TIMED | SCI_HEADER_IDLE);
}

static inline bool sci_header_has_notes(uint64_t header)
{
	return (header & (SCI_HEADER_TIMED | SCI_HEADER_IDLE)) == SCI_HEADER_IDLE;
}

/* The index of the deadline among the words after the value. */
static inline unsigned sci_header_expires_at(uint64_t header)
{
	return (header & SCI_HEADER_WORTH) != 0;
}

/* The number of these words: a digit for each of the eight combinations of the bits. */
static inline unsigned sci_header_extra(uint64_t header)
{
	unsigned which = (unsigned)(header >> SCI_HEADER_EXTRA_SHIFT) & 7;

	return 0x43982110u >> which * 4 & 15;
}

static inline uint64_t sci_header_content_units(uint64_t header)
{
	return (sci_header_bytes(header) + SCI_UNIT - 1) / SCI_UNIT;
}

/* The units of the whole record. */
static inline uint64_t sci_header_units(uint64_t header)
{
	return sci_header_content_units(header) + sci_header_extra(header);
}

static inline uint32_t sci_record_units(const struct sci_record *record)
{
	return (uint32_t)sci_header_units(record->header);
}

static inline enum sci_record_state sci_record_state(const struct sci_record *record)
{
	return sci_header_state(record->header);
}

static inline bool sci_record_is_pinned(const struct sci_record *record)
{
	return sci_header_pins(record->header) > 0;
}

static inline sci_word *sci_record_words(const struct sci_record *record)
{
	return (sci_word *)(uintptr_t)record;
}

static inline unsigned char *sci_record_value(struct sci_record *record)
{
	return (unsigned char *)record + sci_value_offset(sci_header_key_len(record->header));
}

static inline uint32_t sci_record_slot(const struct sci_record *record)
{
	return record->slot & SCI_SLOT_NUMBER_MAX;
}

static inline unsigned sci_record_segment(const struct sci_record *record)
{
	return record->slot >> SCI_SLOT_NUMBER_BITS;
}

static inline void sci_record_set_slot(struct sci_record *record, uint32_t slot, unsigned segment)
{
	sci_write(&record->slot, (uint32_t)segment << SCI_SLOT_NUMBER_BITS | slot);
}

static inline const unsigned char *sci_record_key(const struct sci_record *record)
{
	return (const unsigned char *)record + SCI_RECORD_KEY_AT;
}

/* The object of a SCI_RECORD_OBJECT. */
static inline struct sci_object_link *sci_record_object(struct sci_record *record)
{
	void *object;

	memcpy(&object, sci_record_value(record), sizeof(void *));
	return object;
}

/* The cost of loading an entry, and an object's weight beside its record. */
struct sci_worth {
	uint32_t cost;
	uint32_t weight_units;
};

static inline struct sci_worth sci_record_worth(const struct sci_record *record)
{
	uint64_t header = record->header, word;

	if (!(header & SCI_HEADER_WORTH))
		return (struct sci_worth){ 0, 0 };
	word = sci_record_words(record)[sci_header_content_units(header)];
	return (struct sci_worth){ (uint32_t)word, (uint32_t)(word >> 32) };
}

/* What counts against the bound on bytes, in units. */
static inline uint64_t sci_record_load(const struct sci_record *record)
{
	return sci_record_units(record) + (uint64_t)sci_record_worth(record).weight_units;
}

/* The deadline of a record that has one, and the words that follow it. */
static inline sci_word *sci_record_expires(const struct sci_record *record, uint64_t header)
{
	return sci_record_words(record) + sci_header_content_units(header) +
		sci_header_expires_at(header);
}

static inline bool sci_record_is_expired(const struct sci_record *record, int64_t now_ms)
{
	uint64_t header = record->header;

	return sci_header_has_deadline(header) &&
		now_ms >= (int64_t)*sci_record_expires(record, header);
}

#define SCI_NOTES_WORDS 5u

/* The words of notes follow the three of the deadline. */
static inline sci_word *sci_record_notes(const struct sci_record *record, uint64_t header)
{
	return sci_record_expires(record, header) + 3;
}

/* The bytes after the value that are padding and annex. */
static inline uint64_t sci_record_annex_bytes(const struct sci_record *record, uint64_t header)
{
	if (!sci_header_has_notes(header))
		return 0;
	return sci_read(sci_record_notes(record, header) + SCI_NOTES_WORDS - 1) &
		((1u << SCI_NOTES_TAG_SHIFT) - 1);
}

/* The length of a value. */
static inline uint64_t sci_record_value_len(const struct sci_record *record, uint64_t header)
{
	return sci_header_value_len(header) - sci_record_annex_bytes(record, header);
}

/* Whether it has expired, or is no longer fresh. */
static inline bool sci_record_is_stale(const struct sci_record *record, int64_t now_ms)
{
	uint64_t header = record->header;

	return sci_record_is_expired(record, now_ms) ||
		(sci_header_has_notes(header) &&
			now_ms >= (int64_t)*sci_record_notes(record, header));
}

#endif
