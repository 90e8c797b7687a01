/* Ghosts: what is remembered of keys that were evicted. */
#ifndef SCI_ENGINE_GHOSTS_H
#define SCI_ENGINE_GHOSTS_H

#include "engine/layout.h"

/* How many lines there are for a cache of `entries`: two ghosts for each. */
uint32_t sci_ghosts_lines(uint64_t entries);

/* Use as many of the lines as a cache of `entries` needs: what is older than such a table would have no
 * room for says nothing. Most ghosts there were are lost by a change. */
void sci_ghosts_fit(struct sci_shard *shard, uint64_t entries);

/* A key was evicted, with this use count. */
void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses);

/* Fetch into the processor's caches where the ghost of a key would be. */
void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash);

struct sci_ghost {
	uint8_t uses;
	uint64_t age; /* how many ghosts were made since, roughly */
};

/* Find the ghost of a key, and take it out. False when there is none. */
bool sci_ghosts_take(struct sci_shard *shard, uint32_t hash, struct sci_ghost *ghost);

#endif
