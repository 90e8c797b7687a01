/* What a shard does, put together from index, log, order of use and entries.
 *
 * Room for a new record is made in this order: the bounds on entries and bytes are kept by evicting, and
 * the policy leaves a part of the log free; then a hole is taken, or the log's cursor moves entries closer
 * together until enough space lies together. It has to look at about as many units as are wanted divided
 * by the part that is free. Only where pinned records cut the log into pieces something more is evicted.
 * Records that are pinned are stepped over; they are evicted only where the bound on entries cannot be
 * kept otherwise. */
#include "engine/audit.h"
#include "engine/entry.h"
#include "engine/expiry.h"
#include "engine/ghosts.h"
#include "engine/holes.h"
#include "engine/index.h"
#include "engine/log.h"
#include "engine/policy.h"

#include <string.h>

/* The least that an entry takes, to size an index whose entries are bounded by number. */
#define ENTRY_BYTES_LEAST 64u

/* What an entry takes beside key and value: header, padding, slots of the index and ghosts. */
#define ENTRY_OVERHEAD (SCI_RECORD_KEY_AT + 4 + 10 + 8)

/* Of these, what there is for each entry that the index is made for, whether it comes or not. */
#define INDEXED_BYTES (10 + 8)

/* How many entries to make the index for. Where a few values are large most are smaller than the usual
 * one, so it bears more than there would be if all were like that: four times as many, as far as a
 * hundred and twenty-eighth of the memory goes. */
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
	shard->due_ms = shard->lap_due_ms = SCI_NEVER;
	shard->buckets = sci_index_buckets(entries);

	uint64_t bears = sci_index_capacity(shard->buckets);
	shard->max_entries = (uint32_t)(options->max_entries && options->max_entries < bears
			? options->max_entries
			: bears);
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

static void fill_found(const struct sci_shard *shard, sci_offset offset, struct sci_found *found)
{
	struct sci_record *record = sci_record_at(shard, offset);

	found->offset = offset;
	found->value = sci_record_value(record);
	found->len = sci_header_value_len(record->header);
	found->object =
		sci_record_state(record) == SCI_RECORD_OBJECT ? sci_record_object(record) : NULL;
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
	sci_expiry_used(record, now_ms);
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

/* Space for a record that the bounds have room for. When there is none, pins have cut it into pieces, and
 * the whole log was looked at: so each time twice as many entries go as the time before. */
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

/* The same for a record with what its entry weighs beside it. Pinned records take what they take, also when
 * their entries are gone, so there may be room in the log, and yet none in the bound. */
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

	/* A small index is in the processor's caches anyway. */
	if (shard->buckets < EXPECT_BUCKETS)
		return;
	__builtin_prefetch(&sci_buckets(shard)[home], 1);
	__builtin_prefetch(&sci_buckets(shard)[sci_index_other(shard, name->hash, home)], 1);
	if (shard->ghost_lines)
		sci_ghosts_prefetch(shard, sci_index_ghost_hash(shard, name->hash));
}

/* What will have to go next is fetched while there is time. */
static void expect_eviction(const struct sci_shard *shard)
{
	for (unsigned i = 0; i < SCI_QUEUES; i++)
		__builtin_prefetch(sci_record_at(shard, shard->queue[i].oldest), 1);
}

/* The form of a record for a key and its content. */
static uint64_t header_of(const struct sci_name *name, const struct sci_content *content)
{
	size_t len = content->object ? sizeof(void *) : content->len;
	uint64_t header = sci_header(content->object ? SCI_RECORD_OBJECT : SCI_RECORD_LIVE,
		sci_value_offset(name->len) + len, name->len);

	if (content->cost || content->weight)
		header |= SCI_HEADER_WORTH;
	if (content->expires_ms != SCI_NEVER || content->idle_ms)
		header |= SCI_HEADER_TIMED;
	if (content->idle_ms)
		header |= SCI_HEADER_IDLE;
	return header;
}

static uint32_t weight_units(const struct sci_content *content)
{
	return (uint32_t)((content->weight + SCI_UNIT - 1) / SCI_UNIT);
}

/* The key from the middle of a word on, with zeros behind it up to the end of its last. */
static void write_key(sci_word *words, uint32_t slot, const struct sci_name *name)
{
	const unsigned char *key = name->key;
	size_t head_len = name->len < 4 ? name->len : 4;
	size_t count = (4 + name->len + SCI_UNIT - 1) / SCI_UNIT;

	if (!name->words) {
		sci_write(&words[0], slot | sci_word_of(key, head_len) << 32);
		sci_words_copy_in(&words[1], key + head_len, name->len - head_len);
		return;
	}
	sci_write(&words[0], slot | name->words[0] >> 32 << 32);
	for (size_t i = 1; i < count; i++)
		sci_write(&words[i], name->words[i]);
}

static void write_record(struct sci_shard *shard, struct sci_record *record, uint64_t header,
	const struct sci_name *name, const struct sci_content *content, int64_t now_ms)
{
	sci_word *words = sci_record_words(record);

	sci_write(&record->header, header);
	/* The first bytes of the key share a word with the slot. */
	write_key(&words[2], record->slot, name);
	words += sci_value_offset(name->len) / SCI_UNIT;
	if (content->object) {
		sci_write(words++, (uint64_t)(uintptr_t)content->object);
	} else {
		sci_words_copy_in(words, content->value, content->len);
		words += (content->len + SCI_UNIT - 1) / SCI_UNIT;
	}
	if (header & SCI_HEADER_WORTH)
		sci_write(words++, content->cost | (uint64_t)weight_units(content) << 32);
	if (header & SCI_HEADER_TIMED)
		sci_expiry_write(shard, words, content, now_ms);
}

