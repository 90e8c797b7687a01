/* The head of a shard, for the files of the engine that work on it. Everyone else uses shard.h. */
#ifndef SCI_ENGINE_LAYOUT_H
#define SCI_ENGINE_LAYOUT_H

#include "engine/record.h"

#include <assert.h>

#define SCI_BUCKET_SLOTS 8u

/* A slot of the index; see index.h. */
typedef _Atomic uint64_t sci_slot;

/* One line of the index. */
struct sci_bucket {
	sci_slot slot[SCI_BUCKET_SLOTS];
};

_Static_assert(sizeof(struct sci_bucket) == 64, "a bucket is a cache line");

#define SCI_BUCKETS_MAX ((1u << 26) - 2) /* so that 29 bits number the slots */

/* The log is a circle of records that is swept by one cursor. In front of the cursor lies the gap, free
 * space to append in; behind the gap come the oldest records, and the sweep goes on into them:
 *
 *	log_start        head       gap_end                     end            log_limit
 *	| this lap's records | gap  | last lap's records, oldest first | not used yet |
 *
 * All are places, counted in units from the beginning of the shard. */
struct sci_log {
	sci_offset head, gap_end, end;
};

/* Entries in the order in which they came, or were given another chance. */
struct sci_queue {
	_Atomic sci_offset newest, oldest;
	uint64_t entries;
	uint64_t load; /* of all of them: sci_record_load() */
};

enum sci_queue_name { SCI_WINDOW, SCI_MAIN, SCI_QUEUES };

/* The window in eighths, from the newest on: how many entries each has, and which is its oldest; see
 * eighths.c. */
#define SCI_EIGHTHS 8u

struct sci_eighths {
	sci_offset oldest[SCI_EIGHTHS];
	uint32_t entries[SCI_EIGHTHS];
};

/* When keys were last touched, in ticks; see recency.c. */
#define SCI_TICKS 128u

struct sci_recency {
	uint32_t keys[SCI_TICKS]; /* that were last touched in each tick */
	uint32_t capacity;        /* entries of the cache that is imagined */
	uint32_t touches;         /* in this tick */
	uint32_t near_ticks, inside_ticks;
	uint32_t near_keys, inside_keys;
};

/* Eight ghosts; see ghosts.c. */
struct sci_ghosts {
	uint32_t ghost[8];
};

/* Holes of a size class each; see holes.c. */
#define SCI_HOLE_CLASSES 128u

/* Lines of the index that are recounted at a miss, at most. */
#define SCI_RECOUNT_LINES_MAX 4u

struct sci_shard {
	/* What readers without the lock look at: a line of memory that is seldom written. */
	_Atomic uint32_t sequence; /* odd while something is being changed that readers look at */
	/* How much of the log, from log_start on, readers without the lock look at: all up to log_limit, or
	 * nothing where order of use is exact, because that has to be written down at every hit. */
	_Atomic uint32_t peek_units;
	_Atomic uint32_t tick; /* of recency, modulo 2^32 */
	uint32_t unused;
	uint32_t magic;
	uint32_t policy;      /* enum sci_policy */
	uint32_t buckets;     /* how many lines the index has */
	uint32_t ghost_lines; /* how many the ghosts have; 0 with a policy that has none */
	sci_offset log_start;
	uint8_t apart[28];

	sci_offset log_limit; /* where the log may end */
	sci_offset log_bound; /* where it should: before log_limit only while pins prevent it */

	uint32_t max_entries;    /* the effective bound: never more than the index bears */
	uint32_t entries;        /* in the index */
	uint32_t capacity_units; /* what records and weights may be together */
	uint64_t space_units;    /* that records take, detached ones included */
	uint64_t weight_units;   /* that the entries weigh beside their records */
	uint64_t pinned_units;
	uint32_t pinned; /* records that are pinned, live or detached */
	uint32_t epoch;  /* of use counts */
	uint64_t uses;   /* counted in this epoch */
	uint64_t ghosts_made;
	uint8_t keeps_recent; /* 1: the window is the whole cache */
	uint8_t has_left;     /* 1: it was that, and has ceased to be at least once */
	uint16_t leave_patience, enter_patience; /* how much evidence it takes, as a factor */
	int32_t leave, enter;                    /* the evidence that there is */
	int32_t enter_at;                        /* what is enough of it, times enter_patience */
	uint32_t recount_at;    /* the line of the index where the next recount begins */
	uint32_t recount_lines; /* how many it looks at */
	uint32_t sweep_lines;   /* that the present sweep for old ticks still has to look at */
	uint32_t sweep_tick;    /* when that sweep began */
	uint32_t window_share;  /* the window's target, as a part of the capacity, times 2^32 */
	uint32_t usual_entries; /* about how many the cache holds when it is full */
	_Atomic uint32_t ghost_lines_used;
	int32_t drift; /* the mean of the parts of an entry that the window was lately to grow by */
	uint8_t has_costs;    /* 1: a cost was given */
	uint8_t costs_differ; /* for what the entries take; then, as in worth.h: */
	int32_t usual_cost;   /* the mean of the costs that were given */
	int32_t inflation;    /* what goes from main is worth, lately */
	struct sci_queue queue[SCI_QUEUES];
	struct sci_eighths eighths;
	struct sci_log log;
	uint32_t expiry_at; /* the slot where the search for expired entries goes on */
	int64_t due_ms;     /* nothing expires before */
	int64_t lap_due_ms; /* the same, of what the search has seen in this lap */
	uint64_t evictions, forgotten, stored_units, moved_units, reclaimed;
	struct sci_object_link *to_free; /* objects whose entries are gone */
	_Atomic uint8_t *marks; /* not NULL: the entries are somebody else's; see foreign.h */
	uint8_t *seen_marks;    /* as they were when the policy last looked */
	uint64_t hole_classes[SCI_HOLE_CLASSES / 64]; /* which of these are not empty */
	sci_offset holes[SCI_HOLE_CLASSES];
	struct sci_recency recency;
};

_Static_assert(offsetof(struct sci_shard, log_limit) == 64,
	"what readers look at is a line of memory");

#define SCI_SHARD_MAGIC 0x5C0BECADu
#define SCI_INDEX_START 1536u /* in bytes from the beginning of the shard */

_Static_assert(sizeof(struct sci_shard) <= SCI_INDEX_START &&
		SCI_INDEX_START % SCI_SHARD_ALIGN == 0,
	"the index begins on a cache line behind the head");

/* Records and lines are aligned by construction, which no compiler can know. */
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

/* Around a change of what readers look at without the lock: they try again while it lasts. After the
 * end, no reader that began before it believes what it saw. */
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
