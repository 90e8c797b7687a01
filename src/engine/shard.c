/* What a shard does, put together from index, log, order of use and entries.
 *
 * Room for a new record is made in this order: the bounds on entries and bytes are kept by evicting, and
 * the policy leaves a part of the log free; then a hole is taken, or the log's cursor moves entries closer
 * together until enough space lies together. It has to look at about as many units as are wanted divided
 * by the part that is free. Only where pinned records cut the log into pieces something more is evicted.
 * Records that are pinned are stepped over; they are evicted only where the bound on entries cannot be
 * kept otherwise. */
#include "engine/entry.h"
#include "engine/ghosts.h"
#include "engine/holes.h"
#include "engine/index.h"
#include "engine/log.h"
#include "engine/policy.h"

#include <string.h>

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
	sci_policy_start(shard, options->policy);
	shard->log.start =
		(sci_place)((SCI_INDEX_START + shard->buckets * sizeof(struct sci_bucket) +
				    shard->ghost_lines * sizeof(struct sci_ghosts)) /
			SCI_UNIT);
	shard->log.limit = (sci_place)(options->bytes / SCI_UNIT);
	sci_log_reset(shard);
	return shard;
}

enum sci_lookup sci_shard_find(struct sci_shard *shard, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	sci_slot *slot = sci_index_find(shard, name);
	if (!slot)
		return SCI_LOOKUP_MISS;

	sci_place place = sci_slot_place(*slot);
	struct sci_record *record = sci_record_at(shard, place);
	if (sci_entry_expired(record, now_ms)) {
		sci_entry_detach(shard, place);
		return SCI_LOOKUP_EXPIRED;
	}
	sci_policy_hit(shard, slot);
	*found = (struct sci_found){
		.value = sci_record_value(record),
		.len = sci_record_value_len(record),
		.place = place,
	};
	return SCI_LOOKUP_HIT;
}

/* Space for a record that the bounds have room for. When there is none, pins have cut it into pieces, and
 * the whole log was looked at: so each time twice as many entries go as the time before. */
static sci_place allocate(struct sci_shard *shard, uint32_t units, int64_t now_ms)
{
	for (uint64_t wanted = 1;; wanted *= 2) {
		sci_place place = sci_holes_take(shard, units);
		if (!place)
			place = sci_log_reserve(shard, units, now_ms);
		if (place)
			return place;
		for (uint64_t i = 0; i < wanted; i++)
			if (!sci_policy_evict(shard))
				return sci_log_reserve(shard, units, now_ms);
	}
}

/* The record's words behind its header: value, key, padding. */
static void write_words(struct sci_record *record, const struct sci_name *name, const void *value,
	size_t len)
{
	struct sci_stream stream = { .to = sci_record_words(record) };

	sci_stream_put(&stream, value, len);
	sci_stream_put(&stream, name->key, name->len);
	sci_stream_end(&stream);
}

static void write_record(struct sci_shard *shard, sci_place place, uint32_t units,
	const struct sci_name *name, const void *value, size_t len, int64_t expires_ms)
{
	struct sci_record *record = sci_record_at(shard, place);
	uint64_t padding = (uint64_t)units * SCI_UNIT - SCI_RECORD_HEADER - name->len - len;

	sci_write(&record->units, units);
	sci_write(&record->shape,
		sci_record_shape(SCI_RECORD_LIVE, (uint32_t)padding, (uint32_t)name->len));
	sci_write(&record->hash, (uint32_t)name->hash);
	sci_write(&record->pins, 0);
	sci_write(&record->expires_ms, expires_ms);
	write_words(record, name, value, len);
}

/* Replace the value of an entry where it is, if it has the room and nobody holds it. */
static bool overwrite(struct sci_shard *shard, sci_place place, uint32_t units,
	const struct sci_name *name, const void *value, size_t len, int64_t expires_ms)
{
	struct sci_record *record = sci_record_at(shard, place);
	uint64_t padding = (uint64_t)units * SCI_UNIT - SCI_RECORD_HEADER - name->len - len;

	if (record->units != units || record->pins)
		return false;
	sci_change_begin(shard);
	sci_write(&record->shape,
		sci_record_shape(SCI_RECORD_LIVE, (uint32_t)padding, (uint32_t)name->len));
	sci_write(&record->expires_ms, expires_ms);
	write_words(record, name, value, len);
	sci_change_end(shard);
	sci_policy_renew(shard, place);
	return true;
}

