/* The exact optimum for values of different sizes is NP-hard, so this computes an upper bound. A
 * hit holds its value from one request for its key to the next, which takes size x distance of
 * the whole area, max_bytes x the length of the trace. Taking the intervals with the least area
 * first gives at least as many hits as any cache can have, because only the sum of the areas is
 * bounded, and not the bytes at one time. For the bytes of hits the intervals with the most
 * bytes per area come first, the last of them in part. Keys and overhead take no bytes here. */
#include "replay/byte_bound.h"

#include "base/error.h"

#include <stdlib.h>

/* The products of three 32-bit numbers need more than 64 bits. */
__extension__ typedef unsigned __int128 wide;

struct stretch {
	uint32_t distance; /* in requests */
	uint32_t held;     /* bytes: the least size of the key's value, but at least 1 */
	uint32_t gained;   /* bytes of the hit */
};

struct stretches {
	struct stretch *stretch;
	size_t count;
};

static uint64_t cost(const struct stretch *stretch)
{
	return (uint64_t)stretch->distance * stretch->held;
}

static int by_cost(const void *a, const void *b)
{
	uint64_t first = cost(a), second = cost(b);

	return (first > second) - (first < second);
}

static int by_gain(const void *a, const void *b)
{
	wide first = (wide)((const struct stretch *)a)->gained * cost(b);
	wide second = (wide)((const struct stretch *)b)->gained * cost(a);

	return (first < second) - (first > second);
}

/* `last` and `least`, for each key: its last request so far, and its least size. */
static void find_stretches(const struct sci_trace *trace, uint32_t *last, uint32_t *least,
	struct stretches *out)
{
	for (uint32_t key = 0; key < trace->key_count; key++)
		last[key] = least[key] = UINT32_MAX;
	for (uint32_t i = 0; i < trace->requests; i++) {
		uint32_t key = trace->keys[i], size = sci_trace_size(trace, i);
		least[key] = size < least[key] ? size : least[key];
	}
	for (uint32_t i = 0; i < trace->requests; i++) {
		uint32_t key = trace->keys[i];
		if (last[key] != UINT32_MAX)
			out->stretch[out->count++] = (struct stretch){
				.distance = i - last[key],
				.held = least[key] ? least[key] : 1,
				.gained = sci_trace_size(trace, i),
			};
		last[key] = i;
	}
}

static uint64_t most_hits(const struct stretches *all, uint64_t limit, wide budget)
{
	uint64_t hits = 0;

	for (size_t i = 0; i < all->count && cost(&all->stretch[i]) <= budget; i++) {
		if (all->stretch[i].held > limit)
			continue;
		budget -= cost(&all->stretch[i]);
		hits++;
	}
	return hits;
}

static uint64_t most_bytes(const struct stretches *all, uint64_t limit, wide budget)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct stretch *stretch = &all->stretch[i];
		if (stretch->held > limit)
			continue;
		if (cost(stretch) > budget)
			return bytes + (uint64_t)(budget * stretch->gained / cost(stretch));
		budget -= cost(stretch);
		bytes += stretch->gained;
	}
	return bytes;
}

/* The whole area: the cache's bytes times the number of steps between requests. */
static wide budget_of(const struct sci_trace *trace, uint64_t limit)
{
	return (wide)limit * (trace->requests - 1);
}

int sci_byte_bound(const struct sci_trace *trace, const uint64_t *limits, unsigned limit_count,
	struct sci_replay_result *results, unsigned apart, struct sc_error *error)
{
	struct stretches all = { 0 };
	uint32_t *last = malloc(trace->key_count * sizeof *last);
	uint32_t *least = malloc(trace->key_count * sizeof *least);
	int rc = 0;

	all.stretch = malloc((size_t)trace->requests * sizeof *all.stretch);
	if (last && least && all.stretch) {
		find_stretches(trace, last, least, &all);
		qsort(all.stretch, all.count, sizeof *all.stretch, by_cost);
		for (unsigned i = 0; i < limit_count; i++)
			results[(size_t)i * apart] = (struct sci_replay_result){
				.bound = true,
				.hits = most_hits(&all, limits[i], budget_of(trace, limits[i])),
			};
		qsort(all.stretch, all.count, sizeof *all.stretch, by_gain);
		for (unsigned i = 0; i < limit_count; i++)
			results[(size_t)i * apart].hit_bytes =
				most_bytes(&all, limits[i], budget_of(trace, limits[i]));
	} else {
		rc = sci_error_set(error, SC_E_NOMEM, 0, "no memory for the bound of %s",
			trace->path);
	}
	free(last);
	free(least);
	free(all.stretch);
	return rc;
}
