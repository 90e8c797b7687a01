/* Foreign entries: the policy decides about entries that somebody else keeps and finds.
 *
 * A foreign shard has records and slots, and no log, index or values. Entry number i has slot i and record i,
 * neither of which moves, so nothing is looked up. Its owner notes a use by writing the present tick into a byte
 * of its own for each entry; the policy reads that byte when it considers the entry.
 *
 *	| struct sci_shard | slots | ghosts | records | the marks that were seen |
 */
#ifndef SCI_ENGINE_FOREIGN_H
#define SCI_ENGINE_FOREIGN_H

#include "engine/index.h"
#include "engine/recency.h"

struct sci_foreign_bounds {
	uint64_t max_entries;  /* 0: no bound */
	uint64_t weight_units; /* that all entries may weigh; 0: no bound */
};

#define SCI_FOREIGN_UNITS_MAX UINT32_MAX
#define SCI_FOREIGN_NONE      UINT32_MAX

/* What a shard for so many entries takes; the number is a multiple of SCI_BUCKET_SLOTS. */
uint64_t sci_foreign_bytes(uint32_t entries, bool weighs);

/* Make an empty one in memory that is all zero. `marks` is a byte for each entry. */
struct sci_shard *sci_foreign_format(void *memory, uint32_t entries,
	const struct sci_foreign_bounds *bounds, _Atomic uint8_t *marks);

/* Take over all entries, with their numbers, from a smaller one, which is not used any more. */
void sci_foreign_take_over(struct sci_shard *shard, const struct sci_shard *smaller);

/* Whether there is a number for one entry more. */
bool sci_foreign_has_room(const struct sci_shard *shard);

/* A new entry comes, for which there is room. Returns its number; SCI_FOREIGN_NONE when the policy declines
 * it. Others may have become victims in either case. */
uint32_t sci_foreign_insert(struct sci_shard *shard, uint64_t hash, uint32_t weight_units);

/* The entry has another value, which is a use of it. It may become a victim. */
void sci_foreign_replace(struct sci_shard *shard, uint32_t entry, uint32_t weight_units);

/* The entry is gone, and not by the policy. */
void sci_foreign_remove(struct sci_shard *shard, uint32_t entry);

/* Whether an entry has this number, and is not a victim. */
bool sci_foreign_has(const struct sci_shard *shard, uint32_t entry);

/* The next victim that was not asked for yet; its number is free again. SCI_FOREIGN_NONE: there is none. */
uint32_t sci_foreign_victim(struct sci_shard *shard);

/* The policy evicts the entry: it becomes a victim. */
void sci_foreign_evict(struct sci_shard *shard, sci_offset offset);

/* Before the policy looks at a slot: what the owner has noted since. */
void sci_foreign_note(struct sci_shard *shard, sci_slot *slot);

/* Whether the owner has noted anything for a line of slots since the policy looked at them. */
static inline bool sci_foreign_line_has_news(const struct sci_shard *shard, uint32_t line)
{
	const unsigned char *marks = (const unsigned char *)(uintptr_t)shard->marks;
	size_t first = (size_t)line * SCI_BUCKET_SLOTS;
	uint64_t noted, seen;

	_Static_assert(SCI_BUCKET_SLOTS == sizeof noted, "a mark is a byte");
	noted = __atomic_load_n((const uint64_t *)(const void *)(marks + first), __ATOMIC_RELAXED);
	memcpy(&seen, shard->seen_marks + first, sizeof seen);
	return noted != seen;
}

/* What is remembered of a key in ghosts. */
static inline uint32_t sci_foreign_ghost_hash(uint64_t hash)
{
	return (uint32_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

uint32_t sci_foreign_ghost_hash_of(const struct sci_shard *shard, sci_offset offset);

/* Prove the invariants. Returns NULL, or what is wrong. */
const char *sci_foreign_check(const struct sci_shard *shard);

#endif