/* Put the new record into the index, in the place of the old one if that is still there. */
static void enter(struct sci_shard *shard, const struct sci_name *name, sci_slot *old,
	sci_place place, struct sci_legacy legacy)
{
	sci_place in_the_way;

	shard->entries++;
	shard->live_units += sci_record_at(shard, place)->units;
	sci_policy_entered(shard, place, legacy);
	if (old) {
		sci_entry_replace(shard, old, place);
		return;
	}
	while ((in_the_way = sci_index_enter(shard, name->hash, place))) {
		sci_entry_detach(shard, in_the_way);
		shard->forgotten++;
	}
}

static enum sci_stored put(struct sci_shard *shard, const struct sci_name *name, const void *value,
	size_t len, int64_t expires_ms, int64_t now_ms)
{
	uint32_t units = (uint32_t)sci_record_units(name->len, len);
	sci_slot *slot = sci_index_find(shard, name);
	struct sci_legacy legacy = slot ? sci_policy_legacy(shard, *slot)
					: sci_policy_newcomer(shard, (uint32_t)name->hash);

	if (slot && overwrite(shard, sci_slot_place(*slot), units, name, value, len, expires_ms))
		return SCI_STORED;
	sci_policy_make_room(shard, (struct sci_demand){ units, slot ? 0 : 1 });
	sci_place place = allocate(shard, units, now_ms);
	/* The entry that is replaced may have been moved or evicted for it. */
	if (legacy.replaces)
		slot = sci_index_find(shard, name);
	if (!place && slot) {
		sci_entry_detach(shard, sci_slot_place(*slot));
		slot = NULL;
		place = allocate(shard, units, now_ms);
	}
	if (!place)
		return SCI_STORED_NOT_NO_ROOM;
	write_record(shard, place, units, name, value, len, expires_ms);
	enter(shard, name, slot, place, legacy);
	return SCI_STORED;
}

enum sci_stored sci_shard_put(struct sci_shard *shard, const struct sci_name *name,
	const void *value, size_t len, int64_t expires_ms, int64_t now_ms)
{
	uint64_t capacity = (uint64_t)(shard->log.limit - shard->log.start) * SCI_UNIT;
	enum sci_stored stored = SCI_STORED_NOT_TOO_LARGE;

	if (name->len <= SCI_KEY_LEN_MAX && len <= capacity &&
		sci_record_units(name->len, len) * SCI_UNIT <= capacity)
		stored = put(shard, name, value, len, expires_ms, now_ms);
	if (stored != SCI_STORED)
		sci_shard_remove(shard, name);
	return stored;
}

bool sci_shard_remove(struct sci_shard *shard, const struct sci_name *name)
{
	const sci_slot *slot = sci_index_find(shard, name);

	if (slot)
		sci_entry_detach(shard, sci_slot_place(*slot));
	return slot != NULL;
}

uint64_t sci_shard_clear(struct sci_shard *shard)
{
	uint64_t entries = shard->entries;

	for (unsigned i = 0; i < SCI_QUEUES; i++)
		while (shard->queue[i].oldest)
			sci_entry_detach(shard, shard->queue[i].oldest);
	if (!shard->pinned)
		sci_log_reset(shard);
	return entries;
}

bool sci_shard_pin(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);

	uint16_t pins = record->pins;

	if (pins == SCI_PINS_MAX)
		return false;
	sci_write(&record->pins, (uint16_t)(pins + 1));
	if (pins > 0)
		return true;
	shard->pinned++;
	shard->pinned_units += record->units;
	return true;
}

void sci_shard_unpin(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);

	sci_write(&record->pins, (uint16_t)(record->pins - 1));
	if (record->pins > 0)
		return;
	shard->pinned--;
	shard->pinned_units -= record->units;
	if (sci_record_state(record) == SCI_RECORD_DETACHED)
		sci_entry_die(shard, place);
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
