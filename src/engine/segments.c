/* The window is a row of segments. New entries enter the newest; when that has a sixth of the
 * window's entries, the next one begins. So an entry keeps its segment, and the oldest segments
 * become empty as entries leave. Numbers of segments are reused in a circle: one older than segment
 * i is segment i + 1, modulo SCI_SEGMENTS.
 *
 * Each record has the number of its segment; each segment knows its oldest entry. If the window
 * grows, all numbers may be in use when a segment should begin: then the oldest segment joins the
 * next, two entries for each one that enters. */
#include "engine/segments.h"

#define JOINED 2u /* entries that join the next segment in one step */

/* The i-th segment from the newest. */
static unsigned nth(const struct sci_segments *segments, unsigned i)
{
	return (segments->newest + i) % SCI_SEGMENTS;
}

/* Let the newest entry of the oldest segment join the next newer segment. */
static void join_one(struct sci_shard *shard)
{
	struct sci_segments *segments = &shard->segments;
	unsigned from = nth(segments, SCI_SEGMENTS - 1), to = nth(segments, SCI_SEGMENTS - 2);
	sci_offset before = sci_segments_before(shard, from);
	sci_offset offset =
		before ? sci_record_at(shard, before)->older : shard->queue[SCI_WINDOW].newest;

	sci_segments_set(shard, offset, to);
	segments->oldest[to] = offset;
	segments->entries[to]++;
	if (--segments->entries[from] == 0)
		segments->oldest[from] = 0;
}

unsigned sci_segments_begin(struct sci_shard *shard)
{
	struct sci_segments *segments = &shard->segments;
	unsigned oldest = nth(segments, SCI_SEGMENTS - 1);

	for (unsigned i = 0; i < JOINED && segments->entries[oldest] > 0; i++)
		join_one(shard);
	if (segments->entries[oldest] == 0)
		segments->newest = oldest;
	return segments->newest;
}

unsigned sci_segments_of_rank(const struct sci_shard *shard, uint64_t newer, uint64_t all)
{
	const struct sci_segments *segments = &shard->segments;
	uint64_t window = shard->queue[SCI_WINDOW].entries, sum = 0;

	if (newer >= all)
		return SCI_SEGMENTS;
	for (unsigned i = 0; i < SCI_SEGMENTS; i++) {
		unsigned segment = nth(segments, i);
		uint64_t entries = segments->entries[segment];
		if (newer * window * 2 < (sum * 2 + entries) * all)
			return segment;
		sum += entries;
	}
	return SCI_SEGMENTS;
}

bool sci_segments_is_older_half(const struct sci_shard *shard, unsigned segment)
{
	const struct sci_segments *segments = &shard->segments;
	uint64_t newer = segments->entries[segment] / 2;

	for (unsigned i = segments->newest; i != segment; i = (i + 1) % SCI_SEGMENTS)
		newer += segments->entries[i];
	return newer >= shard->queue[SCI_WINDOW].entries / 2;
}

void sci_segments_moved(struct sci_shard *shard, sci_offset from, sci_offset to)
{
	unsigned segment = sci_record_segment(sci_record_at(shard, to));

	if (shard->segments.oldest[segment] == from)
		shard->segments.oldest[segment] = to;
}
