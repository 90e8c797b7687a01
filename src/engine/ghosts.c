/* A line holds eight ghosts. A new ghost replaces an older one of the same key, else an empty one,
 * else the oldest that is not pinned. Two ghosts of a line are pinned: a new one if fewer are, or
 * if it has more uses than the pinned one with the fewest, which loses its pin.
 *
 * Two keys share a fingerprint once in thousands of lookups; then a new key inherits another's use
 * count, which does little harm. */
#include "engine/ghosts.h"

#include "engine/recency.h"
#include "engine/use_count.h"

#include <string.h>

#define PER_LINE 8u
#define PIN      (UINT32_C(1) << 16)

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

static sci_ghost *line_of(const struct sci_shard *shard, uint32_t hash)
{
	uint32_t line = (uint32_t)((uint64_t)(hash * 0x85EBCA6Bu) * shard->ghost_lines_used >> 32);

	return sci_ghost_lines(shard)[line].ghost;
}

static uint32_t print_of(uint32_t hash)
{
	uint32_t print = (hash ^ hash >> 15) * 0xC2B2AE35u >> 17;

	return print ? print : 1;
}

/* Half a line of ghosts in one vector: GCC and Clang compile this to vector instructions of any
 * machine. */
#define LANES (PER_LINE / 2)
typedef uint32_t lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef int32_t signed_lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));

static const lanes no_bits = { 0 };
static const lanes places[2] = { { 0, 1, 2, 3 }, { 4, 5, 6, 7 } };
static const lanes bits[2] = { { 1, 2, 4, 8 }, { 16, 32, 64, 128 } };

/* Set if a tick of the line is too old; above the bits of the ghosts. */
#define OLD (1u << PER_LINE)

/* `to` where the mask is all ones, `from` where it is 0. */
static inline lanes choose(lanes mask, lanes to, lanes from)
{
	return (mask & to) | (~mask & from);
}

/* For each ghost its rank and its index in the line, and a bit if it is pinned. */
struct survey {
	lanes rank, flags;
};

/* The ghost with the highest rank is replaced: one of the same key, else an empty one, else the
 * oldest unpinned. */
static inline struct survey survey_half(uint32_t tick, const sci_ghost *line, unsigned half,
	uint32_t print)
{
	lanes all;

	memcpy(&all, line + half * LANES, sizeof all);
	lanes none = (lanes)(all == 0), same = (lanes)(all >> 17 == print);
	lanes pinned = no_bits - (all >> 16 & 1);
	lanes age = (tick - all) & (SCI_TICKS - 1) & ~none;
	lanes rank = choose(none, no_bits + 2 * SCI_TICKS, (1 + age) & ~pinned);

	rank = choose(same, no_bits + 3 * SCI_TICKS, rank);
	return (struct survey){
		.rank = rank * PER_LINE + places[half],
		.flags = (pinned & bits[half]) | ((lanes)((signed_lanes)age > CAP_ABOVE) & OLD),
	};
}

/* The index of the ghost to be replaced, and the flags of the line. */
static uint32_t survey_line(uint32_t tick, const sci_ghost *line, uint32_t print, uint32_t *flags)
{
	struct survey a = survey_half(tick, line, 0, print), b = survey_half(tick, line, 1, print);
	lanes rank = choose((lanes)(a.rank > b.rank), a.rank, b.rank), all = a.flags | b.flags;
	uint32_t highest = 0;

	for (unsigned i = 0; i < LANES; i++)
		highest = rank[i] > highest ? rank[i] : highest;
	*flags = all[0] | all[1] | all[2] | all[3];
	return highest % PER_LINE;
}

static void cap_ticks(struct sci_shard *shard, sci_ghost *line)
{
	for (unsigned i = 0; i < PER_LINE; i++)
		if (line[i])
			line[i] = sci_ghost_renewed(line[i], sci_ghost_uses(line[i]),
				sci_recency_cap(shard, sci_ghost_tick(line[i])));
}

/* Unpin the pinned ghost with the fewest uses, if they are fewer than `uses`. */
static bool take_pin(const struct sci_shard *shard, sci_ghost *line, uint32_t pinned, unsigned uses)
{
	sci_ghost *least_used = NULL;

	for (; pinned; pinned &= pinned - 1) {
		sci_ghost *ghost = &line[__builtin_ctz(pinned)];
		unsigned its = sci_uses_now(shard, sci_ghost_uses(*ghost));
		if (its < uses) {
			least_used = ghost;
			uses = its;
		}
	}
	if (least_used)
		*least_used &= ~PIN;
	return least_used != NULL;
}

void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses, uint32_t tick)
{
	uint32_t print = print_of(hash), flags;
	sci_ghost *line = line_of(shard, hash);
	sci_ghost *replaced = line + survey_line(shard->tick, line, print, &flags);
	uint32_t pinned = flags & (OLD - 1);
	bool is_free = (pinned & (pinned - 1)) == 0;
	bool pin = sci_ghost_is_pinned(*replaced) || is_free ||
		take_pin(shard, line, pinned, sci_uses_now(shard, uses));

	if (flags & OLD)
		cap_ticks(shard, line);
	*replaced = sci_ghost_renewed(print << 17 | (pin ? PIN : 0), uses, tick);
	shard->totals.ghosts++;
}

void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash)
{
	__builtin_prefetch(line_of(shard, hash), 1);
}

sci_ghost *sci_ghosts_find(const struct sci_shard *shard, uint32_t hash)
{
	sci_ghost *line = line_of(shard, hash);
	uint32_t print = print_of(hash);

	/* A cache that was never full has no ghosts, and does not touch their memory. */
	if (shard->totals.ghosts == 0)
		return NULL;
	lanes low, high;
	memcpy(&low, line, sizeof low);
	memcpy(&high, line + LANES, sizeof high);
	lanes found =
		((lanes)(low >> 17 == print) & bits[0]) | ((lanes)(high >> 17 == print) & bits[1]);
	uint32_t any = found[0] | found[1] | found[2] | found[3];
	return any ? &line[__builtin_ctz(any)] : NULL;
}
