/* A record: what the log is made of.
 *
 *	 0        4        8        12       16       24       28       32
 *	| units  | shape  | hash   | pins   | expires_ms      | newer  | older  | value | key | pad |
 *
 * Lengths and places are counted in units of 8 bytes, so 32 bits reach 32 GiB and every value is
 * aligned. The value's length is not stored: it is what the record has left after header, key and
 * padding. A dead record is the space of a former one, or a gap that could not be used; only `units`
 * and `shape` of it mean something, so one unit is enough for it.
 */
#ifndef SCI_ENGINE_RECORD_H
#define SCI_ENGINE_RECORD_H

#include "engine/shard.h"

#define SCI_UNIT 8u

struct sci_record {
	uint32_t units;     /* the whole record, this header included */
	uint32_t shape;     /* state:2, padding:3, key length:27 */
	uint32_t hash;      /* the hash's low half: the buckets it may be found in */
	uint32_t pins;      /* holders; while there are any it does not move or die */
	int64_t expires_ms; /* cache time, SCI_NEVER if it does not */
	sci_place newer;    /* neighbours in order of use; 0 at the ends */
	sci_place older;
};

#define SCI_RECORD_HEADER 32u
_Static_assert(sizeof(struct sci_record) == SCI_RECORD_HEADER, "the layout drawn above");

enum sci_record_state {
	SCI_RECORD_DEAD,    /* free space */
	SCI_RECORD_LIVE,    /* in the index */
	SCI_RECORD_DETACHED /* removed while pinned: not in the index, dead when the last pin goes */
};

#define SCI_KEY_LEN_MAX ((1u << 27) - 1)

static inline uint32_t sci_record_shape(enum sci_record_state state, uint32_t padding,
	uint32_t key_len)
{
	return (uint32_t)state | padding << 2 | key_len << 5;
}

static inline enum sci_record_state sci_record_state(const struct sci_record *record)
{
	return (enum sci_record_state)(record->shape & 3);
}

static inline void sci_record_set_state(struct sci_record *record, enum sci_record_state state)
{
	record->shape = (record->shape & ~3u) | (uint32_t)state;
}

static inline uint32_t sci_record_padding(const struct sci_record *record)
{
	return record->shape >> 2 & 7;
}

static inline uint32_t sci_record_key_len(const struct sci_record *record)
{
	return record->shape >> 5;
}

static inline uint64_t sci_record_value_len(const struct sci_record *record)
{
	return (uint64_t)record->units * SCI_UNIT - SCI_RECORD_HEADER - sci_record_key_len(record) -
		sci_record_padding(record);
}

static inline unsigned char *sci_record_value(struct sci_record *record)
{
	return (unsigned char *)(record + 1);
}

static inline unsigned char *sci_record_key(struct sci_record *record)
{
	return sci_record_value(record) + sci_record_value_len(record);
}

/* The units that a key and value take together; they are small enough for that by then. */
static inline uint64_t sci_record_units(uint64_t key_len, uint64_t value_len)
{
	return (SCI_RECORD_HEADER + key_len + value_len + SCI_UNIT - 1) / SCI_UNIT;
}

#endif
