/* An entry moves to the next eighth by a write of its eighth, seven times on its way through the
 * window; the queue's links do not change. */
#include "engine/eighths.h"

#include <assert.h>

static void set_eighth(struct sci_shard *shard, sci_offset offset, unsigned eighth)
{
	struct sci_record *record = sci_record_at(shard, offset);

	sci_record_set_slot(record, sci_record_slot(record), eighth);
}

sci_offset sci_eighths_before(const struct sci_shard *shard, unsigned eighth)
{
	while (eighth > 0)
		if (shard->eighths.entries[--eighth] > 0)
			return shard->eighths.oldest[eighth];
	return 0;
}

void sci_eighths_added(struct sci_shard *shard, sci_offset offset, unsigned eighth)
{
	struct sci_eighths *eighths = &shard->eighths;

	set_eighth(shard, offset, eighth);
	if (eighths->entries[eighth]++ == 0)
		eighths->oldest[eighth] = offset;
}

void sci_eighths_remove(struct sci_shard *shard, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	struct sci_eighths *eighths = &shard->eighths;
	unsigned eighth = sci_record_eighth(record);

	assert(eighths->entries[eighth] > 0);
	eighths->entries[eighth]--;
	if (eighths->oldest[eighth] == offset)
		eighths->oldest[eighth] = eighths->entries[eighth] ? record->newer : 0;
}

void sci_eighths_moved(struct sci_shard *shard, sci_offset from, sci_offset to)
{
	unsigned eighth = sci_record_eighth(sci_record_at(shard, to));

	if (shard->eighths.oldest[eighth] == from)
		shard->eighths.oldest[eighth] = to;
}

/* Move the oldest entry of an eighth, which has more than one, to the next eighth. */
static void pass_on(struct sci_shard *shard, unsigned eighth)
{
	struct sci_eighths *eighths = &shard->eighths;
	sci_offset offset = eighths->oldest[eighth];
	struct sci_record *record = sci_record_at(shard, offset);

	eighths->entries[eighth]--;
	eighths->oldest[eighth] = record->newer;
	sci_record_set_slot(record, sci_record_slot(record), eighth + 1);
	if (eighths->entries[eighth + 1]++ == 0)
		eighths->oldest[eighth + 1] = offset;
}

void sci_eighths_balance(struct sci_shard *shard)
{
	uint64_t share = (shard->queue[SCI_WINDOW].entries + SCI_EIGHTHS - 1) / SCI_EIGHTHS;

	for (unsigned i = 0; i + 1 < SCI_EIGHTHS; i++)
		while (shard->eighths.entries[i] > share)
			pass_on(shard, i);
}
