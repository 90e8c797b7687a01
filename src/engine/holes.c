/* Free space within the log. Where entries have similar sizes, each new one fits into a hole and
 * nothing is moved. Holes are in lists by size class, four classes for each power of two. An
 * allocation tries a few holes of its own class, which may be too small, then the next class that
 * has any, where all are large enough.
 *
 * The hole that was added last is in no list yet: mostly the next record takes it, because a put
 * evicts an entry of the same size. */
#include "engine/holes.h"

/* How many holes of its own class it tries. */
#define LOOK_AT 4u

static unsigned class_of(uint32_t units)
{
	unsigned power = 31u - (unsigned)__builtin_clz(units);

	return power < 2 ? units : power * 4 + (units >> (power - 2) & 3);
}

void sci_holes_remove(struct sci_shard *shard, sci_offset offset)
{
	struct sci_record *hole = sci_record_at(shard, offset);

	uint32_t units = sci_record_units(hole);
	assert(sci_record_state(hole) == SCI_RECORD_DEAD && units > 0);
	if (units < SCI_HOLE_UNITS_MIN)
		return;
	if (offset == shard->holes.latest) {
		shard->holes.latest = 0;
		return;
	}
	unsigned class = class_of(units);
	assert(hole->newer ? sci_record_at(shard, hole->newer)->older == offset
			   : shard->holes.first[class] == offset);
	if (hole->newer)
		sci_write(&sci_record_at(shard, hole->newer)->older, hole->older);
	else
		shard->holes.first[class] = hole->older;
	if (hole->older)
		sci_write(&sci_record_at(shard, hole->older)->newer, hole->newer);
	if (!shard->holes.first[class])
		shard->holes.classes[class / 64] &= ~(UINT64_C(1) << class % 64);
}

/* Add the latest hole, if there is one, to the list of its class. */
static void list_latest(struct sci_shard *shard)
{
	sci_offset offset = shard->holes.latest;

	if (!offset)
		return;
	struct sci_record *hole = sci_record_at(shard, offset);
	unsigned class = class_of(sci_record_units(hole));
	shard->holes.latest = 0;
	sci_write(&hole->newer, 0);
	sci_write(&hole->older, shard->holes.first[class]);
	if (hole->older)
		sci_write(&sci_record_at(shard, hole->older)->newer, offset);
	shard->holes.first[class] = offset;
	shard->holes.classes[class / 64] |= UINT64_C(1) << class % 64;
}

void sci_holes_insert(struct sci_shard *shard, sci_offset offset, uint32_t units)
{
	assert(units > 0 && offset >= shard->log_start && offset + units <= shard->log.end);
	sci_write(&sci_record_at(shard, offset)->header,
		sci_header(SCI_RECORD_DEAD, (uint64_t)units * SCI_UNIT, 0));
	if (units < SCI_HOLE_UNITS_MIN)
		return;
	list_latest(shard);
	shard->holes.latest = offset;
}

void sci_holes_add(struct sci_shard *shard, sci_offset offset, uint32_t units)
{
	struct sci_log *log = &shard->log;
	sci_offset behind = offset + units;

	assert(behind <= log->head || offset >= log->gap_end);

	while (behind != log->head && behind < log->end &&
		sci_record_state(sci_record_at(shard, behind)) == SCI_RECORD_DEAD) {
		uint32_t more = sci_record_units(sci_record_at(shard, behind));
		sci_holes_remove(shard, behind);
		units += more;
		behind += more;
	}
	if (behind == log->head)
		log->head = offset;
	else
		sci_holes_insert(shard, offset, units);
}

static sci_offset look_in_class(const struct sci_shard *shard, unsigned class, uint32_t units)
{
	sci_offset offset = shard->holes.first[class];

	for (unsigned i = 0; i < LOOK_AT && offset; i++) {
		if (sci_record_units(sci_record_at(shard, offset)) >= units)
			return offset;
		offset = sci_record_at(shard, offset)->older;
	}
	return 0;
}

static sci_offset first_above(const struct sci_shard *shard, unsigned class)
{
	unsigned word = ++class / 64;
	uint64_t classes = word < SCI_HOLE_CLASSES / 64
		? shard->holes.classes[word] & UINT64_MAX << class % 64
		: 0;

	if (!classes && word + 1 < SCI_HOLE_CLASSES / 64)
		classes = shard->holes.classes[++word];
	return classes ? shard->holes.first[word * 64 + (unsigned)__builtin_ctzll(classes)] : 0;
}

sci_offset sci_holes_take(struct sci_shard *shard, uint32_t units)
{
	sci_offset latest = shard->holes.latest;

	if (latest && sci_record_units(sci_record_at(shard, latest)) == units) {
		shard->holes.latest = 0;
		return latest;
	}
	list_latest(shard);
	if (!(shard->holes.classes[0] | shard->holes.classes[1]))
		return 0;
	unsigned class = class_of(units);
	sci_offset offset = look_in_class(shard, class, units);
	if (!offset)
		offset = first_above(shard, class);
	if (!offset)
		return 0;
	assert(sci_record_units(sci_record_at(shard, offset)) >= units);
	uint32_t left = sci_record_units(sci_record_at(shard, offset)) - units;
	sci_holes_remove(shard, offset);
	if (left)
		sci_holes_insert(shard, offset + units, left);
	return offset;
}