/* Replace the value of an entry where it is, if it has the room and nobody holds it. */
static bool overwrite(struct sci_shard *shard, sci_slot *slot, uint64_t header,
	const struct sci_name *name, const struct sci_content *content, int64_t now_ms)
{
	struct sci_record *record = sci_record_at(shard, sci_slot_offset(*slot));

	if (sci_record_units(record) != sci_header_units(header) || sci_record_is_pinned(record) ||
		sci_record_state(record) != SCI_RECORD_LIVE || content->object)
		return false;
	sci_change_begin(shard);
	write_record(shard, record, header, name, content, now_ms);
	sci_change_end(shard);
	sci_policy_hit(shard, slot);
	return true;
}

/* Put the new record into the index, in the place of the old one if that is still there. */
static void enter(struct sci_shard *shard, const struct sci_name *name, sci_slot *old,
	sci_offset offset, struct sci_inherited inherited)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	uint64_t forgotten = shard->forgotten;
	sci_offset in_the_way;

	shard->entries++;
	shard->space_units += sci_record_units(record);
	shard->stored_units += sci_record_units(record);
	shard->weight_units += sci_record_worth(record).weight_units;
	if (old)
		sci_entry_replace(shard, old, offset);
	while (!old && (in_the_way = sci_index_enter(shard, name->hash, offset))) {
		sci_policy_removed(shard, in_the_way);
		sci_entry_detach(shard, in_the_way);
		shard->forgotten++;
	}
	sci_policy_entered(shard, offset, inherited);
	if (shard->forgotten != forgotten)
		sci_audit(shard);
}

void sci_shard_add_removed(struct sci_shard *shard, struct sci_object_link *object)
{
	object->next = shard->to_free;
	shard->to_free = object;
}

/* Something large that would have to go again at once. */
static void decline(struct sci_shard *shard, const struct sci_content *content)
{
	shard->evictions++;
	if (content->object)
		sci_shard_add_removed(shard, content->object);
}

static enum sci_store_result put(struct sci_shard *shard, const struct sci_name *name,
	uint64_t header, const struct sci_content *content, int64_t now_ms)
{
	uint32_t units = (uint32_t)sci_header_units(header), weight = weight_units(content);
	sci_slot *slot = sci_index_find(shard, name);

	if (slot && overwrite(shard, slot, header, name, content, now_ms))
		return SCI_STORE_OK;
	struct sci_inherited inherited =
		slot ? sci_policy_inherited(*slot) : sci_policy_newcomer(shard, name->hash);
	struct sci_demand demand = {
		.load = (uint64_t)units + weight,
		.cost = content->cost,
		.entries = slot ? 0 : 1,
	};
	if (shard->moved_units)
		sci_capacity_measure(shard);
	if (!sci_policy_admit(shard, demand, &inherited)) {
		decline(shard, content);
		return SCI_STORE_OK;
	}
	sci_policy_make_room(shard, demand);
	sci_offset offset = allocate_within_bound(shard, units, weight, now_ms);
	/* The entry that is replaced may have been moved or evicted for it. */
	if (inherited.replaces)
		slot = sci_index_find(shard, name);
	if (!offset && slot) {
		sci_entry_detach(shard, sci_slot_offset(*slot));
		slot = NULL;
		offset = allocate_within_bound(shard, units, weight, now_ms);
	}
	if (!offset)
		return SCI_STORE_NO_ROOM;
	write_record(shard, sci_record_at(shard, offset), header, name, content, now_ms);
	enter(shard, name, slot, offset, inherited);
	expect_eviction(shard);
	return SCI_STORE_OK;
}

/* How many slots a put looks at for entries that are due. */
#define EXPIRE_SLOTS 2u

enum sci_store_result sci_shard_put(struct sci_shard *shard, const struct sci_name *name,
	const struct sci_content *content, int64_t now_ms)
{
	uint64_t capacity = (uint64_t)(shard->log_bound - shard->log_start) * SCI_UNIT;
	enum sci_store_result stored = SCI_STORE_TOO_LARGE;

	if (now_ms >= shard->due_ms)
		sci_shard_expire(shard, now_ms, EXPIRE_SLOTS);
	if (name->len <= SCI_KEY_LEN_MAX && content->len <= capacity &&
		content->weight <= capacity) {
		uint64_t header = header_of(name, content);
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
	if (!shard->pinned)
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
	shard->pinned++;
	shard->pinned_units += sci_record_units(record);
	return true;
}

void sci_shard_unpin(struct sci_shard *shard, sci_offset offset)
{
	struct sci_record *record = sci_record_at(shard, offset);

	assert(sci_record_is_pinned(record) && shard->pinned > 0);
	sci_write(&record->header, record->header - SCI_PIN);
	if (sci_record_is_pinned(record))
		return;
	shard->pinned--;
	shard->pinned_units -= sci_record_units(record);
	if (sci_record_state(record) == SCI_RECORD_DETACHED)
		sci_entry_die(shard, offset);
}

struct sci_shard_stats sci_shard_stats(const struct sci_shard *shard)
{
	return (struct sci_shard_stats){
		.evictions = shard->evictions,
		.forgotten = shard->forgotten,
		.moved_bytes = shard->moved_units * SCI_UNIT,
		.entries = shard->entries,
		.reclaimed = shard->reclaimed,
		.bytes = sci_shard_load(shard) * SCI_UNIT,
		.pinned = shard->pinned,
		.pinned_bytes = shard->pinned_units * SCI_UNIT,
	};
}
