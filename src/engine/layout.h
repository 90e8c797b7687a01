/* The head of a shard, for the engine's own files; its callers use shard.h. */
#ifndef SCI_ENGINE_LAYOUT_H
#define SCI_ENGINE_LAYOUT_H

#include "engine/record.h"
#include "engine/slot.h"

#include <assert.h>

#define SCI_BUCKET_SLOTS 8u

/* One line of the index. */
struct sci_bucket {
	sci_slot slot[SCI_BUCKET_SLOTS];
};

_Static_assert(sizeof(struct sci_bucket) == 64, "a bucket is a cache line");

#define SCI_BUCKETS_MAX ((1u << 26) - 2) /* so that 29 bits number the slots */

/* The log is a circle of records with one cursor. Free space for new records, the gap, lies before
 * the cursor; after it come the oldest records, which the cursor sweeps:
 *
 *	log_start        head       gap_end                     end            log_limit
 *	| this lap's records | gap  | last lap's records, oldest first | not used yet |
 *
 * All are offsets in units from the beginning of the shard. */
struct sci_log {
	sci_offset head, gap_end, end;
};

/* Entries in order of insertion or of their last second chance. */
struct sci_queue {
	_Atomic sci_offset newest, oldest;
	uint64_t entries;
	uint64_t load; /* the sum of sci_record_load() */
};

/* The segments of the window: the number of entries and the oldest of each, and which is the
 * newest; see segments.c. */
#define SCI_SEGMENTS 8u

struct sci_segments {
	sci_offset oldest[SCI_SEGMENTS];
	uint32_t entries[SCI_SEGMENTS];
	uint32_t newest;
};

/* How many keys were last touched in each tick; see recency.c. */
struct sci_recency {
	uint32_t keys[SCI_TICKS]; /* last touched in each tick */
	uint32_t capacity;        /* of the LRU cache that is compared with, in entries */
	uint32_t near_capacity;   /* without its oldest quarter, of one entry at least */
	uint32_t tick_touches;    /* touches in a tick */
	uint32_t touches;         /* in the current tick */
	uint32_t near_ticks, inside_ticks;
	uint32_t near_keys, inside_keys;
};

/* Eight ghosts, the first two of them pinned; see ghosts.c. */
#define SCI_GHOSTS_A_LINE 8u

struct sci_ghosts {
	uint16_t print[SCI_GHOSTS_A_LINE]; /* a fingerprint of the key */
	uint8_t tick[SCI_GHOSTS_A_LINE];   /* is a ghost:1 | tick:7 */
	uint8_t uses[SCI_GHOSTS_A_LINE];   /* as in a slot */
};

/* Lines of the index recounted at a miss, at most. */
#define SCI_RECOUNT_LINES_MAX 4u

/* Pinned records, live or detached. */
struct sci_pins {
	uint64_t units;
	uint32_t records;
};

/* All use counts halve when the epoch advances; see use_count.h. */
struct sci_use_epoch {
	uint64_t counted; /* uses in this epoch */
	uint32_t epoch;
};

/* The size of the window and LRU mode; see balance.c. */
struct sci_balance {
	uint32_t window_share;  /* the window's target as a share of the capacity, times 2^32 */
	uint32_t usual_entries; /* about how many the full cache holds */
	int32_t drift;          /* mean of the recent steps of the window */
	uint32_t return_age;    /* mean age of far ghosts that returned, in fractions of a tick */
	int32_t leave, enter;   /* evidence for leaving or entering LRU mode */
	int32_t enter_at;       /* enough of it, times enter_patience */
	uint16_t leave_patience, enter_patience; /* factors of the evidence that is needed */
	uint8_t lru_mode;                        /* 1: LRU mode, the window is the whole cache */
	uint8_t has_left;                        /* 1: it has left LRU mode before */
};

/* The recount of reference bits, a few lines of the index at each miss; see uses.c. */
struct sci_recount {
	uint32_t at;          /* the next line */
	uint32_t lines;       /* lines at each miss */
	uint32_t sweep_lines; /* lines left in the present sweep for old ticks */
	uint32_t sweep_tick;  /* when that sweep began */
};

/* Costs of entries, as logarithms (worth.h). */
struct sci_costs {
	int32_t usual;     /* mean cost */
	int32_t inflation; /* recent worth of what main evicts (Cao and Irani, 1997) */
	uint8_t are_known; /* 1: an entry had a cost */
	uint8_t differ;    /* 1: costs differ, per unit of the binding bound */
};

/* The search for expired entries; see expiry.c. */
struct sci_expiry {
	int64_t due_ms;     /* nothing expires before */
	int64_t lap_due_ms; /* earliest deadline seen in this lap */
	uint32_t at;        /* the next slot */
};

/* Counts since the shard was made. */
struct sci_totals {
	uint64_t evictions, forgotten, reclaimed, ghosts, stored_units, moved_units;
};

