/* Eviction: an entry is removed to make room, and leaves a ghost. */
#include "engine/evict.h"

#include "engine/audit.h"
#include "engine/entry.h"
#include "engine/foreign_entry.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/uses.h"

static uint32_t ghost_hash_of(const struct sci_shard *shard, sci_offset offset)
{
	uint32_t slot = sci_record_slot(sci_record_at(shard, offset));

	if (shard->foreign.marks)
		return sci_foreign_ghost_hash_of(shard, offset);
	return sci_index_ghost_hash(shard, sci_slots(shard)[slot], slot / SCI_BUCKET_SLOTS);
}

void sci_evict(struct sci_shard *shard, sci_offset offset)
{
	sci_slot *slot = sci_slot_of(shard, offset);

	if (shard->ghost_lines) {
		sci_uses_recount(shard, slot);
		sci_ghosts_add(shard, ghost_hash_of(shard, offset), sci_slot_uses(*slot),
			sci_slot_tick(*slot));
	}
	shard->totals.evictions++;
	if (shard->foreign.marks) {
		sci_foreign_evict(shard, offset);
		return;
	}
	sci_entry_detach(shard, offset);
	sci_audit(shard);
}
