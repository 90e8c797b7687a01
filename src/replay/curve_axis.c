/* Ticks are round numbers: 1, 2 and 5 times powers of ten for entries, powers of two for bytes; the
 * more the axis spans, the more of them are left out. An axis too short for two round numbers has
 * ticks at its ends. */
#include "replay/curve_axis.h"

#include "base/count_text.h"

#include <math.h>
#include <stdio.h>

/* As many labels as fit side by side: "512 KiB" is wider than "500k". */
#define ENTRY_LABELS_MOST 10u
#define BYTE_LABELS_MOST  7u
/* More than any size needs: 2 to the 50th, or 5 times 10 to the 16th. */
#define ROUND_SIZES 51u

const char *sci_axis_size_label(char label[SCI_TICK_LABEL_BYTES], uint64_t size, bool bytes)
{
	static const char *const units[2][4] = {
		{ "", "k", "M", "G" },
		{ "", " KiB", " MiB", " GiB" },
	};
	const uint64_t step = bytes ? 1024 : 1000;
	char count[SCI_COUNT_TEXT_BYTES];
	unsigned unit = 0;

	for (; unit < 3 && size >= step && size % step == 0; unit++)
		size /= step;
	snprintf(label, SCI_TICK_LABEL_BYTES, "%s%s", sci_count_text(size, count),
		units[bytes][unit]);
	return label;
}

static void add_size(struct sci_axis *axis, uint64_t size, bool bytes)
{
	struct sci_tick *tick = &axis->ticks[axis->tick_count++];

	tick->value = (double)size;
	sci_axis_size_label(tick->label, size, bytes);
}

/* The round numbers in their order, from 0: 1, 2, 5, 10, 20, ... or 1, 2, 4, 8, ... */
static uint64_t round_size(unsigned index, bool bytes)
{
	static const unsigned factors[] = { 1, 2, 5 };
	uint64_t size = factors[index % 3];

	if (bytes)
		return UINT64_C(1) << index;
	for (unsigned tens = index / 3; tens > 0; tens--)
		size *= 10;
	return size;
}

/* Add every `step`th round number. Returns false when there are too many of them. */
static bool add_round_sizes(struct sci_axis *axis, uint64_t low, uint64_t high, bool bytes,
	unsigned step)
{
	axis->tick_count = 0;
	for (unsigned i = 0; i < ROUND_SIZES; i += step) {
		uint64_t size = round_size(i, bytes);
		if (size > high)
			break;
		if (size < low)
			continue;
		if (axis->tick_count == (bytes ? BYTE_LABELS_MOST : ENTRY_LABELS_MOST))
			return false;
		add_size(axis, size, bytes);
	}
	return true;
}

void sci_axis_of_sizes(struct sci_axis *axis, uint64_t low, uint64_t high, bool bytes,
	double length)
{
	static const unsigned steps[2][4] = { { 1, 3, 6, 9 }, { 1, 2, 4, 10 } };

	if (low == high) {
		low -= low / 2;
		high *= 2;
	}
	*axis = (struct sci_axis){
		.low = (double)low,
		.high = (double)high,
		.length = length,
		.logarithmic = true,
	};
	for (unsigned i = 0; i < 4; i++)
		if (add_round_sizes(axis, low, high, bytes, steps[bytes][i]))
			break;
	if (axis->tick_count < 2) {
		axis->tick_count = 0;
		add_size(axis, low, bytes);
		add_size(axis, high, bytes);
	}
}

void sci_axis_of_shares(struct sci_axis *axis, double most, double length)
{
	int step = most <= 0.2 ? 5 : most <= 0.5 ? 10 : 20;
	int top = (int)ceil(most * 100 / step - 1e-9) * step;

	top = top > 100 ? 100 : top < step ? step : top;
	*axis = (struct sci_axis){ .low = 0, .high = top / 100.0, .length = length };
	for (int share = 0; share <= top; share += step) {
		struct sci_tick *tick = &axis->ticks[axis->tick_count++];
		tick->value = share / 100.0;
		snprintf(tick->label, sizeof tick->label, "%d %%", share);
	}
}

double sci_axis_at(const struct sci_axis *axis, double value)
{
	double share = axis->logarithmic ? log(value / axis->low) / log(axis->high / axis->low)
					 : (value - axis->low) / (axis->high - axis->low);

	return share * axis->length;
}
