/* A record: what the log is made of.
 *
 *	 0                 8        12       16      20
 *	| form            | newer  | older  | slot  | key | pad | value | pad | worth | expires | idle |
 *
 * Places and units count 8 bytes, so 32 bits reach 32 GiB, and every value is aligned. The value's length
 * is not stored: it is what `bytes` has left behind header and key. The words after the value are there
 * only when the form says so: an entry without a deadline does not pay for one.
 *
 * A dead record is the space of a former one, or a gap that could not be used; of it only the form means
 * something, so one unit is enough, and if it is large enough to be used again also `newer` and `older`,
 * its neighbours in the list of holes. */
#ifndef SCI_ENGINE_RECORD_H
#define SCI_ENGINE_RECORD_H

#include "engine/shard.h"
#include "engine/words.h"

#define SCI_UNIT 8u

struct sci_record {
	_Atomic uint64_t form;
	_Atomic sci_place newer; /* neighbours in its queue; 0 at the ends */
	_Atomic sci_place older;
	_Atomic uint32_t
		slot; /* which slot of the index leads here, and the eighth of the window */
	/* The key begins here. */
};

/* The slot's number has 29 bits, the eighth three. */
#define SCI_SLOT_NUMBER_BITS 29
#define SCI_SLOT_NUMBER_MAX  ((1u << SCI_SLOT_NUMBER_BITS) - 1)

/* sizeof(struct sci_record) has padding behind it that the key uses. */
#define SCI_RECORD_HEADER 20u

enum sci_record_state {
	SCI_RECORD_DEAD,     /* free space */
	SCI_RECORD_LIVE,     /* in the index */
	SCI_RECORD_DETACHED, /* removed while pinned: not in the index, dead when the last pin goes */
	SCI_RECORD_OBJECT    /* in the index; the value is the address of a struct sci_departed */
};

/* A form is pins:8 | idle:1 | timed:1 | worth:1 | state:2 | key length:17 | bytes:34, of header, key,
 * padding and value together. */
#define SCI_BYTES_BITS       34
#define SCI_KEY_LEN_BITS     17
#define SCI_KEY_LEN_SHIFT    SCI_BYTES_BITS
#define SCI_STATE_SHIFT      (SCI_KEY_LEN_SHIFT + SCI_KEY_LEN_BITS)
#define SCI_FORM_EXTRA_SHIFT (SCI_STATE_SHIFT + 2)
#define SCI_FORM_WORTH       (UINT64_C(1) << SCI_FORM_EXTRA_SHIFT)
#define SCI_FORM_TIMED       (UINT64_C(2) << SCI_FORM_EXTRA_SHIFT)
#define SCI_FORM_IDLE        (UINT64_C(4) << SCI_FORM_EXTRA_SHIFT)
#define SCI_PINS_SHIFT       (SCI_STATE_SHIFT + 5)
#define SCI_KEY_LEN_MAX      ((1u << SCI_KEY_LEN_BITS) - 1)
#define SCI_PIN              (UINT64_C(1) << SCI_PINS_SHIFT)

_Static_assert(SCI_PINS_SHIFT + 8 == 64, "a form is one word");

static inline uint64_t sci_form(enum sci_record_state state, uint64_t bytes, uint64_t key_len)
{
	return bytes | key_len << SCI_KEY_LEN_SHIFT | (uint64_t)state << SCI_STATE_SHIFT;
}

static inline enum sci_record_state sci_form_state(uint64_t form)
{
	return (enum sci_record_state)(form >> SCI_STATE_SHIFT & 3);
}

static inline bool sci_form_in_index(uint64_t form)
{
	return form >> SCI_STATE_SHIFT & 1;
}

static inline uint64_t sci_form_bytes(uint64_t form)
{
	return form & ((UINT64_C(1) << SCI_BYTES_BITS) - 1);
}

static inline uint32_t sci_form_key_len(uint64_t form)
{
	return (uint32_t)(form >> SCI_KEY_LEN_SHIFT) & SCI_KEY_LEN_MAX;
}

static inline unsigned sci_form_pins(uint64_t form)
{
	return (unsigned)(form >> SCI_PINS_SHIFT);
}

