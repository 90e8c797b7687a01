/* Foreign entries: the policy for entries that an index outside of the engine stores and finds.
 *
 * A foreign shard has records and slots, and no log, index or values. Entry i has slot i and record
 * i, which do not move, so nothing is looked up. The owner notes a use by writing the current tick
 * into a byte per entry, its mark; the policy reads the mark when it considers the entry.
 *
 *  | struct sci_shard | slots | ghosts | records | marks as the policy saw them |
 */
#ifndef SCI_ENGINE_FOREIGN_H
#define SCI_ENGINE_FOREIGN_H

#include "engine/foreign_entry.h"

struct sci_foreign_bounds {
	uint64_t max_entries;  /* 0: no bound */
	uint64_t weight_units; /* of all entries together; 0: no bound */
};

#define SCI_FOREIGN_UNITS_MAX UINT32_MAX
#define SCI_FOREIGN_NONE      UINT32_MAX

/* The size of a shard for so many entries, a multiple of SCI_BUCKET_SLOTS. */
uint64_t sci_foreign_bytes(uint32_t entries, bool weighs);

/* Make an empty one in memory that is all zero. `marks` has a byte for each entry. */
struct sci_shard *sci_foreign_format(void *memory, uint32_t entries,
	const struct sci_foreign_bounds *bounds, _Atomic uint8_t *marks);

/* Take over all entries, with their numbers, from a smaller shard, which is unused from then on. */
void sci_foreign_take_over(struct sci_shard *shard, const struct sci_shard *smaller);

/* Whether a number is free. */
bool sci_foreign_has_room(const struct sci_shard *shard);

/* Insert an entry; a number must be free. Returns its number, or SCI_FOREIGN_NONE if the policy
 * declines it. Other entries may become victims in both cases. */
uint32_t sci_foreign_insert(struct sci_shard *shard, uint64_t hash, uint32_t weight_units);

/* Set the weight of an entry whose value was replaced, which is a use. It may become a victim. */
void sci_foreign_replace(struct sci_shard *shard, uint32_t entry, uint32_t weight_units);

/* Remove an entry for a reason other than eviction. */
void sci_foreign_remove(struct sci_shard *shard, uint32_t entry);

/* Whether an entry has this number, and is not a victim. */
bool sci_foreign_has(const struct sci_shard *shard, uint32_t entry);

/* Return the next victim and free its number; SCI_FOREIGN_NONE if there is none. */
uint32_t sci_foreign_victim(struct sci_shard *shard);

/* Check the invariants. Returns NULL, or what is wrong. */
const char *sci_foreign_check(const struct sci_shard *shard);

#endif
