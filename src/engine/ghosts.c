/* A line holds eight ghosts. Two of them are pinned: those with the most uses. A new ghost is
 * pinned if fewer than two are, or if it has more uses than one of them, which is unpinned then. An
 * unpinned ghost takes an empty place, else that of the oldest unpinned one.
 *
 * Two keys share a fingerprint once in thousands of lookups; then a new key inherits another's use
 * count, which does little harm.
 *
 * A line is searched as words, four fingerprints or eight ticks at once. */
#include "engine/ghosts.h"

#include "engine/recency.h"
#include "engine/use_count.h"

#include <string.h>

#define PER_LINE SCI_GHOSTS_A_LINE

/* An age above this is capped to SCI_AGE_MAX. The margin avoids a cap at each visit. */
#define CAP_ABOVE (SCI_AGE_MAX + 12u)

uint32_t sci_ghosts_lines(uint64_t entries)
{
	uint64_t lines = (entries * 2 + PER_LINE - 1) / PER_LINE;

	return lines > UINT32_MAX ? UINT32_MAX : lines ? (uint32_t)lines : 1;
}

void sci_ghosts_fit(struct sci_shard *shard, uint64_t entries)
{
	uint32_t lines = sci_ghosts_lines(entries);

	shard->ghost_lines_used = lines < shard->ghost_lines ? lines : shard->ghost_lines;
}

static struct sci_ghosts *line_of(const struct sci_shard *shard, uint32_t hash)
{
	uint32_t line = (uint32_t)((uint64_t)(hash * 0x85EBCA6Bu) * shard->ghost_lines_used >> 32);

	return &sci_ghost_lines(shard)[line];
}

static uint16_t print_of(uint32_t hash)
{
	return (uint16_t)((hash ^ hash >> 15) * 0xC2B2AE35u >> 16);
}

#define EACH_BYTE  UINT64_C(0x0101010101010101)
#define BYTE_TOPS  (EACH_BYTE << 7)
#define EACH_PRINT UINT64_C(0x0001000100010001)
#define PRINT_TOPS (EACH_PRINT << 15)

static inline uint64_t word_at(const void *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

/* The top bit of the first of four fingerprints that is this one; those above it may be wrong. */
static inline uint64_t first_equal(const uint16_t *prints, uint16_t print)
{
	uint64_t differing = word_at(prints) ^ EACH_PRINT * print;

	return (differing - EACH_PRINT) & ~differing & PRINT_TOPS;
}

/* The ages of a line's ghosts, a byte each, with the top bit where there is no ghost. */
static inline uint64_t ages_of(const struct sci_shard *shard, uint64_t ticks)
{
	uint64_t now = shard->tick & (SCI_TICKS - 1);
	uint64_t ages = (now * EACH_BYTE | BYTE_TOPS) - (ticks & ~BYTE_TOPS);

	return (ages & ~BYTE_TOPS) | (~ticks & BYTE_TOPS);
}

/* The place of the oldest unpinned ghost, or an empty one: bit by bit, only those remain whose age
 * has the next bit, if any has it. */
static inline unsigned oldest_of(uint64_t ages)
{
	uint64_t places = BYTE_TOPS << 8 * SCI_GHOSTS_PINNED;

#pragma GCC unroll 8
	for (unsigned bit = 0; bit < 8; bit++) {
		uint64_t older = places & ages << bit;
		places = older ? older : places;
	}
	return (unsigned)__builtin_ctzll(places) / 8;
}

/* Where a new ghost belongs. */
static inline unsigned place_for(const struct sci_shard *shard, struct sci_ghosts *line,
	uint16_t print, uint8_t uses, uint64_t ages)
{
	unsigned first = sci_uses_now(shard, line->uses[0]);
	unsigned second = sci_uses_now(shard, line->uses[1]), at = second < first;

	/* The key's own ghost may be pinned. */
	if (ages & BYTE_TOPS & ~(BYTE_TOPS << 8 * SCI_GHOSTS_PINNED))
		return ages & 0x80 ? 0 : 1;
	if (line->print[0] == print || line->print[1] == print)
		return line->print[0] != print;
	unsigned oldest = oldest_of(ages);
	if (sci_uses_now(shard, uses) <= (at ? second : first))
		return oldest;
	line->print[oldest] = line->print[at];
	line->tick[oldest] = line->tick[at];
	line->uses[oldest] = line->uses[at];
	return at;
}

static __attribute__((noinline)) void cap_ticks(struct sci_shard *shard, struct sci_ghosts *line,
	uint64_t old)
{
	for (; old; old &= old - 1) {
		struct sci_ghost ghost = { line, (unsigned)__builtin_ctzll(old) / 8 };
		sci_ghost_renew(ghost, sci_ghost_uses(ghost),
			sci_recency_cap(shard, sci_ghost_tick(ghost)));
	}
}

void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses, uint32_t tick)
{
	struct sci_ghosts *line = line_of(shard, hash);
	uint16_t print = print_of(hash);
	uint64_t ages = ages_of(shard, word_at(line->tick));
	uint64_t old =
		((ages & ~BYTE_TOPS) + (SCI_TICKS - 1 - CAP_ABOVE) * EACH_BYTE) & ~ages & BYTE_TOPS;

	if (old)
		cap_ticks(shard, line, old);
	struct sci_ghost ghost = { line, place_for(shard, line, print, uses, ages) };
	line->print[ghost.at] = print;
	sci_ghost_renew(ghost, uses, tick);
	shard->totals.ghosts++;
}

void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash)
{
	__builtin_prefetch(line_of(shard, hash), 1);
}

struct sci_ghost sci_ghosts_find(const struct sci_shard *shard, uint32_t hash)
{
	struct sci_ghosts *line = line_of(shard, hash);
	uint16_t print = print_of(hash);

	/* A cache that was never full has no ghosts, and does not touch their memory. */
	if (shard->totals.ghosts == 0)
		return (struct sci_ghost){ NULL, 0 };
	uint64_t low = first_equal(line->print, print);
	uint64_t high = first_equal(line->print + PER_LINE / 2, print);
	if (!(low | high))
		return (struct sci_ghost){ NULL, 0 };
	unsigned at = (unsigned)(low ? __builtin_ctzll(low) : 64 + __builtin_ctzll(high)) / 16;
	return (struct sci_ghost){ line->tick[at] & SCI_GHOST_IS_THERE ? line : NULL, at };
}
