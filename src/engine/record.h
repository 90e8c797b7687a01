/* A record: what the log is made of.
 *
 *	 0        4        8        12     14     15     16       24       28       32
 *	| units  | shape  | hash   | pins | uses | queue| expires | newer  | older  | value | key | pad |
 *
 * Lengths and places are counted in units of 8 bytes, so 32 bits reach 32 GiB and every value is
 * aligned. The value's length is not stored: it is what the record has left after header, key and
 * padding. A dead record is the space of a former one, or a gap that could not be used; of it only
 * `units` and `shape` mean something, so one unit is enough, and if it is large enough to be used again
 * also `newer` and `older`, its neighbours in the list of holes.
 */
#ifndef SCI_ENGINE_RECORD_H
#define SCI_ENGINE_RECORD_H

#include "engine/shard.h"
#include "engine/words.h"

#define SCI_UNIT 8u

struct sci_record {
	_Atomic uint32_t units;     /* the whole record, this header included */
	_Atomic uint32_t shape;     /* state:2, padding:3, key length:17, stamp:10 */
	_Atomic uint32_t hash;      /* the hash's low half: the buckets it may be found in */
	_Atomic uint16_t pins;      /* holders; while there are any it does not move or die */
	_Atomic uint8_t uses;       /* epoch:4, count:4; see use_count.h */
	_Atomic uint8_t queue;      /* enum sci_queue_name */
	_Atomic int64_t expires_ms; /* cache time, SCI_NEVER if it does not */
	_Atomic sci_place newer;    /* neighbours in its queue; 0 at the ends */
	_Atomic sci_place older;
};

#define SCI_PINS_MAX UINT16_MAX

#define SCI_RECORD_HEADER 32u
_Static_assert(sizeof(struct sci_record) == SCI_RECORD_HEADER, "the layout drawn above");

enum sci_record_state {
	SCI_RECORD_DEAD,    /* free space */
	SCI_RECORD_LIVE,    /* in the index */
	SCI_RECORD_DETACHED /* removed while pinned: not in the index, dead when the last pin goes */
};

#define SCI_KEY_LEN_MAX ((1u << 17) - 1)

static inline uint32_t sci_record_shape(enum sci_record_state state, uint32_t padding,
	uint32_t key_len)
{
	return (uint32_t)state | padding << 2 | key_len << 5;
}

/* What a shape says, for those who have read it once. */
static inline enum sci_record_state sci_shape_state(uint32_t shape)
{
	return (enum sci_record_state)(shape & 3);
}

static inline uint32_t sci_shape_padding(uint32_t shape)
{
	return shape >> 2 & 7;
}

static inline uint32_t sci_shape_key_len(uint32_t shape)
{
	return shape >> 5 & SCI_KEY_LEN_MAX;
}

static inline uint32_t sci_shape_stamp(uint32_t shape)
{
	return shape >> 22;
}

static inline enum sci_record_state sci_record_state(const struct sci_record *record)
{
	return sci_shape_state(record->shape);
}

static inline void sci_record_set_state(struct sci_record *record, enum sci_record_state state)
{
	sci_write(&record->shape, (record->shape & ~3u) | (uint32_t)state);
}

static inline uint32_t sci_record_padding(const struct sci_record *record)
{
	return sci_shape_padding(record->shape);
}

static inline uint32_t sci_record_key_len(const struct sci_record *record)
{
	return sci_shape_key_len(record->shape);
}

/* When the record came into the window, on a clock of the policy's. */
#define SCI_STAMP_MAX 1023u

static inline void sci_record_set_stamp(struct sci_record *record, uint32_t stamp)
{
	sci_write(&record->shape,
		(record->shape & ((1u << 22) - 1)) | (stamp & SCI_STAMP_MAX) << 22);
}

static inline uint64_t sci_record_value_len(const struct sci_record *record)
{
	return (uint64_t)record->units * SCI_UNIT - SCI_RECORD_HEADER - sci_record_key_len(record) -
		sci_record_padding(record);
}

static inline sci_word *sci_record_words(struct sci_record *record)
{
	return (sci_word *)(void *)(record + 1);
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
