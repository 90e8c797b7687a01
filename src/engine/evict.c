/* Eviction: an entry is removed to make room, and leaves a ghost. */
#include "engine/evict.h"

#include "engine/audit.h"
#include "engine/entry.h"
#include "engine/foreign_entry.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/uses.h"

void sci_evict(struct sci_shard *shard, sci_offset offset)
{
	sci_slot *slot = sci_slot_of(shard, offset);

	if (shard->ghost_lines) {
		sci_uses_recount(shard, slot);
		sci_ghosts_add(shard, sci_index_ghost_hash_of(shard, offset), sci_slot_uses(*slot),
			sci_slot_tick(*slot));
	}
	if (shard->foreign.marks)
		sci_foreign_evict(shard, offset);
	else
		sci_entry_detach(shard, offset);
	shard->totals.evictions++;
	if (!shard->foreign.marks)
		sci_audit(shard);
}