/* Marks of a foreign shard; see foreign.h. */
struct sci_foreign_marks {
	_Atomic uint8_t *marks; /* a byte per entry; NULL: not a foreign shard */
	uint8_t *seen;          /* as the policy last saw them */
};

/* Holes by size class; see holes.c. */
#define SCI_HOLE_CLASSES 128u

struct sci_holes {
	uint64_t classes[SCI_HOLE_CLASSES / 64]; /* a bit for each class that is not empty */
	sci_offset first[SCI_HOLE_CLASSES];
	sci_offset latest; /* the hole that was added last, if it is in no class; else 0 */
};

struct sci_shard {
	/* Read by lookups without the lock: a cache line that is rarely written. */
	_Atomic uint32_t sequence; /* of the seqlock: odd during a change */
	/* Lookups without the lock read the log up to so many units from log_start: all of it, or
	 * none in exact LRU order, where each hit changes the order. */
	_Atomic uint32_t peek_units;
	_Atomic uint32_t tick; /* of recency, modulo 2^32 */
	uint32_t is_secret;    /* 1: space that becomes free is wiped */
	uint32_t magic;
	uint32_t policy;      /* enum sci_policy */
	uint32_t buckets;     /* lines of the index */
	uint32_t ghost_lines; /* lines of ghosts; 0 if the policy has none */
	sci_offset log_start;
	uint8_t apart[28];

	sci_offset log_limit; /* end of the log's memory */
	sci_offset log_bound; /* the bound; below log_limit only while pins prevent it */

	uint32_t max_entries;    /* the effective bound: at most the index's capacity */
	uint32_t entries;        /* in the index */
	uint32_t capacity_units; /* for records and weights together */
	_Atomic uint32_t ghost_lines_used;
	uint64_t space_units;  /* of all records, detached ones included */
	uint64_t weight_units; /* of objects, beside their records */
	struct sci_pins pins;
	struct sci_use_epoch uses;
	struct sci_balance balance;
	struct sci_recount recount;
	struct sci_costs costs;
	struct sci_queue queue[SCI_QUEUES];
	struct sci_segments segments;
	struct sci_log log;
	struct sci_expiry expiry;
	struct sci_totals totals;
	struct sci_object_link *to_free; /* objects of removed entries */
	struct sci_foreign_marks foreign;
	struct sci_holes holes;
	struct sci_recency recency;
};

_Static_assert(offsetof(struct sci_shard, log_limit) == 64,
	"what readers look at is a line of memory");

#define SCI_SHARD_MAGIC 0x5C0BECADu
#define SCI_INDEX_START 1536u /* in bytes from the beginning of the shard */

_Static_assert(sizeof(struct sci_shard) <= SCI_INDEX_START &&
		SCI_INDEX_START % SCI_SHARD_ALIGN == 0,
	"the index begins on a cache line behind the head");

/* Records and lines are aligned by construction; the compiler cannot know. */
static inline void *sci_shard_byte(const struct sci_shard *shard, uint64_t bytes)
{
	return (unsigned char *)(uintptr_t)shard + bytes;
}

static inline struct sci_record *sci_record_at(const struct sci_shard *shard, sci_offset offset)
{
	return sci_shard_byte(shard, (uint64_t)offset * SCI_UNIT);
}

static inline struct sci_bucket *sci_buckets(const struct sci_shard *shard)
{
	return sci_shard_byte(shard, SCI_INDEX_START);
}

/* All slots, from the first of the first line. */
static inline sci_slot *sci_slots(const struct sci_shard *shard)
{
	return sci_buckets(shard)->slot;
}

/* The slot of a record that is in the index. */
static inline sci_slot *sci_slot_of(const struct sci_shard *shard, sci_offset offset)
{
	return sci_slots(shard) + sci_record_slot(sci_record_at(shard, offset));
}

/* What counts against the bound on bytes, in units. */
static inline uint64_t sci_shard_load(const struct sci_shard *shard)
{
	return shard->space_units + shard->weight_units;
}

/* Behind the index. */
static inline struct sci_ghosts *sci_ghost_lines(const struct sci_shard *shard)
{
	return sci_shard_byte(shard,
		SCI_INDEX_START + (uint64_t)shard->buckets * sizeof(struct sci_bucket));
}

static inline uint32_t sci_peek_units_of(const struct sci_shard *shard)
{
	return shard->policy == SCI_POLICY_LRU ? 0 : shard->log_limit - shard->log_start;
}

static inline void sci_log_limit_set(struct sci_shard *shard, sci_offset limit)
{
	shard->log_limit = limit;
	sci_write(&shard->peek_units, sci_peek_units_of(shard));
}

/* The write side of the seqlock, around each change of what lookups without the lock read. */
static inline void sci_change_begin(struct sci_shard *shard)
{
	assert(shard->sequence % 2 == 0);
	sci_write(&shard->sequence, shard->sequence + 1);
}

static inline void sci_change_end(struct sci_shard *shard)
{
	assert(shard->sequence % 2 == 1);
	sci_write(&shard->sequence, shard->sequence + 1);
}

#endif
