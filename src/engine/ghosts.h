/* Ghosts: what is remembered of keys that were evicted. */
#ifndef SCI_ENGINE_GHOSTS_H
#define SCI_ENGINE_GHOSTS_H

#include "engine/layout.h"

/* A ghost is print:15 | pinned:1 | uses:8 | tick:8, and 0 where there is none. */
typedef uint32_t sci_ghost;

static inline uint32_t sci_ghost_tick(sci_ghost ghost)
{
	return ghost & (SCI_TICKS - 1);
}

static inline uint8_t sci_ghost_uses(sci_ghost ghost)
{
	return (uint8_t)(ghost >> 8);
}

/* It stays when its key comes back, and is not pushed out by those that merely are newer: so it is seen what
 * a cache of what is used often would have kept. */
static inline bool sci_ghost_is_pinned(sci_ghost ghost)
{
	return ghost >> 16 & 1;
}

/* The same ghost with what is known now. */
static inline sci_ghost sci_ghost_renewed(sci_ghost ghost, uint8_t uses, uint32_t tick)
{
	return ghost >> 16 << 16 | (uint32_t)uses << 8 | (tick & (SCI_TICKS - 1));
}

/* How many lines there are for a cache of `entries`: two ghosts for each. */
uint32_t sci_ghosts_lines(uint64_t entries);

/* Use as many of the lines as a cache of `entries` needs: what is older than such a table would have no
 * room for says nothing. Most ghosts there were are lost by a change. */
void sci_ghosts_fit(struct sci_shard *shard, uint64_t entries);

/* A key was evicted, with this use count, last touched in this tick. */
void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses, uint32_t tick);

/* Fetch into the processor's caches where the ghost of a key would be. */
void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash);

/* The ghost of a key, to be written to; NULL when there is none. */
sci_ghost *sci_ghosts_find(const struct sci_shard *shard, uint32_t hash);

#endif
