/* The window in segments, so that an entry that gets a second chance is put back near its rank of
 * recency, and not only at the front. */
#ifndef SCI_ENGINE_SEGMENTS_H
#define SCI_ENGINE_SEGMENTS_H

#include "engine/layout.h"

#include <assert.h>

/* The window has about so many segments when it does not grow. */
#define SCI_SEGMENTS_WANTED 6u

/* Begin a new segment, if there is a free number. Returns the newest segment. */
unsigned sci_segments_begin(struct sci_shard *shard);

/* The segment at whose front an entry belongs that is less recent than `newer` of `all` entries;
 * SCI_SEGMENTS: behind all. */
unsigned sci_segments_of_rank(const struct sci_shard *shard, uint64_t newer, uint64_t all);

/* Whether a segment is in the older half of the window. */
bool sci_segments_is_older_half(const struct sci_shard *shard, unsigned segment);

/* An entry was moved. */
void sci_segments_moved(struct sci_shard *shard, sci_offset from, sci_offset to);

/* The segment to which the next new entry belongs. In LRU mode the window is the whole cache, also
 * while that fills. */
static inline unsigned sci_segments_newest(struct sci_shard *shard)
{
	const struct sci_segments *segments = &shard->segments;
	uint64_t entries = shard->balance.lru_mode ? shard->recency.capacity
						   : shard->queue[SCI_WINDOW].entries;

	if (segments->entries[segments->newest] * (uint64_t)SCI_SEGMENTS_WANTED < entries)
		return segments->newest;
	return sci_segments_begin(shard);
}

/* The entry after which, from the newest, one is inserted as the newest of this segment; 0: at the
 * front. */
static inline sci_offset sci_segments_before(const struct sci_shard *shard, unsigned segment)
{
	const struct sci_segments *segments = &shard->segments;

	while (segment != segments->newest) {
		segment = (segment + SCI_SEGMENTS - 1) % SCI_SEGMENTS;
		if (segments->entries[segment] > 0)
			return segments->oldest[segment];
	}
	return 0;
}

static inline void sci_segments_set(struct sci_shard *shard, sci_offset offset, unsigned segment)
{
	struct sci_record *record = sci_record_at(shard, offset);

	sci_record_set_slot(record, sci_record_slot(record), segment);
}

/* An entry was inserted, or is about to be removed. */
static inline void sci_segments_added(struct sci_shard *shard, sci_offset offset, unsigned segment)
{
	struct sci_segments *segments = &shard->segments;

	sci_segments_set(shard, offset, segment);
	if (segments->entries[segment]++ == 0)
		segments->oldest[segment] = offset;
}

static inline void sci_segments_remove(struct sci_shard *shard, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	struct sci_segments *segments = &shard->segments;
	unsigned segment = sci_record_segment(record);

	assert(segments->entries[segment] > 0);
	segments->entries[segment]--;
	if (segments->oldest[segment] == offset)
		segments->oldest[segment] = segments->entries[segment] ? record->newer : 0;
}

#endif
