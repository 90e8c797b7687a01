/* How often and when entries were used: readers note one bit, which is counted under the lock. */
#ifndef SCI_ENGINE_USES_H
#define SCI_ENGINE_USES_H

#include "engine/index.h"

/* A use count that is one more. */
uint8_t sci_uses_one_more(const struct sci_shard *shard, uint8_t uses);

/* One use more of the entry in this slot, whose mark becomes what is given. */
void sci_uses_add(struct sci_shard *shard, sci_slot *slot, unsigned mark);

/* What readers have noted of an entry is counted now; before its mark or its tick is looked at. */
void sci_uses_recount(struct sci_shard *shard, sci_slot *slot);

/* The same for some lines of the index, at each miss. */
void sci_uses_recount_some(struct sci_shard *shard);

#endif
