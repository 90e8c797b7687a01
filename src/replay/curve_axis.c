/* Round numbers are named: 1, 2 and 5 times powers of ten for entries, powers of two for bytes, fewer of
 * them the more the axis spans. On an axis too short to have two of them its ends are named. */
#include "replay/curve_axis.h"

#include "base/count_text.h"

#include <math.h>
#include <stdio.h>

/* As many as are legible side by side: "512 KiB" is wider than "500k". */
#define ENTRY_LABELS_MOST 10u
#define BYTE_LABELS_MOST  7u

static const struct unit {
	uint64_t size;
	const char *name;
} entry_units[] = { { 1000000000, "G" }, { 1000000, "M" }, { 1000, "k" } },
  byte_units[] = { { 1u << 30, "GiB" }, { 1u << 20, "MiB" }, { 1u << 10, "KiB" } };

#define UNITS (sizeof entry_units / sizeof entry_units[0])

const char *sci_axis_size_label(char label[SCI_TICK_LABEL_BYTES], uint64_t size, bool bytes)
{
	const struct unit *units = bytes ? byte_units : entry_units;
	char count[SCI_COUNT_TEXT_BYTES];

	for (unsigned i = 0; i < UNITS; i++)
		if (size >= units[i].size && size % units[i].size == 0) {
			snprintf(label, SCI_TICK_LABEL_BYTES, bytes ? "%s %s" : "%s%s",
				sci_count_text(size / units[i].size, count), units[i].name);
			return label;
		}
	snprintf(label, SCI_TICK_LABEL_BYTES, "%s", sci_count_text(size, count));
	return label;
}

static void add_size(struct sci_axis *axis, uint64_t size, bool bytes)
{
	struct sci_tick *tick = &axis->ticks[axis->tick_count++];

	tick->value = (double)size;
	sci_axis_size_label(tick->label, size, bytes);
}

/* Every `step`th of the round numbers, as long as there are not too many. Returns whether there were. */
static bool add_round_sizes(struct sci_axis *axis, uint64_t low, uint64_t high, bool bytes,
	unsigned step)
{
	static const unsigned factors[] = { 1, 2, 5 };

	axis->tick_count = 0;
	/* 60 powers of two, or 20 powers of ten, are more than any size. */
	for (unsigned i = 0; i < 60; i += step) {
		uint64_t size = bytes ? UINT64_C(1) << i
				      : factors[i % 3] * (uint64_t)llround(pow(10, i / 3));
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
