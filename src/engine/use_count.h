/* How often an entry was used, lately: four bits that count, and four that say when they were last
 * brought up to date. When the epoch moves on all counts halve, each at the next time it is looked at. */
#ifndef SCI_ENGINE_USE_COUNT_H
#define SCI_ENGINE_USE_COUNT_H

#include "engine/layout.h"

#define SCI_USES_MAX 15u

/* The count as it is in the present epoch. */
static inline unsigned sci_uses_now(const struct sci_shard *shard, uint8_t uses)
{
	return (uses & 15u) >> ((shard->uses.epoch - (uses >> 4)) & 15u);
}

static inline uint8_t sci_uses_of(const struct sci_shard *shard, unsigned count)
{
	return (uint8_t)((shard->uses.epoch & 15u) << 4 | count);
}

#endif
