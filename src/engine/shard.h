/* One shard of a cache: an index, a log of records and a policy, in memory that the caller
 * provides.
 *
 * A shard calls no clock, takes no lock and allocates nothing. Its functions are for one thread at
 * a time; beside it, many threads may read by peek.h. It stores offsets, so its memory may be
 * mapped at any address, unless it holds objects, which are pointers. Keys are bytes; src/cache
 * encodes them.
 *
 *  | struct sci_shard | index: lines of 64 bytes | ghosts | log: records, one after the other |
 */
#ifndef SCI_ENGINE_SHARD_H
#define SCI_ENGINE_SHARD_H

#include "engine/types.h"

struct sci_shard_options {
	enum sci_policy policy;
	uint64_t bytes;       /* all of its memory; at least SCI_SHARD_BYTES_MIN */
	uint64_t max_entries; /* 0: no bound but the memory */
	uint64_t entry_bytes; /* the usual size of key and value together, at least 1 */
	bool is_secret;       /* wipe keys and values when their space becomes free */
};

#define SCI_SHARD_BYTES_MIN 8192
#define SCI_SHARD_BYTES_MAX (UINT64_C(1) << 34)

/* Counters and sizes; the fields are named as in sc_cache_stats. */
struct sci_shard_stats {
	uint64_t evictions, forgotten, moved_bytes, reclaimed;
	uint64_t entries, bytes, pinned, pinned_bytes;
};

/* Make an empty shard in `memory`, which is all zero and aligned to SCI_SHARD_ALIGN. Touches its
 * first page only. */
struct sci_shard *sci_shard_format(void *memory, const struct sci_shard_options *options);

/* Take over a shard that another process left in `bytes` of memory. Returns NULL if an invariant
 * does not hold, or if it has objects; the memory may be changed then, and useless. Pins are
 * dropped. */
struct sci_shard *sci_shard_attach(void *memory, uint64_t bytes);

/* Find an entry that has not expired at `now_ms`, and mark it as used. Removes an expired one, and
 * returns SCI_LOOKUP_EXPIRED. One with notes is found also when it is not fresh. */
enum sci_lookup sci_shard_find(struct sci_shard *shard, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found);

/* The same without any change. */
enum sci_lookup sci_shard_look(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found);

/* Replace the notes of an entry that was found and has notes. */
void sci_shard_renote(struct sci_shard *shard, sci_offset offset, const struct sci_notes *notes);

/* Begin its times anew: those of `times`, which has notes, and nothing else of it. The annex
 * stays. */
void sci_shard_renew(struct sci_shard *shard, sci_offset offset, const struct sci_content *times,
	int64_t now_ms);

/* Prefetch what a put of this key will read. Any thread, without the lock. */
void sci_shard_expect(const struct sci_shard *shard, const struct sci_name *name);

/* Store a value, replacing what the key had; on failure the key has no value. A large one that is
 * worth less than what it would evict is SCI_STORE_OK, and counted as evicted. The value may lie
 * in the shard only if it is pinned. */
enum sci_store_result sci_shard_put(struct sci_shard *shard, const struct sci_name *name,
	const struct sci_content *content, int64_t now_ms);

/* Take the objects of entries that were removed since the last call; the caller frees them.
 * Objects that a put failed to store are not among them. */
struct sci_object_link *sci_shard_take_removed(struct sci_shard *shard);

/* Add an object that was never stored to these. */
void sci_shard_add_removed(struct sci_shard *shard, struct sci_object_link *object);

/* Search up to `slots` slots of the index for expired entries, from where the last call ended, and
 * remove them. Returns how many. Reads nothing if no deadline has passed. */
uint64_t sci_shard_expire(struct sci_shard *shard, int64_t now_ms, uint32_t slots);

/* Remove, and overwrite with zeros, the entries for whose keys `is_wanted` returns true, from slot
 * `from` of the index on, at most `slots`. Returns the slot to go on from, 0 at the end. A pinned
 * value is not overwritten. */
uint32_t sci_shard_sweep(struct sci_shard *shard, uint32_t from, uint32_t slots,
	bool (*is_wanted)(const unsigned char *key, size_t len));

/* Whether there may be an expired entry that sci_shard_expire() has not removed. */
bool sci_shard_is_due(const struct sci_shard *shard, int64_t now_ms);

/* Remove an entry; false if there is none. */
bool sci_shard_remove(struct sci_shard *shard, const struct sci_name *name);

/* Remove all entries; returns how many. Pinned values stay valid. */
uint64_t sci_shard_clear(struct sci_shard *shard);

/* Change the bounds: `max_entries` (0: the index's capacity), and the bytes in use, from
 * sci_shard_bytes_least() to those of sci_shard_format(). Evicts and moves what is beyond. */
void sci_shard_resize(struct sci_shard *shard, uint64_t max_entries, uint64_t bytes,
	int64_t now_ms);

/* Retry to shorten a log that pinned records kept long. True if it is shorter now. */
bool sci_shard_shrink(struct sci_shard *shard, int64_t now_ms);

/* The bytes from its beginning that the shard may touch; memory behind may be unmapped. */
uint64_t sci_shard_bytes(const struct sci_shard *shard);

/* The bytes that the log has reached: while it grows, new records follow there. */
uint64_t sci_shard_reached(const struct sci_shard *shard);

/* The least that it can be resized to. */
uint64_t sci_shard_bytes_least(const struct sci_shard *shard);

/* Pin the record of a value in place; unpin once for each pin. False if it has SCI_PINS_MAX pins.
 */
#define SCI_PINS_MAX 255
bool sci_shard_pin(struct sci_shard *shard, sci_offset offset);
void sci_shard_unpin(struct sci_shard *shard, sci_offset offset);

struct sci_shard_stats sci_shard_stats(const struct sci_shard *shard);

#endif
