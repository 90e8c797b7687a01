/* One shard of a cache: an index, a log of records and a policy, inside memory that it is given.
 *
 * A shard calls no clock, takes no lock and allocates nothing: its caller brings the memory, the lock and
 * the time. Its functions are for one thread at a time; beside them, many may read
 * with peek.h. It holds offsets, so the
 * memory may lie at any address, as long as no objects are in it: those are pointers. Keys are bytes here;
 * src/cache makes them.
 *
 *	| struct sci_shard | index: lines of 64 bytes | ghosts | log: records, one after the other |
 */
#ifndef SCI_ENGINE_SHARD_H
#define SCI_ENGINE_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sci_shard;

/* A shard begins on a cache line, and so do its parts. */
#define SCI_SHARD_ALIGN 64

/* The deadline of an entry without one. */
#define SCI_NEVER INT64_MAX

enum sci_policy {
	SCI_POLICY_COUNTED, /* the counted ghost: the best hit ratio */
	SCI_POLICY_LRU      /* exact order of use */
};

struct sci_shard_options {
	enum sci_policy policy;
	uint64_t bytes;       /* the memory there is, all of it; at least SCI_SHARD_BYTES_MIN */
	uint64_t max_entries; /* 0: no bound but the memory */
	uint64_t entry_bytes; /* the usual size of key and value together, at least 1 */
};

#define SCI_SHARD_BYTES_MIN 8192
#define SCI_SHARD_BYTES_MAX (UINT64_C(1) << 34)

/* A key and its hash. */
struct sci_name {
	const void *key;
	size_t len;
	uint64_t hash;
	/* Not NULL: the key is also laid out as in a record, which is compared faster: in whole words, its
	 * first four bytes in the upper half of the first, and zeros behind its end. */
	const uint64_t *words;
};

/* A name by value, for lookups that look at its first words only. */
struct sci_quick_name {
	uint64_t hash;
	size_t len;
	uint32_t first; /* the upper half of the first word */
	uint64_t second, third;
	const uint64_t *words; /* all of them, if these three are not all; else NULL */
};

/* Where a record is: valid as long as it is pinned, or until the next call that changes the shard. */
typedef uint32_t sci_offset;

/* An object that has left the shard, at the beginning of a struct of the caller's. */
struct sci_object_link {
	struct sci_object_link *next;
};

/* What was found: a value, aligned to 8 bytes, or an object. */
struct sci_found {
	void *value;
	size_t len;
	struct sci_object_link *object; /* NULL: it is a value */
	sci_offset offset;
};

enum sci_lookup { SCI_LOOKUP_MISS, SCI_LOOKUP_HIT, SCI_LOOKUP_EXPIRED };

enum sci_store_result {
	SCI_STORE_OK,
	SCI_STORE_TOO_LARGE, /* larger than the log can ever hold */
	SCI_STORE_NO_ROOM    /* pinned records leave no room */
};

/* What the shard has counted and holds; the fields are named as in sc_cache_stats. */
struct sci_shard_stats {
	uint64_t evictions, forgotten, moved_bytes, reclaimed;
	uint64_t entries, bytes, pinned, pinned_bytes;
};

/* Make an empty shard in `memory`, which is all zero and aligned to SCI_SHARD_ALIGN; touches the first
 * few hundred bytes only. */
struct sci_shard *sci_shard_format(void *memory, const struct sci_shard_options *options);

/* Take over the `bytes` of memory that a shard was left in, at whatever address. Returns NULL when they are
 * not those of a sound one; then they may have been written to, and are no use to anybody. Pins are gone;
 * a shard with objects in it is refused. */
struct sci_shard *sci_shard_attach(void *memory, uint64_t bytes);

/* Find an entry that is not past its deadline at `now_ms`, and mark it as used. An expired one is
 * removed, and told apart from none at all. */
enum sci_lookup sci_shard_find(struct sci_shard *shard, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found);

