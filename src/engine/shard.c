/* The operations of a shard, on its index, log, queues and policy.
 *
 * A put makes room in this order: evict until the bounds fit, of which the policy keeps a part
 * free; take a hole; else let the log's cursor move entries until enough contiguous space is free,
 * which takes about the wanted units divided by the free part. More is evicted only if pinned
 * records fragment the log. Pinned records are skipped; they are evicted only if the bound on
 * entries requires it. */
#include "engine/shard.h"

#include "engine/audit.h"
#include "engine/entry.h"
#include "engine/deadline.h"
#include "engine/ghosts.h"
#include "engine/holes.h"
#include "engine/index.h"
#include "engine/log.h"
#include "engine/policy.h"
#include "engine/record_write.h"

#include <assert.h>
#include <string.h>

/* The least bytes of an entry, to size an index bounded by entries. */
#define ENTRY_BYTES_LEAST 64u

/* Bytes of an entry beside key and value: header, padding, slots and ghosts. */
#define ENTRY_OVERHEAD (SCI_RECORD_KEY_AT + 4 + 10 + 8)

/* Of these, what each entry costs that the index is sized for, used or not. */
#define INDEXED_BYTES (10 + 8)

/* The index's capacity. Where a few values are large, most are smaller than the usual one: so up
 * to four times the usual number, within 1/128 of the memory. */
static uint64_t entries_for(uint64_t bytes, uint64_t entry_bytes)
{
	uint64_t usual = bytes / (ENTRY_OVERHEAD + entry_bytes);
	uint64_t spare = bytes / 128 / INDEXED_BYTES;

	return usual + (spare < 3 * usual ? spare : 3 * usual);
}

struct sci_shard *sci_shard_format(void *memory, const struct sci_shard_options *options)
{
	struct sci_shard *shard = memory;
	uint64_t entries = options->max_entries;

	if (!entries)
		entries = entries_for(options->bytes, options->entry_bytes);
	if (entries > options->bytes / ENTRY_BYTES_LEAST)
		entries = options->bytes / ENTRY_BYTES_LEAST;
	shard->magic = SCI_SHARD_MAGIC;
	shard->is_secret = options->is_secret;
	shard->expiry.due_ms = shard->expiry.lap_due_ms = SCI_NEVER;
	shard->buckets = sci_index_buckets(entries);

	uint64_t capacity = sci_index_capacity(shard->buckets);
	shard->max_entries = (uint32_t)(options->max_entries && options->max_entries < capacity
			? options->max_entries
			: capacity);
	sci_policy_start(shard, options->policy);
	shard->log_start =
		(sci_offset)((SCI_INDEX_START + shard->buckets * sizeof(struct sci_bucket) +
				     shard->ghost_lines * sizeof(struct sci_ghosts)) /
			SCI_UNIT);
	shard->log_bound = (sci_offset)(options->bytes / SCI_UNIT);
	sci_log_limit_set(shard, shard->log_bound);
	sci_log_reset(shard);
	sci_capacity_measure(shard);
	return shard;
}

/* The notes of what was found, and its annex. */
static void fill_notes(const struct sci_record *record, struct sci_found *found)
{
	uint64_t len = sci_header_value_len(record->header);

	found->notes = sci_notes_read(sci_record_notes(record, record->header));
	found->annex_words = (unsigned)((len - found->len) / SCI_UNIT);
	found->annex = (const uint64_t *)(const void *)((const unsigned char *)found->value +
		(len - found->annex_words * SCI_UNIT));
}

static void fill_found(const struct sci_shard *shard, sci_offset offset, struct sci_found *found)
{
	struct sci_record *record = sci_record_at(shard, offset);

	found->offset = offset;
	found->value = sci_record_value(record);
	found->len = sci_record_value_len(record, record->header);
	found->object =
		sci_record_state(record) == SCI_RECORD_OBJECT ? sci_record_object(record) : NULL;
	found->has_notes = sci_header_has_notes(record->header);
	if (found->has_notes)
		fill_notes(record, found);
}

enum sci_lookup sci_shard_find(struct sci_shard *shard, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	sci_slot *slot = sci_index_find(shard, name);
	if (!slot)
		return SCI_LOOKUP_MISS;

	sci_offset offset = sci_slot_offset(*slot);
	struct sci_record *record = sci_record_at(shard, offset);
	if (sci_record_is_expired(record, now_ms)) {
		sci_policy_removed(shard, offset);
		sci_entry_detach(shard, offset);
		return SCI_LOOKUP_EXPIRED;
	}
	sci_policy_hit(shard, slot);
	sci_deadline_used(record, now_ms);
	fill_found(shard, offset, found);
	return SCI_LOOKUP_HIT;
}

enum sci_lookup sci_shard_look(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found)
{
	const sci_slot *slot = sci_index_find(shard, name);

	if (!slot)
		return SCI_LOOKUP_MISS;
	sci_offset offset = sci_slot_offset(*slot);
	if (sci_record_is_expired(sci_record_at(shard, offset), now_ms))
		return SCI_LOOKUP_EXPIRED;
	fill_found(shard, offset, found);
	return SCI_LOOKUP_HIT;
}

