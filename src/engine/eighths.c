/* To move the bound between two eighths by an entry is to write the entry's eighth, which is done seven times
 * while it passes through the window; its links stay as they are. */
#include "engine/eighths.h"

#include <assert.h>

static void set_eighth(struct sci_shard *shard, sci_place place, unsigned eighth)
{
	struct sci_record *record = sci_record_at(shard, place);

	sci_record_set_slot(record, sci_record_slot(record), eighth);
}

sci_place sci_eighths_before(const struct sci_shard *shard, unsigned eighth)
{
	while (eighth > 0)
		if (shard->eighths.entries[--eighth] > 0)
			return shard->eighths.oldest[eighth];
	return 0;
}

void sci_eighths_added(struct sci_shard *shard, sci_place place, unsigned eighth)
{
	struct sci_eighths *eighths = &shard->eighths;

	set_eighth(shard, place, eighth);
	if (eighths->entries[eighth]++ == 0)
		eighths->oldest[eighth] = place;
}

void sci_eighths_remove(struct sci_shard *shard, sci_place place)
{
	const struct sci_record *record = sci_record_at(shard, place);
	struct sci_eighths *eighths = &shard->eighths;
	unsigned eighth = sci_record_eighth(record);

	assert(eighths->entries[eighth] > 0);
	eighths->entries[eighth]--;
	if (eighths->oldest[eighth] == place)
		eighths->oldest[eighth] = eighths->entries[eighth] ? record->newer : 0;
}

void sci_eighths_moved(struct sci_shard *shard, sci_place from, sci_place to)
{
	unsigned eighth = sci_record_eighth(sci_record_at(shard, to));

	if (shard->eighths.oldest[eighth] == from)
		shard->eighths.oldest[eighth] = to;
}

void sci_eighths_balance(struct sci_shard *shard)
{
	struct sci_eighths *eighths = &shard->eighths;
	uint64_t all = shard->queue[SCI_WINDOW].entries;

	for (unsigned i = 0; i + 1 < SCI_EIGHTHS; i++)
		while ((uint64_t)eighths->entries[i] * SCI_EIGHTHS > all + SCI_EIGHTHS - 1) {
			sci_place place = eighths->oldest[i];
			eighths->entries[i]--;
			/* There are more: it had more than its share. */
			eighths->oldest[i] = sci_record_at(shard, place)->newer;
			set_eighth(shard, place, i + 1);
			if (eighths->entries[i + 1]++ == 0)
				eighths->oldest[i + 1] = place;
		}
}