/* The same, but nothing changes: the entry is not marked, and an expired one is not removed. */
enum sci_lookup sci_shard_look(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found);

/* A put of this key is about to come: fetch what it will look at into the processor's caches. Any thread,
 * without the lock; changes nothing. */
void sci_shard_expect(const struct sci_shard *shard, const struct sci_name *name);

/* What is stored: a value that is copied, or an object that the shard keeps the address of. */
struct sci_content {
	const void *value;
	size_t len;
	struct sci_object_link *object; /* in place of a value, if not NULL */
	uint64_t weight;    /* what an object weighs, in bytes beside its record's own */
	int64_t expires_ms; /* SCI_NEVER if it does not */
	int64_t idle_ms;    /* expires as long after its last use; 0: it does not */
	uint32_t cost;      /* of making it anew, in any unit; 0: not known */
};

/* Store a value in the place of what the key had; when it cannot be stored, the key has none after. A large
 * one for which entries would have to go that are worth more is SCI_STORE_OK, and evicted again at once.
 * The value may lie in the shard itself only if it is pinned. */
enum sci_store_result sci_shard_put(struct sci_shard *shard, const struct sci_name *name,
	const struct sci_content *content, int64_t now_ms);

/* Take the objects whose entries are gone, by whatever call, since they were last taken. They are the
 * caller's again; those that a put could not store are not among them. */
struct sci_object_link *sci_shard_take_removed(struct sci_shard *shard);

/* Add an object that was never stored to those. */
void sci_shard_add_removed(struct sci_shard *shard, struct sci_object_link *object);

/* Look at up to `slots` slots of the index for entries past their deadline, and remove them; returns how
 * many went. What is looked at next is where the last call ended. Touches nothing as long as nothing can
 * be due. */
uint64_t sci_shard_expire(struct sci_shard *shard, int64_t now_ms, uint32_t slots);

/* Whether an entry may be past its deadline that sci_shard_expire() has not met. */
bool sci_shard_is_due(const struct sci_shard *shard, int64_t now_ms);

/* Remove an entry; false when there is none. */
bool sci_shard_remove(struct sci_shard *shard, const struct sci_name *name);

/* Remove all entries; returns how many there were. Pinned values stay readable. */
uint64_t sci_shard_clear(struct sci_shard *shard);

/* Change the bounds: `max_entries` (0: no bound but the index's) and the memory to be used, from
 * sci_shard_bytes_least() to the bytes that the shard was made for. Evicts what is too much and moves the
 * rest down. */
void sci_shard_resize(struct sci_shard *shard, uint64_t max_entries, uint64_t bytes,
	int64_t now_ms);

/* Where pinned records kept the log longer than its bound, try again. True when it has become shorter. */
bool sci_shard_shrink(struct sci_shard *shard, int64_t now_ms);

/* The memory that the shard may touch now, from its beginning; what is behind may be taken away. */
uint64_t sci_shard_bytes(const struct sci_shard *shard);

/* How far the shard has come in its memory: as long as it grows, what is stored next comes behind that. */
uint64_t sci_shard_reached(const struct sci_shard *shard);

/* The least that it can be resized to. */
uint64_t sci_shard_bytes_least(const struct sci_shard *shard);

/* Hold the record of a value where it is; let go once for each hold. False when it is held SCI_PINS_MAX
 * times. */
#define SCI_PINS_MAX 255
bool sci_shard_pin(struct sci_shard *shard, sci_offset offset);
void sci_shard_unpin(struct sci_shard *shard, sci_offset offset);

struct sci_shard_stats sci_shard_stats(const struct sci_shard *shard);

/* Walk the whole shard and prove its invariants: every byte of the log accounted for, the index, the
 * recency list and the counts in agreement with the records. Returns NULL, or what is wrong. */
const char *sci_shard_check(const struct sci_shard *shard);

#endif