void sci_shard_renote(struct sci_shard *shard, sci_offset offset, const struct sci_notes *notes)
{
	struct sci_record *record = sci_record_at(shard, offset);

	assert(sci_header_has_notes(record->header));
	sci_change_begin(shard);
	sci_notes_write(sci_record_notes(record, record->header), notes,
		sci_record_annex_bytes(record, record->header));
	sci_change_end(shard);
}

void sci_shard_renew(struct sci_shard *shard, sci_offset offset, const struct sci_content *times,
	int64_t now_ms)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	uint64_t header = record->header;

	assert(sci_header_has_notes(header) && times->notes);
	sci_change_begin(shard);
	sci_deadline_write(shard, sci_record_expires(record, header), times,
		sci_record_annex_bytes(record, header), now_ms);
	sci_change_end(shard);
}

/* Allocate a record that fits the bounds. If that fails, pinned records fragment the log and all
 * of it was searched: so each retry evicts twice as many entries as the one before. */
static sci_offset allocate(struct sci_shard *shard, uint32_t units, int64_t now_ms)
{
	for (uint64_t wanted = 1;; wanted *= 2) {
		sci_offset offset = sci_holes_take(shard, units);
		if (!offset)
			offset = sci_log_reserve(shard, units, now_ms);
		if (offset)
			return offset;
		for (uint64_t i = 0; i < wanted; i++)
			if (!sci_policy_evict(shard))
				return sci_log_reserve(shard, units, now_ms);
	}
}

/* The same, within the bound on bytes. Pinned records count also after their entries were removed,
 * so the log may have space when the bound has none. */
static sci_offset allocate_within_bound(struct sci_shard *shard, uint32_t units, uint32_t weight,
	int64_t now_ms)
{
	if (sci_shard_load(shard) + units + weight > shard->log_bound - shard->log_start)
		return 0;
	return allocate(shard, units, now_ms);
}

#define EXPECT_BUCKETS 4096u

void sci_shard_expect(const struct sci_shard *shard, const struct sci_name *name)
{
	uint32_t home = sci_index_home(shard, name->hash);

	/* A small index is in the processor's caches. */
	if (shard->buckets < EXPECT_BUCKETS)
		return;
	__builtin_prefetch(&sci_buckets(shard)[home], 1);
	__builtin_prefetch(&sci_buckets(shard)[sci_index_other(shard, name->hash, home)], 1);
	if (shard->ghost_lines)
		sci_ghosts_prefetch(shard, sci_index_ghost_hash(shard, name->hash, home));
}

/* Prefetch the next victims. */
static void expect_eviction(const struct sci_shard *shard)
{
	for (unsigned i = 0; i < SCI_QUEUES; i++)
		__builtin_prefetch(sci_record_at(shard, shard->queue[i].oldest), 1);
}

/* Replace a value in place, if it has the same size and is not pinned. */
static bool overwrite(struct sci_shard *shard, sci_slot *slot, uint64_t header,
	const struct sci_name *name, const struct sci_content *content, int64_t now_ms)
{
	struct sci_record *record = sci_record_at(shard, sci_slot_offset(*slot));

	if (sci_record_units(record) != sci_header_units(header) || sci_record_is_pinned(record) ||
		sci_record_state(record) != SCI_RECORD_LIVE || content->object)
		return false;
	sci_change_begin(shard);
	sci_record_write(shard, record, header, name, content, now_ms);
	sci_change_end(shard);
	sci_policy_hit(shard, slot);
	return true;
}

/* Insert the record into the index, in place of the old entry if that is still there. */
static void enter(struct sci_shard *shard, const struct sci_name *name, sci_slot *old,
	sci_offset offset, uint32_t units, uint32_t weight, const struct sci_inherited *inherited)
{
	uint64_t forgotten = shard->totals.forgotten;
	sci_offset in_the_way;

	shard->entries++;
	shard->space_units += units;
	shard->totals.stored_units += units;
	shard->weight_units += weight;
	if (old)
		sci_entry_replace(shard, old, offset);
	while (!old && (in_the_way = sci_index_enter(shard, name->hash, offset))) {
		sci_policy_removed(shard, in_the_way);
		sci_entry_detach(shard, in_the_way);
		shard->totals.forgotten++;
	}
	sci_policy_entered(shard, offset, inherited);
	if (shard->totals.forgotten != forgotten)
		sci_audit(shard);
}

void sci_shard_add_removed(struct sci_shard *shard, struct sci_object_link *object)
{
	object->next = shard->to_free;
	shard->to_free = object;
}

/* Account for a put that the policy declined as stored and evicted. */
static void decline(struct sci_shard *shard, const struct sci_content *content)
{
	shard->totals.evictions++;
	if (content->object)
		sci_shard_add_removed(shard, content->object);
}

