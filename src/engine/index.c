/* Each key has two lines of eight slots that it may be in, its home and its other line, and a slot has
 * 24 bits of the hash beside the place, so that a lookup meets a wrong record once in a million. There
 * are no chains and no tombstones, and nothing is ever rehashed: removing empties a slot.
 *
 * Both lines follow from the low half of the hash, which the record keeps: home + other = spread(hash),
 * modulo the number of lines. A slot can therefore be moved to its second line, or found again when its
 * record moves, without looking at the key. The number of lines is even and the sum odd, so the two are
 * never the same line: in a small index that would be common, and eight such keys would fill it.
 *
 * A new key goes where more slots are free. When all sixteen are taken, one of them is moved to its
 * second line; when none can be, a cache may forget: the record that was written longest ago goes. At
 * the filling that the index is made for this practically never happens. */
#include "engine/index.h"

#include <string.h>

/* Slots are filled to four fifths; a small index, where chance weighs more, to one half. */
#define SMALL_ENTRIES 4096u
#define SMALL_PAIRS                                                                                \
	(SMALL_ENTRIES / SCI_BUCKET_SLOTS) /* of lines, that a small index has at most */

uint32_t sci_index_buckets(uint64_t entries)
{
	uint64_t slots = entries <= SMALL_ENTRIES ? entries * 2 : entries + (entries + 3) / 4;
	uint64_t pairs = (slots + 2 * SCI_BUCKET_SLOTS - 1) / (2 * SCI_BUCKET_SLOTS);

	if (entries > SMALL_ENTRIES && pairs <= SMALL_PAIRS)
		pairs = SMALL_PAIRS + 1;
	return pairs < 1 ? 2 : pairs > UINT32_MAX / 2 ? UINT32_MAX - 1 : (uint32_t)pairs * 2;
}

uint64_t sci_index_capacity(uint32_t buckets)
{
	uint64_t slots = (uint64_t)buckets * SCI_BUCKET_SLOTS;

	return buckets <= SMALL_PAIRS * 2 ? slots / 2 : slots * 4 / 5;
}

/* Map 32 bits onto 0..count-1 evenly, by a multiplication in place of a division. */
static uint32_t scale(uint32_t bits, uint32_t count)
{
	return (uint32_t)((uint64_t)bits * count >> 32);
}

static uint32_t home_line(const struct sci_shard *shard, uint32_t hash)
{
	return scale(hash, shard->buckets);
}

/* The other of a hash's two lines; its own inverse. */
static uint32_t second_line(const struct sci_shard *shard, uint32_t hash, uint32_t line)
{
	uint32_t sum = scale(hash * 0x9E3779B1u, shard->buckets) | 1;

	return sum >= line ? sum - line : sum + (shard->buckets - line);
}

struct sci_lines sci_index_lines(const struct sci_shard *shard, uint32_t hash)
{
	uint32_t home = home_line(shard, hash);

	return (struct sci_lines){ home, second_line(shard, hash, home) };
}

static bool is_record_of(const struct sci_shard *shard, sci_place place,
	const struct sci_name *name)
{
	struct sci_record *record = sci_record_at(shard, place);

	return sci_record_key_len(record) == name->len && record->hash == (uint32_t)name->hash &&
		(name->len == 0 || memcmp(sci_record_key(record), name->key, name->len) == 0);
}

static sci_slot *find_in_line(const struct sci_shard *shard, uint32_t line,
	const struct sci_name *name)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;
	uint64_t tag = sci_slot_tag(name->hash);

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = bucket->slot[i];
		if (slot && (slot ^ tag) >> SCI_SLOT_TAG_SHIFT == 0 &&
			is_record_of(shard, sci_slot_place(slot), name))
			return &bucket->slot[i];
	}
	return NULL;
}

sci_slot *sci_index_find(const struct sci_shard *shard, const struct sci_name *name)
{
	uint32_t hash = (uint32_t)name->hash, line = home_line(shard, hash);
	sci_slot *slot = find_in_line(shard, line, name);

	return slot ? slot : find_in_line(shard, second_line(shard, hash, line), name);
}

sci_slot *sci_index_slot(const struct sci_shard *shard, sci_place place)
{
	uint32_t hash = sci_record_at(shard, place)->hash;
	uint32_t line = home_line(shard, hash);

	for (int lines = 0; lines < 2; lines++, line = second_line(shard, hash, line)) {
		struct sci_bucket *bucket = sci_buckets(shard) + line;
		for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++)
			if (bucket->slot[i] && sci_slot_place(bucket->slot[i]) == place)
				return &bucket->slot[i];
	}
	return NULL;
}

static sci_slot *free_slot(const struct sci_shard *shard, uint32_t line, unsigned *free_count)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;
	sci_slot *found = NULL;

	*free_count = 0;
	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		if (bucket->slot[i])
			continue;
		++*free_count;
		if (!found)
			found = &bucket->slot[i];
	}
	return found;
}

/* Make a slot of this line free by moving what is in it to its second line. */
static sci_slot *move_one_away(struct sci_shard *shard, uint32_t line)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;
	unsigned free_count;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint32_t hash = sci_record_at(shard, sci_slot_place(bucket->slot[i]))->hash;
		sci_slot *other = free_slot(shard, second_line(shard, hash, line), &free_count);
		if (!other)
			continue;
		sci_change_begin(shard);
		sci_write(other, bucket->slot[i]);
		sci_write(&bucket->slot[i], 0);
		sci_change_end(shard);
		return &bucket->slot[i];
	}
	return NULL;
}

/* How many units the cursor has come on since this record was written, or last moved. */
static uint64_t age_in_log(const struct sci_shard *shard, sci_place place)
{
	sci_place head = shard->log.head;

	return place < head ? head - place : (uint64_t)head + shard->log.end - place;
}

static sci_place oldest_of_line(const struct sci_shard *shard, uint32_t line, sci_place oldest)
{
	const struct sci_bucket *bucket = sci_buckets(shard) + line;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		sci_place place = sci_slot_place(bucket->slot[i]);
		if (!oldest || age_in_log(shard, place) > age_in_log(shard, oldest))
			oldest = place;
	}
	return oldest;
}

sci_place sci_index_enter(struct sci_shard *shard, uint64_t hash, sci_place place)
{
	uint32_t home = home_line(shard, (uint32_t)hash);
	uint32_t second = second_line(shard, (uint32_t)hash, home);
	unsigned free_home, free_second;
	sci_slot *at_home = free_slot(shard, home, &free_home);
	sci_slot *at_second = free_slot(shard, second, &free_second);
	sci_slot *slot = free_second > free_home ? at_second : at_home;

	if (!slot)
		slot = move_one_away(shard, home);
	if (!slot)
		slot = move_one_away(shard, second);
	if (!slot)
		return oldest_of_line(shard, second, oldest_of_line(shard, home, 0));
	sci_write(slot, sci_slot_tag(hash) | place);
	return 0;
}
