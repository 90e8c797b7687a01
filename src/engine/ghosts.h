/* Ghosts: what the policy remembers of evicted keys (2Q, ARC). */
#ifndef SCI_ENGINE_GHOSTS_H
#define SCI_ENGINE_GHOSTS_H

#include "engine/layout.h"

/* One ghost of a line; line NULL: none. */
struct sci_ghost {
	struct sci_ghosts *line;
	unsigned at;
};

/* The bit of a tick's byte that is set if there is a ghost. */
#define SCI_GHOST_IS_THERE SCI_TICKS

/* The first ghosts of each line are pinned. */
#define SCI_GHOSTS_PINNED 2u

static inline uint32_t sci_ghost_tick(struct sci_ghost ghost)
{
	return ghost.line->tick[ghost.at] & (SCI_TICKS - 1);
}

static inline uint8_t sci_ghost_uses(struct sci_ghost ghost)
{
	return ghost.line->uses[ghost.at];
}

/* A pinned ghost stays when its key returns, and newer ghosts do not replace it. So its returns
 * show what a cache that keeps frequent keys would have hit. */
static inline bool sci_ghost_is_pinned(struct sci_ghost ghost)
{
	return ghost.at < SCI_GHOSTS_PINNED;
}

static inline void sci_ghost_renew(struct sci_ghost ghost, uint8_t uses, uint32_t tick)
{
	ghost.line->tick[ghost.at] = (uint8_t)(tick | SCI_GHOST_IS_THERE);
	ghost.line->uses[ghost.at] = uses;
}

static inline void sci_ghost_forget(struct sci_ghost ghost)
{
	ghost.line->tick[ghost.at] = 0;
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

/* The ghost of a key. */
struct sci_ghost sci_ghosts_find(const struct sci_shard *shard, uint32_t hash);

#endif