static enum sci_store_result put(struct sci_shard *shard, const struct sci_name *name,
	uint64_t header, const struct sci_content *content, int64_t now_ms)
{
	uint32_t units = (uint32_t)sci_header_units(header),
		 weight = sci_content_weight_units(content);
	sci_slot *slot = sci_index_find(shard, name);

	if (slot && overwrite(shard, slot, header, name, content, now_ms))
		return SCI_STORE_OK;
	struct sci_inherited inherited;
	if (slot)
		inherited = sci_policy_inherited(*slot);
	else
		sci_policy_newcomer(shard, name->hash, &inherited);
	struct sci_demand demand = {
		.load = (uint64_t)units + weight,
		.cost = content->cost,
		.entries = slot ? 0 : 1,
	};
	if (shard->totals.moved_units)
		sci_capacity_measure(shard);
	if (!sci_policy_admit(shard, demand, &inherited)) {
		decline(shard, content);
		return SCI_STORE_OK;
	}
	sci_policy_make_room(shard, demand);
	sci_offset offset = allocate_within_bound(shard, units, weight, now_ms);
	/* Making room may have moved or evicted the entry that is replaced. */
	if (inherited.replaces)
		slot = sci_index_find(shard, name);
	if (!offset && slot) {
		sci_entry_detach(shard, sci_slot_offset(*slot));
		slot = NULL;
		offset = allocate_within_bound(shard, units, weight, now_ms);
	}
	if (!offset)
		return SCI_STORE_NO_ROOM;
	inherited.replaces = inherited.replaces && slot;
	sci_record_write(shard, sci_record_at(shard, offset), header, name, content, now_ms);
	enter(shard, name, slot, offset, units, weight, &inherited);
	expect_eviction(shard);
	return SCI_STORE_OK;
}

/* Slots that a put searches for expired entries. */
#define EXPIRE_SLOTS 2u

enum sci_store_result sci_shard_put(struct sci_shard *shard, const struct sci_name *name,
	const struct sci_content *content, int64_t now_ms)
{
	uint64_t capacity = (uint64_t)(shard->log_bound - shard->log_start) * SCI_UNIT;
	enum sci_store_result stored = SCI_STORE_TOO_LARGE;

	if (now_ms >= shard->expiry.due_ms)
		sci_shard_expire(shard, now_ms, EXPIRE_SLOTS);
	if (name->len <= SCI_KEY_LEN_MAX && content->len <= capacity &&
		content->weight <= capacity) {
		uint64_t header = sci_record_header_for(name, content);
		if (sci_header_units(header) * SCI_UNIT + content->weight <= capacity)
			stored = put(shard, name, header, content, now_ms);
	}
	if (stored != SCI_STORE_OK)
		sci_shard_remove(shard, name);
	return stored;
}

struct sci_object_link *sci_shard_take_removed(struct sci_shard *shard)
{
	struct sci_object_link *to_free = shard->to_free;

	shard->to_free = NULL;
	return to_free;
}

bool sci_shard_remove(struct sci_shard *shard, const struct sci_name *name)
{
	const sci_slot *slot = sci_index_find(shard, name);

	if (slot) {
		sci_policy_removed(shard, sci_slot_offset(*slot));
		sci_entry_detach(shard, sci_slot_offset(*slot));
	}
	return slot != NULL;
}

uint64_t sci_shard_clear(struct sci_shard *shard)
{
	uint64_t entries = shard->entries;

	for (unsigned i = 0; i < SCI_QUEUES; i++)
		while (shard->queue[i].oldest) {
			sci_policy_removed(shard, shard->queue[i].oldest);
			sci_entry_detach(shard, shard->queue[i].oldest);
		}
	if (!shard->pins.records)
		sci_log_reset(shard);
	return entries;
}

bool sci_shard_pin(struct sci_shard *shard, sci_offset offset)
{
	struct sci_record *record = sci_record_at(shard, offset);
	unsigned pins = sci_header_pins(record->header);

	assert(sci_record_state(record) == SCI_RECORD_LIVE);
	if (pins == SCI_PINS_MAX)
		return false;
	sci_write(&record->header, record->header + SCI_PIN);
	if (pins > 0)
		return true;
	shard->pins.records++;
	shard->pins.units += sci_record_units(record);
	return true;
}

void sci_shard_unpin(struct sci_shard *shard, sci_offset offset)
{
	struct sci_record *record = sci_record_at(shard, offset);

	assert(sci_record_is_pinned(record) && shard->pins.records > 0);
	sci_write(&record->header, record->header - SCI_PIN);
	if (sci_record_is_pinned(record))
		return;
	shard->pins.records--;
	shard->pins.units -= sci_record_units(record);
	if (sci_record_state(record) == SCI_RECORD_DETACHED)
		sci_entry_die(shard, offset);
}

struct sci_shard_stats sci_shard_stats(const struct sci_shard *shard)
{
	return (struct sci_shard_stats){
		.evictions = shard->totals.evictions,
		.forgotten = shard->totals.forgotten,
		.moved_bytes = shard->totals.moved_units * SCI_UNIT,
		.entries = shard->entries,
		.reclaimed = shard->totals.reclaimed,
		.bytes = sci_shard_load(shard) * SCI_UNIT,
		.pinned = shard->pins.records,
		.pinned_bytes = shard->pins.units * SCI_UNIT,
	};
}
