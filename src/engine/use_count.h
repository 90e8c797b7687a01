/* The recent uses of an entry: a count of four bits, and the epoch of the count in four. When the
 * epoch advances all counts halve, each when it is next read. */
#ifndef SCI_ENGINE_USE_COUNT_H
#define SCI_ENGINE_USE_COUNT_H

#include "engine/layout.h"

#define SCI_USES_MAX 15u

/* The count in the current epoch. */
static inline unsigned sci_uses_now(const struct sci_shard *shard, uint8_t uses)
{
	return (uses & 15u) >> ((shard->uses.epoch - (uses >> 4)) & 15u);
}

static inline uint8_t sci_uses_of(const struct sci_shard *shard, unsigned count)
{
	return (uint8_t)((shard->uses.epoch & 15u) << 4 | count);
}

#endif
