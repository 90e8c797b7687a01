/* A ghost is 32 bits: a fingerprint of the key, its use count, and when it was made, on a clock that
 * ticks so many times while the table is filled once:
 *
 *	fingerprint:16 | uses:8 | time:8
 *
 * A line holds eight; a new ghost takes the place of the oldest of its line. An empty place is all zero,
 * which no ghost is, because its fingerprint is not. Fingerprints meet once in thousands of lookups; then
 * a new key inherits another's count, which does little harm. */
#include "engine/ghosts.h"

#define TICKS_A_TABLE 64u
#define PER_LINE      8u

uint32_t sci_ghosts_lines(uint64_t entries)
{
	uint64_t lines = (entries * 2 + PER_LINE - 1) / PER_LINE;

	return lines > UINT32_MAX ? UINT32_MAX : lines ? (uint32_t)lines : 1;
}

static uint64_t ghosts_a_tick(const struct sci_shard *shard)
{
	uint64_t ticks = (uint64_t)shard->ghost_lines_used * PER_LINE / TICKS_A_TABLE;

	return ticks ? ticks : 1;
}

void sci_ghosts_fit(struct sci_shard *shard, uint64_t entries)
{
	uint32_t lines = sci_ghosts_lines(entries);
	uint64_t ticks = shard->ghost_lines_used ? shard->ghosts_made / ghosts_a_tick(shard) : 0;

	shard->ghost_lines_used = lines < shard->ghost_lines ? lines : shard->ghost_lines;
	shard->ghosts_made = ticks * ghosts_a_tick(shard);
}

static uint32_t *line_of(const struct sci_shard *shard, uint32_t hash)
{
	uint32_t line = (uint32_t)((uint64_t)(hash * 0x85EBCA6Bu) * shard->ghost_lines_used >> 32);

	return sci_ghost_lines(shard)[line].ghost;
}

static uint32_t fingerprint_of(uint32_t hash)
{
	uint32_t print = (hash ^ hash >> 15) * 0xC2B2AE35u >> 16;

	return print ? print : 1;
}

static uint8_t time_now(const struct sci_shard *shard)
{
	return (uint8_t)(shard->ghosts_made / ghosts_a_tick(shard));
}

static uint8_t ticks_since(uint8_t now, uint32_t ghost)
{
	return (uint8_t)(now - (uint8_t)ghost);
}

void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses)
{
	uint32_t *ghosts = line_of(shard, hash), *oldest = ghosts;
	uint8_t now = time_now(shard);

	for (unsigned i = 0; i < PER_LINE; i++) {
		if (ghosts[i] == 0) {
			oldest = &ghosts[i];
			break;
		}
		if (ticks_since(now, ghosts[i]) > ticks_since(now, *oldest))
			oldest = &ghosts[i];
	}
	*oldest = fingerprint_of(hash) << 16 | (uint32_t)uses << 8 | now;
	shard->ghosts_made++;
}

void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash)
{
	__builtin_prefetch(line_of(shard, hash), 1);
}

bool sci_ghosts_take(struct sci_shard *shard, uint32_t hash, struct sci_ghost *ghost)
{
	uint32_t *ghosts = line_of(shard, hash), print = fingerprint_of(hash);

	/* A cache that never was full touches none of them. */
	if (shard->ghosts_made == 0)
		return false;
	for (unsigned i = 0; i < PER_LINE; i++) {
		if (ghosts[i] >> 16 != print)
			continue;
		ghost->uses = (uint8_t)(ghosts[i] >> 8);
		ghost->age = ticks_since(time_now(shard), ghosts[i]) * ghosts_a_tick(shard);
		ghosts[i] = 0;
		return true;
	}
	return false;
}
