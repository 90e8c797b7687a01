/* One entry of a foreign shard (foreign.h): its record, its byte, and the list that it goes to. */
#ifndef SCI_ENGINE_FOREIGN_ENTRY_H
#define SCI_ENGINE_FOREIGN_ENTRY_H

#include "engine/recency.h"

#define SCI_FOREIGN_PLAIN_BYTES  24u
#define SCI_FOREIGN_WEIGHT_BYTES 8u

/* The lists through `newer` of free numbers and of victims, and how many numbers were ever given out. They are in
 * `log`, which a foreign shard has no other use for. */
#define SCI_FOREIGN_FREE    log.head
#define SCI_FOREIGN_VICTIMS log.gap_end
#define SCI_FOREIGN_USED    log.end

/* The policy evicts the entry: it becomes a victim. */
void sci_foreign_evict(struct sci_shard *shard, sci_offset offset);

/* Before the policy looks at a slot: what the owner has noted since. */
void sci_foreign_note(struct sci_shard *shard, sci_slot *slot);

/* Whether the owner has noted anything for a line of slots since the policy looked at them. */
static inline bool sci_foreign_line_has_news(const struct sci_shard *shard, uint32_t line)
{
	const unsigned char *marks = (const unsigned char *)(uintptr_t)shard->foreign.marks;
	size_t first = (size_t)line * SCI_BUCKET_SLOTS;
	uint64_t noted, seen;

	_Static_assert(SCI_BUCKET_SLOTS == sizeof noted, "a mark is a byte");
	noted = __atomic_load_n((const uint64_t *)(const void *)(marks + first), __ATOMIC_RELAXED);
	memcpy(&seen, shard->foreign.seen + first, sizeof seen);
	return noted != seen;
}

/* What is remembered of a key in ghosts. */
static inline uint32_t sci_foreign_ghost_hash(uint64_t hash)
{
	return (uint32_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

uint32_t sci_foreign_ghost_hash_of(const struct sci_shard *shard, sci_offset offset);

/* The owner's byte, and what was seen of it, become this tick. */
void sci_foreign_set_mark(struct sci_shard *shard, uint32_t entry, uint32_t tick);

/* Out of the queue and the slot; into a list. */
void sci_foreign_leave(struct sci_shard *shard, sci_offset offset, sci_offset *list);

#endif