/* Where the value begins, in bytes. */
static inline uint64_t sci_value_offset(uint64_t key_len)
{
	return (SCI_RECORD_HEADER + key_len + SCI_UNIT - 1) & ~(uint64_t)(SCI_UNIT - 1);
}

static inline uint64_t sci_form_value_len(uint64_t form)
{
	return sci_form_bytes(form) - sci_value_offset(sci_form_key_len(form));
}

/* The words behind the value: where each of them is, counted from the end of the value's last word. */
static inline unsigned sci_form_expires_at(uint64_t form)
{
	return (form & SCI_FORM_WORTH) != 0;
}

/* How many they are: one for a worth, one for a deadline, two for an idle time. */
static inline unsigned sci_form_extra(uint64_t form)
{
	unsigned which = (unsigned)(form >> SCI_FORM_EXTRA_SHIFT) & 7;

	return which - which / 2;
}

static inline uint64_t sci_form_content_units(uint64_t form)
{
	return (sci_form_bytes(form) + SCI_UNIT - 1) / SCI_UNIT;
}

/* The whole record. */
static inline uint64_t sci_form_units(uint64_t form)
{
	return sci_form_content_units(form) + sci_form_extra(form);
}

static inline uint32_t sci_record_units(const struct sci_record *record)
{
	return (uint32_t)sci_form_units(record->form);
}

static inline enum sci_record_state sci_record_state(const struct sci_record *record)
{
	return sci_form_state(record->form);
}

static inline bool sci_record_is_pinned(const struct sci_record *record)
{
	return sci_form_pins(record->form) > 0;
}

static inline sci_word *sci_record_words(const struct sci_record *record)
{
	return (sci_word *)(uintptr_t)record;
}

static inline unsigned char *sci_record_value(struct sci_record *record)
{
	return (unsigned char *)record + sci_value_offset(sci_form_key_len(record->form));
}

static inline uint32_t sci_record_slot(const struct sci_record *record)
{
	return record->slot & SCI_SLOT_NUMBER_MAX;
}

static inline unsigned sci_record_eighth(const struct sci_record *record)
{
	return record->slot >> SCI_SLOT_NUMBER_BITS;
}

static inline void sci_record_set_slot(struct sci_record *record, uint32_t slot, unsigned eighth)
{
	sci_write(&record->slot, (uint32_t)eighth << SCI_SLOT_NUMBER_BITS | slot);
}

static inline const unsigned char *sci_record_key(const struct sci_record *record)
{
	return (const unsigned char *)record + SCI_RECORD_HEADER;
}

/* The object of a SCI_RECORD_OBJECT. */
static inline struct sci_departed *sci_record_object(struct sci_record *record)
{
	void *object;

	memcpy(&object, sci_record_value(record), sizeof(void *));
	return object;
}

/* What an entry is worth: the cost of loading it, and what it weighs beside its record's own bytes. */
struct sci_worth {
	uint32_t cost;
	uint32_t weight_units;
};

static inline struct sci_worth sci_record_worth(const struct sci_record *record)
{
	uint64_t form = record->form, word;

	if (!(form & SCI_FORM_WORTH))
		return (struct sci_worth){ 0, 0 };
	word = sci_record_words(record)[sci_form_content_units(form)];
	return (struct sci_worth){ (uint32_t)word, (uint32_t)(word >> 32) };
}

/* What counts against the bound on bytes, in units. */
static inline uint64_t sci_record_load(const struct sci_record *record)
{
	return sci_record_units(record) + (uint64_t)sci_record_worth(record).weight_units;
}

/* The word that says when a record expires; it has one only if it is SCI_FORM_TIMED. Behind it, if it is
 * SCI_FORM_IDLE, are the idle time, and the deadline that no use can put off. */
static inline sci_word *sci_record_expires(const struct sci_record *record, uint64_t form)
{
	return sci_record_words(record) + sci_form_content_units(form) + sci_form_expires_at(form);
}

static inline bool sci_record_is_expired(const struct sci_record *record, int64_t now_ms)
{
	uint64_t form = record->form;

	return (form & SCI_FORM_TIMED) && now_ms >= (int64_t)*sci_record_expires(record, form);
}

#endif
