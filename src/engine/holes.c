/* Where entries of about one size come and go, each new one fits into the hole of one that went, and
 * nothing ever has to be moved. Holes are kept in lists by size class: four classes to each power of two.
 * A hole is looked for first among a few of its own class, which may be too small by some, then in the
 * next class that has any, where all are large enough. */
#include "engine/holes.h"

/* How many of its own class are looked at. */
#define LOOK_AT 4u

static unsigned class_of(uint32_t units)
{
	unsigned power = 31u - (unsigned)__builtin_clz(units);

	return power < 2 ? units : power * 4 + (units >> (power - 2) & 3);
}

void sci_holes_remove(struct sci_shard *shard, sci_place place)
{
	struct sci_record *hole = sci_record_at(shard, place);

	uint32_t units = sci_record_units(hole);
	assert(sci_record_state(hole) == SCI_RECORD_DEAD && units > 0);
	if (units < SCI_HOLE_UNITS_MIN)
		return;
	unsigned class = class_of(units);
	assert(hole->newer ? sci_record_at(shard, hole->newer)->older == place
			   : shard->holes[class] == place);
	if (hole->newer)
		sci_write(&sci_record_at(shard, hole->newer)->older, hole->older);
	else
		shard->holes[class] = hole->older;
	if (hole->older)
		sci_write(&sci_record_at(shard, hole->older)->newer, hole->newer);
	if (!shard->holes[class])
		shard->hole_classes[class / 64] &= ~(UINT64_C(1) << class % 64);
}

void sci_holes_insert(struct sci_shard *shard, sci_place place, uint32_t units)
{
	struct sci_record *hole = sci_record_at(shard, place);

	assert(units > 0 && place >= shard->log_start && place + units <= shard->log.end);
	sci_write(&hole->form, sci_form(SCI_RECORD_DEAD, (uint64_t)units * SCI_UNIT, 0));
	if (units < SCI_HOLE_UNITS_MIN)
		return;
	unsigned class = class_of(units);
	sci_write(&hole->newer, 0);
	sci_write(&hole->older, shard->holes[class]);
	if (hole->older)
		sci_write(&sci_record_at(shard, hole->older)->newer, place);
	shard->holes[class] = place;
	shard->hole_classes[class / 64] |= UINT64_C(1) << class % 64;
}

void sci_holes_add(struct sci_shard *shard, sci_place place, uint32_t units)
{
	struct sci_log *log = &shard->log;
	sci_place behind = place + units;

	assert(behind <= log->head || place >= log->gap_end);

	while (behind != log->head && behind < log->end &&
		sci_record_state(sci_record_at(shard, behind)) == SCI_RECORD_DEAD) {
		uint32_t more = sci_record_units(sci_record_at(shard, behind));
		sci_holes_remove(shard, behind);
		units += more;
		behind += more;
	}
	if (behind == log->head)
		log->head = place;
	else
		sci_holes_insert(shard, place, units);
}

static sci_place look_in_class(const struct sci_shard *shard, unsigned class, uint32_t units)
{
	sci_place place = shard->holes[class];

	for (unsigned i = 0; i < LOOK_AT && place; i++) {
		if (sci_record_units(sci_record_at(shard, place)) >= units)
			return place;
		place = sci_record_at(shard, place)->older;
	}
	return 0;
}

static sci_place first_above(const struct sci_shard *shard, unsigned class)
{
	unsigned word = ++class / 64;
	uint64_t classes = word < SCI_HOLE_CLASSES / 64
		? shard->hole_classes[word] & UINT64_MAX << class % 64
		: 0;

	if (!classes && word + 1 < SCI_HOLE_CLASSES / 64)
		classes = shard->hole_classes[++word];
	return classes ? shard->holes[word * 64 + (unsigned)__builtin_ctzll(classes)] : 0;
}

sci_place sci_holes_take(struct sci_shard *shard, uint32_t units)
{
	unsigned class = class_of(units);

	if (!(shard->hole_classes[0] | shard->hole_classes[1]))
		return 0;
	sci_place place = look_in_class(shard, class, units);
	if (!place)
		place = first_above(shard, class);
	if (!place)
		return 0;
	assert(sci_record_units(sci_record_at(shard, place)) >= units);
	uint32_t left = sci_record_units(sci_record_at(shard, place)) - units;
	sci_holes_remove(shard, place);
	if (left)
		sci_holes_insert(shard, place + units, left);
	return place;
}
