/* Counts the pairs of hashes that collide in windows of their bits, and compares them with the
 * expectation for random hashes. */
#include "support/cmocka.h"

#include "support/hash_spread.h"

#include "engine/index.h"

#include <math.h>
#include <stdlib.h>

#define CELLS_MAX (1u << 24)

static void check(uint64_t pairs, double expected, double variance, double deviations,
	const char *what)
{
	/* With few expected pairs, a difference of one must be allowed. */
	if (fabs((double)pairs - expected) > deviations * sqrt(variance) + 1)
		fail_msg("%s: %llu pairs collide, %.1f are expected, with a deviation of %.1f",
			what, (unsigned long long)pairs, expected, sqrt(variance));
}

void sct_pairs_are_chance(uint64_t pairs, double trials, double cells, const char *what)
{
	double expected = trials / cells;

	check(pairs, expected, expected * (1 - 1 / cells), 4, what);
}

/* The part of a hash that a table uses: `cells` different values. */
struct window {
	uint32_t shift, cells;
	enum { BITS, HOME, HOME_AND_TAG, HOME_AND_FAVOURITE } kind;
};

#define LINES 1000u

#define TAG_BITS (64 - SCI_SLOT_TAG_SHIFT)

static const struct window windows[] = {
	{ 0, 1u << 24, BITS },
	{ 8, 1u << 24, BITS },
	{ 16, 1u << 24, BITS },
	{ 24, 1u << 24, BITS },
	{ 32, 1u << 24, BITS },
	{ 40, 1u << 24, BITS },
	{ 0, 1u << 10, BITS },
	{ 32, 1u << 5, BITS },
	{ SCI_SLOT_TAG_SHIFT, 1u << TAG_BITS, BITS },
	{ 54, 1u << 10, BITS },
	{ 0, LINES, HOME },
	{ 0, LINES << TAG_BITS, HOME_AND_TAG },
	{ 0, LINES *SCI_BUCKET_SLOTS, HOME_AND_FAVOURITE },
};

static uint32_t take(const struct window *window, uint64_t hash)
{
	uint32_t home = sci_index_scale((uint32_t)hash, LINES);

	switch (window->kind) {
	case BITS:
		return (uint32_t)(hash >> window->shift) & (window->cells - 1);
	case HOME:
		return home;
	case HOME_AND_TAG:
		return home << TAG_BITS | (uint32_t)(hash >> SCI_SLOT_TAG_SHIFT);
	case HOME_AND_FAVOURITE:
		return home * SCI_BUCKET_SLOTS + sci_index_favourite(hash, 0);
	}
	return 0;
}

static uint64_t pairs_in(const struct window *window, const uint64_t *hashes, size_t count,
	uint16_t *cells)
{
	uint64_t pairs = 0;

	for (size_t i = 0; i < count; i++)
		pairs += cells[take(window, hashes[i])]++;
	for (size_t i = 0; i < count; i++)
		cells[take(window, hashes[i])] = 0;
	return pairs;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

_Static_assert(sizeof windows / sizeof *windows == SCT_SPREAD_WINDOWS - 1,
	"the last window is the low 32 bits");

/* Count the pairs that are equal in the low 32 bits; no two may be equal in all 64. */
static uint64_t pairs_in_low_half(const uint64_t *hashes, size_t count, const char *family)
{
	uint64_t *turned = malloc(count * sizeof *turned), pairs = 0;

	assert_non_null(turned);
	for (size_t i = 0; i < count; i++)
		turned[i] = hashes[i] << 32 | hashes[i] >> 32;
	qsort(turned, count, sizeof *turned, compare);
	for (size_t i = 1; i < count; i++) {
		if (turned[i] == turned[i - 1])
			fail_msg("%s: two keys have the same hash", family);
		pairs += turned[i] >> 32 == turned[i - 1] >> 32;
	}
	free(turned);
	return pairs;
}

static void add(struct sct_spread *spread, unsigned window, uint64_t pairs, size_t count,
	double cells, const char *family)
{
	double expected = (double)count * (double)(count - 1) / 2 / cells;
	double variance = expected * (1 - 1 / cells);

	check(pairs, expected, variance, 6, family);
	spread->window[window].pairs += pairs;
	spread->window[window].expected += expected;
	spread->window[window].variance += variance;
}

void sct_spread_add(struct sct_spread *spread, const uint64_t *hashes, size_t count,
	const char *family)
{
	static uint16_t cells[CELLS_MAX]; /* zero between calls */

	for (unsigned i = 0; i < SCT_SPREAD_WINDOWS - 1; i++)
		add(spread, i, pairs_in(&windows[i], hashes, count, cells), count, windows[i].cells,
			family);
	add(spread, SCT_SPREAD_WINDOWS - 1, pairs_in_low_half(hashes, count, family), count,
		4294967296.0, family);
}

void sct_spread_check(const struct sct_spread *spread, const char *family)
{
	for (unsigned i = 0; i < SCT_SPREAD_WINDOWS; i++)
		check(spread->window[i].pairs, spread->window[i].expected,
			spread->window[i].variance, 4, family);
}
