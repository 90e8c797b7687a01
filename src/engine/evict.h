/* Eviction: an entry is removed to make room. */
#ifndef SCI_ENGINE_EVICT_H
#define SCI_ENGINE_EVICT_H

#include "engine/layout.h"

/* Evict an entry, and add its ghost where the policy has ghosts. */
void sci_evict(struct sci_shard *shard, sci_offset offset);

#endif
