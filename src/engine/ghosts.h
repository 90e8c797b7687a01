/* Ghosts: what the policy remembers of evicted keys (2Q, ARC). */
#ifndef SCI_ENGINE_GHOSTS_H
#define SCI_ENGINE_GHOSTS_H

#include "engine/layout.h"

/* A ghost is fingerprint:15 | pinned:1 | uses:8 | tick:8; 0: none. */
typedef uint32_t sci_ghost;

static inline uint32_t sci_ghost_tick(sci_ghost ghost)
{
	return ghost & (SCI_TICKS - 1);
}

static inline uint8_t sci_ghost_uses(sci_ghost ghost)
{
	return (uint8_t)(ghost >> 8);
}

/* A pinned ghost stays when its key returns, and newer ghosts do not replace it. So its returns
 * show what a cache that keeps frequent keys would have hit. */
static inline bool sci_ghost_is_pinned(sci_ghost ghost)
{
	return ghost >> 16 & 1;
}

/* The ghost with new uses and tick. */
static inline sci_ghost sci_ghost_renewed(sci_ghost ghost, uint8_t uses, uint32_t tick)
{
	return ghost >> 16 << 16 | (uint32_t)uses << 8 | (tick & (SCI_TICKS - 1));
}

/* The number of lines for a cache of `entries`: two ghosts for each entry. */
uint32_t sci_ghosts_lines(uint64_t entries);

/* Use as many lines as a cache of `entries` needs. Ghosts older than such a table could hold say
 * nothing. A change loses most ghosts. */
void sci_ghosts_fit(struct sci_shard *shard, uint64_t entries);

/* Remember an evicted key, with its use count and the tick of its last touch. */
void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses, uint32_t tick);

/* Prefetch the line of a key's ghost. */
void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash);

/* The ghost of a key, which the caller may write to; NULL if there is none. */
sci_ghost *sci_ghosts_find(const struct sci_shard *shard, uint32_t hash);

#endif
