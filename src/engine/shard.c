/* What a shard does, put together from index, log, order of use and entries.
 *
 * Room for a new record is made in this order: the bound on entries is kept by evicting; then the bytes
 * by evicting until the record fits beside what is alive; then the log looks for space that lies
 * together, and each time it has worked long enough without finding any, something more is evicted.
 * So the work of one put is bounded, and a full log settles where moving a few bytes for each new one
 * is enough. Records that are pinned are stepped over; they are evicted only where the bound on entries
 * cannot be kept otherwise. */
#include "engine/entry.h"
#include "engine/index.h"
#include "engine/log.h"
#include "engine/recency.h"

#include <string.h>

/* What the log may look at before something more is evicted, for each unit that is wanted, and at
 * least. */
#define WORK_PER_UNIT 8u
#define WORK_LEAST    512u

/* After so many evictions that brought no room, twice as many go each time: where pinned records cut
 * the log into pieces, going on one by one would take for ever. */
#define PATIENCE 16u

/* The least that an entry takes, to size an index whose entries are bounded by number. */
#define ENTRY_BYTES_LEAST 64u

struct sci_shard *sci_shard_format(void *memory, const struct sci_shard_options *options)
{
	struct sci_shard *shard = memory;
	uint64_t slot_bytes = sizeof(uint64_t) * 5 / 4;
	uint64_t entries = options->max_entries;

	if (!entries)
		entries = options->bytes / (SCI_RECORD_HEADER + slot_bytes + options->entry_bytes);
	if (entries > options->bytes / ENTRY_BYTES_LEAST)
		entries = options->bytes / ENTRY_BYTES_LEAST;
	shard->magic = SCI_SHARD_MAGIC;
	shard->buckets = sci_index_buckets(entries);

	uint64_t bears = sci_index_capacity(shard->buckets);
	shard->max_entries = (uint32_t)(options->max_entries && options->max_entries < bears
			? options->max_entries
			: bears);
	shard->log.start =
		(sci_place)((SCI_INDEX_START + shard->buckets * sizeof(struct sci_bucket)) /
			SCI_UNIT);
	shard->log.limit = (sci_place)(options->bytes / SCI_UNIT);
	sci_log_reset(shard);
	return shard;
}

enum sci_lookup sci_shard_find(struct sci_shard *shard, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	sci_place place = sci_index_find(shard, name);
	if (!place)
		return SCI_LOOKUP_MISS;

	struct sci_record *record = sci_record_at(shard, place);
	if (sci_entry_expired(record, now_ms)) {
		sci_entry_detach(shard, place);
		return SCI_LOOKUP_EXPIRED;
	}
	sci_recency_use(shard, place);
	*found = (struct sci_found){
		.value = sci_record_value(record),
		.len = sci_record_value_len(record),
		.place = place,
	};
	return SCI_LOOKUP_HIT;
}

static bool evict(struct sci_shard *shard, sci_place victim)
{
	if (!victim)
		return false;
	sci_entry_detach(shard, victim);
	shard->evictions++;
	return true;
}

static void keep_entries_bound(struct sci_shard *shard)
{
	while (shard->entries >= shard->max_entries)
		if (!evict(shard, sci_recency_victim(shard)))
			evict(shard, shard->oldest);
}

static sci_place make_room(struct sci_shard *shard, uint32_t units, int64_t now_ms)
{
	uint32_t capacity = shard->log.limit - shard->log.start;
	uint64_t work = (uint64_t)units * WORK_PER_UNIT + WORK_LEAST;
	uint64_t wanted = 1;

	while (shard->live_units + units > capacity && evict(shard, sci_recency_victim(shard)))
		;
	for (unsigned tries = 0;; tries++) {
		sci_place place = sci_log_reserve(shard, units, work, now_ms);
		if (place)
			return place;
		if (tries >= PATIENCE)
			wanted *= 2;
		for (uint64_t i = 0; i < wanted; i++)
			if (!evict(shard, sci_recency_victim(shard)))
				return sci_log_reserve(shard, units, SCI_LOG_ANY_WORK, now_ms);
	}
}

static void write_record(struct sci_shard *shard, sci_place place, uint32_t units,
	const struct sci_name *name, const void *value, size_t len)
{
	struct sci_record *record = sci_record_at(shard, place);
	uint64_t padding = (uint64_t)units * SCI_UNIT - SCI_RECORD_HEADER - name->len - len;

	record->units = units;
	record->shape = sci_record_shape(SCI_RECORD_LIVE, (uint32_t)padding, (uint32_t)name->len);
	record->hash = (uint32_t)name->hash;
	record->pins = 0;
	if (len)
		memcpy(sci_record_value(record), value, len);
	if (name->len)
		memcpy(sci_record_key(record), name->key, name->len);
}

static void enter(struct sci_shard *shard, const struct sci_name *name, sci_place place)
{
	sci_place in_the_way;

	while ((in_the_way = sci_index_enter(shard, name->hash, place))) {
		sci_entry_detach(shard, in_the_way);
		shard->forgotten++;
	}
	sci_recency_add(shard, place);
	shard->entries++;
	shard->live_units += sci_record_at(shard, place)->units;
}

enum sci_stored sci_shard_put(struct sci_shard *shard, const struct sci_name *name,
	const void *value, size_t len, int64_t expires_ms, int64_t now_ms)
{
	uint64_t capacity = (uint64_t)(shard->log.limit - shard->log.start) * SCI_UNIT;

	sci_shard_remove(shard, name);
	if (name->len > SCI_KEY_LEN_MAX || len > capacity ||
		sci_record_units(name->len, len) * SCI_UNIT > capacity)
		return SCI_STORED_NOT_TOO_LARGE;

	uint32_t units = (uint32_t)sci_record_units(name->len, len);
	keep_entries_bound(shard);
	sci_place place = make_room(shard, units, now_ms);
	if (!place)
		return SCI_STORED_NOT_NO_ROOM;
	write_record(shard, place, units, name, value, len);
	sci_record_at(shard, place)->expires_ms = expires_ms;
	enter(shard, name, place);
	return SCI_STORED;
}

bool sci_shard_remove(struct sci_shard *shard, const struct sci_name *name)
{
	sci_place place = sci_index_find(shard, name);

	if (place)
		sci_entry_detach(shard, place);
	return place != 0;
}

uint64_t sci_shard_clear(struct sci_shard *shard)
{
	uint64_t entries = shard->entries;

	while (shard->oldest)
		sci_entry_detach(shard, shard->oldest);
	if (!shard->pinned)
		sci_log_reset(shard);
	return entries;
}

void sci_shard_pin(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);

	if (record->pins++)
		return;
	shard->pinned++;
	shard->pinned_units += record->units;
}

void sci_shard_unpin(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);

	if (--record->pins)
		return;
	shard->pinned--;
	shard->pinned_units -= record->units;
	if (sci_record_state(record) == SCI_RECORD_DETACHED)
		sci_entry_die(shard, record);
}

struct sci_shard_stats sci_shard_stats(const struct sci_shard *shard)
{
	return (struct sci_shard_stats){
		.evictions = shard->evictions,
		.forgotten = shard->forgotten,
		.moved_bytes = shard->moved_units * SCI_UNIT,
		.entries = shard->entries,
		.bytes = shard->live_units * SCI_UNIT,
		.pinned = shard->pinned,
		.pinned_bytes = shard->pinned_units * SCI_UNIT,
	};
}
