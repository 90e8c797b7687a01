/* One entry of a foreign shard (foreign.h): its record, its mark, and the lists of free numbers
 * and victims. */
#ifndef SCI_ENGINE_FOREIGN_ENTRY_H
#define SCI_ENGINE_FOREIGN_ENTRY_H

#include "engine/recency.h"

#define SCI_FOREIGN_PLAIN_BYTES  24u
#define SCI_FOREIGN_WEIGHT_BYTES 8u

/* The lists through `newer` of free numbers and of victims, and how many numbers were ever used.
 * They are in `log`: a foreign shard has none. */
#define SCI_FOREIGN_FREE    log.head
#define SCI_FOREIGN_VICTIMS log.gap_end
#define SCI_FOREIGN_USED    log.end

/* Make an entry a victim. */
void sci_foreign_evict(struct sci_shard *shard, sci_offset offset);

/* Before the policy looks at a slot: set its reference bit if the mark says that it was used. */
void sci_foreign_note(struct sci_shard *shard, sci_slot *slot);

/* Whether a mark of this line has changed since the policy read it. */
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

/* The hash by which ghosts remember a key. */
static inline uint32_t sci_foreign_ghost_hash(uint64_t hash)
{
	return (uint32_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

uint32_t sci_foreign_ghost_hash_of(const struct sci_shard *shard, sci_offset offset);

/* Set the mark, and what the policy saw of it, to this tick. */
void sci_foreign_set_mark(struct sci_shard *shard, uint32_t entry, uint32_t tick);

/* Remove an entry from its queue and slot, and add it to a list. */
void sci_foreign_leave(struct sci_shard *shard, sci_offset offset, sci_offset *list);

#endif
