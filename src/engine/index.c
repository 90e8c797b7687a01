/* A key has two lines of eight slots, home and other; its slot is in one of them. A slot has 13
 * bits of the hash beside the offset, its tag, so that a lookup reads a wrong record about once in
 * a thousand times. There are no chains and no tombstones: removal empties a slot, and nothing is
 * rehashed.
 *
 * The other line follows from home and tag: home + other = spread(tag), modulo the number of lines.
 * So a slot can move to its other line without its key (partial-key cuckoo hashing: Fan, Andersen,
 * Kaminsky and Mitzenmacher, "Cuckoo Filter", 2014). The number of lines is even and the sum odd,
 * so the two lines differ; in a small index they would often be the same, and eight such keys would
 * fill it.
 *
 * A new key takes a free slot of its home, so that most lookups end in the first line, and there
 * the slot that its hash prefers, so that most end at the first slot. If all sixteen slots are
 * used, one moves to its other line, where another may have to move first. If that fails too, the
 * cache forgets the record that was written longest ago. At the load that the index is sized for,
 * the first happens and the last does not. */
#include "engine/index.h"

#include "engine/deadline.h"
#include "engine/foreign_entry.h"

#include <string.h>

/* An index is sized to be 4/5 full; a small one, where chance varies more, 1/2. */
#define SMALL_ENTRIES 4096u
#define SMALL_PAIRS   (SMALL_ENTRIES / SCI_BUCKET_SLOTS) /* of lines, in a small index at most */

uint32_t sci_index_buckets(uint64_t entries)
{
	uint64_t slots = entries <= SMALL_ENTRIES ? entries * 2 : entries + (entries + 3) / 4;
	uint64_t pairs = (slots + 2 * SCI_BUCKET_SLOTS - 1) / (2 * SCI_BUCKET_SLOTS);

	if (entries > SMALL_ENTRIES && pairs <= SMALL_PAIRS)
		pairs = SMALL_PAIRS + 1;
	return pairs < 1 ? 2 : pairs > SCI_BUCKETS_MAX / 2 ? SCI_BUCKETS_MAX : (uint32_t)pairs * 2;
}

uint64_t sci_index_capacity(uint32_t buckets)
{
	uint64_t slots = (uint64_t)buckets * SCI_BUCKET_SLOTS;

	return buckets <= SMALL_PAIRS * 2 ? slots / 2 : slots * 4 / 5;
}

static bool is_record_of(const struct sci_shard *shard, sci_offset offset,
	const struct sci_name *name)
{
	const struct sci_record *record = sci_record_at(shard, offset);

	if (sci_header_key_len(record->header) != name->len)
		return false;
	if (name->words)
		return sci_words_equal(sci_record_words(record) + 2, name->words,
			sci_value_offset(name->len) / SCI_UNIT - 2);
	return name->len == 0 || memcmp(sci_record_key(record), name->key, name->len) == 0;
}

/* All slots with the tag; rarely more than one has it. */
static __attribute__((noinline)) sci_slot *find_in_line(const struct sci_shard *shard,
	struct sci_bucket *bucket, const struct sci_name *name)
{
	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = bucket->slot[i];
		if (slot && sci_slot_has_tag(slot, name->hash) &&
			is_record_of(shard, sci_slot_offset(slot), name))
			return &bucket->slot[i];
	}
	return NULL;
}

static inline sci_slot *look_in_line(const struct sci_shard *shard, uint32_t line,
	const struct sci_name *name)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;
	uint64_t slot = sci_index_select(bucket, name->hash);

	if (!sci_slot_has_tag(slot, name->hash))
		return NULL;
	return slot && is_record_of(shard, sci_slot_offset(slot), name)
		? sci_slot_of(shard, sci_slot_offset(slot))
		: find_in_line(shard, bucket, name);
}

sci_slot *sci_index_find(const struct sci_shard *shard, const struct sci_name *name)
{
	uint32_t home = sci_index_home(shard, name->hash);
	sci_slot *slot = &sci_buckets(shard)[home].slot[sci_index_favourite(name->hash, 0)];

	/* Most entries are in their preferred slot. */
	if (sci_slot_has_tag(*slot, name->hash) && *slot &&
		is_record_of(shard, sci_slot_offset(*slot), name))
		return slot;
	slot = look_in_line(shard, home, name);
	return slot ? slot : look_in_line(shard, sci_index_other(shard, name->hash, home), name);
}

static sci_slot *free_slot(const struct sci_shard *shard, uint32_t line, unsigned favourite)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		unsigned at = favourite ^ i;
		if (!bucket->slot[at])
			return &bucket->slot[at];
	}
	return NULL;
}

static void fill(struct sci_shard *shard, sci_slot *slot, uint64_t value)
{
	assert(*slot == 0);
	struct sci_record *record = sci_record_at(shard, sci_slot_offset(value));
	sci_record_set_slot(record, (uint32_t)(slot - sci_slots(shard)),
		sci_record_segment(record));
	sci_write(slot, value);
}

/* Free a slot of this line by moving its entry to its other line. */
static sci_slot *move_one_away(struct sci_shard *shard, uint32_t line)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = bucket->slot[i];
		sci_slot *other = free_slot(shard, sci_index_other(shard, slot, line), i);
		if (!other)
			continue;
		sci_change_begin(shard);
		fill(shard, other, slot);
		sci_deadline_moved(shard, sci_record_at(shard, sci_slot_offset(slot)));
		sci_write(&bucket->slot[i], 0);
		sci_change_end(shard);
		return &bucket->slot[i];
	}
	return NULL;
}

/* The same if all other lines are full: first move an entry out of one of these. */
static sci_slot *move_two_away(struct sci_shard *shard, uint32_t line)
{
	const struct sci_bucket *bucket = sci_buckets(shard) + line;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++)
		if (move_one_away(shard, sci_index_other(shard, bucket->slot[i], line)))
			return move_one_away(shard, line);
	return NULL;
}

/* How many units the cursor has passed since this record was written or moved. */
static uint64_t age_in_log(const struct sci_shard *shard, sci_offset offset)
{
	sci_offset head = shard->log.head;

	return offset < head ? head - offset : (uint64_t)head + shard->log.end - offset;
}

static sci_offset oldest_of_line(const struct sci_shard *shard, uint32_t line, sci_offset oldest)
{
	const struct sci_bucket *bucket = sci_buckets(shard) + line;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		sci_offset offset = sci_slot_offset(bucket->slot[i]);
		if (!oldest || age_in_log(shard, offset) > age_in_log(shard, oldest))
			oldest = offset;
	}
	return oldest;
}

sci_offset sci_index_enter(struct sci_shard *shard, uint64_t hash, sci_offset offset)
{
	uint32_t home = sci_index_home(shard, hash);
	uint32_t other = sci_index_other(shard, hash, home);
	unsigned favourite = sci_index_favourite(hash, 0);
	sci_slot *slot = free_slot(shard, home, favourite);

	assert(sci_header_in_index(sci_record_at(shard, offset)->header));
	if (!slot)
		slot = free_slot(shard, other, favourite);
	if (!slot)
		slot = move_one_away(shard, home);
	if (!slot)
		slot = move_one_away(shard, other);
	if (!slot)
		slot = move_two_away(shard, home);
	if (!slot)
		slot = move_two_away(shard, other);
	if (!slot)
		return oldest_of_line(shard, other, oldest_of_line(shard, home, 0));
	fill(shard, slot, sci_slot_tag(hash) | offset);
	return 0;
}
