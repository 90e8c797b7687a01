/* Exact least-recently-used order, as functools.lru_cache keeps it: two links in each live record,
 * place 0 at both ends. */
#include "engine/recency.h"

/* The link that names `place` as its older neighbour: in the record before it, or in the head. */
static sci_place *link_from_newer(struct sci_shard *shard, sci_place newer)
{
	return newer ? &sci_record_at(shard, newer)->older : &shard->newest;
}

static sci_place *link_from_older(struct sci_shard *shard, sci_place older)
{
	return older ? &sci_record_at(shard, older)->newer : &shard->oldest;
}

void sci_recency_add(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);

	record->newer = 0;
	record->older = shard->newest;
	*link_from_older(shard, record->older) = place;
	shard->newest = place;
}

void sci_recency_remove(struct sci_shard *shard, sci_place place)
{
	const struct sci_record *record = sci_record_at(shard, place);

	*link_from_newer(shard, record->newer) = record->older;
	*link_from_older(shard, record->older) = record->newer;
}

void sci_recency_use(struct sci_shard *shard, sci_place place)
{
	if (shard->newest == place)
		return;
	sci_recency_remove(shard, place);
	sci_recency_add(shard, place);
}

void sci_recency_moved(struct sci_shard *shard, sci_place to)
{
	const struct sci_record *record = sci_record_at(shard, to);

	*link_from_newer(shard, record->newer) = to;
	*link_from_older(shard, record->older) = to;
}

sci_place sci_recency_victim(const struct sci_shard *shard)
{
	sci_place place = shard->oldest;

	while (place && sci_record_at(shard, place)->pins)
		place = sci_record_at(shard, place)->newer;
	return place;
}
