/* A foreign shard reuses the policy for entries that an index outside of the engine stores and
 * finds.
 *
 * The policy works on queues of records and on slots. Both are here, so the policy differs in three
 * functions only: how a use is noted, what an eviction does, and the hash of a ghost.
 *
 * A record has its header, links and slot, and the ghost's hash where a key would begin. With a
 * bound on weight it has one more word, the weight less the record's own units, so that the
 * policy's sum of both is the owner's weight. Free numbers, and victims not yet returned, are two
 * lists through `newer`, which begin in `log`: a foreign shard has no log. */
#include "engine/foreign.h"

#include "engine/balance.h"
#include "engine/ghosts.h"
#include "engine/policy.h"
#include "engine/queue.h"
#include "engine/recency.h"

#include <string.h>

#define FREE    SCI_FOREIGN_FREE
#define VICTIMS SCI_FOREIGN_VICTIMS
#define USED    SCI_FOREIGN_USED

static uint32_t units_of(bool weighs)
{
	return (SCI_FOREIGN_PLAIN_BYTES + (weighs ? SCI_FOREIGN_WEIGHT_BYTES : 0)) / SCI_UNIT;
}

/* Whether there is a bound on weight. */
static bool weighs(const struct sci_shard *shard)
{
	return shard->log_bound > 0;
}

static uint32_t entries_of(const struct sci_shard *shard)
{
	return shard->buckets * SCI_BUCKET_SLOTS;
}

static sci_offset offset_of(const struct sci_shard *shard, uint32_t entry)
{
	return shard->log_start + entry * units_of(weighs(shard));
}

static uint32_t entry_of(const struct sci_shard *shard, sci_offset offset)
{
	return sci_record_slot(sci_record_at(shard, offset));
}

static uint64_t records_start(uint32_t entries)
{
	return SCI_INDEX_START + (uint64_t)entries * sizeof(sci_slot) +
		(uint64_t)sci_ghosts_lines(entries) * sizeof(struct sci_ghosts);
}

static uint64_t bytes_without_marks(uint32_t entries, bool weighs)
{
	return records_start(entries) + (uint64_t)entries * units_of(weighs) * SCI_UNIT;
}

uint64_t sci_foreign_bytes(uint32_t entries, bool weighs)
{
	uint64_t bytes = bytes_without_marks(entries, weighs) + entries;

	return (bytes + SCI_SHARD_ALIGN - 1) / SCI_SHARD_ALIGN * SCI_SHARD_ALIGN;
}

struct sci_shard *sci_foreign_format(void *memory, uint32_t entries,
	const struct sci_foreign_bounds *bounds, _Atomic uint8_t *marks)
{
	struct sci_shard *shard = memory;

	assert(entries > 0 && entries % SCI_BUCKET_SLOTS == 0);
	shard->magic = SCI_SHARD_MAGIC;
	shard->foreign.marks = marks;
	shard->foreign.seen =
		(uint8_t *)memory + bytes_without_marks(entries, bounds->weight_units > 0);
	shard->buckets = entries / SCI_BUCKET_SLOTS;
	shard->log_start = (sci_offset)(records_start(entries) / SCI_UNIT);
	shard->log_bound = bounds->weight_units > 0;
	shard->max_entries = bounds->max_entries && bounds->max_entries < UINT32_MAX
		? (uint32_t)bounds->max_entries
		: UINT32_MAX;
	shard->capacity_units =
		bounds->weight_units ? (uint32_t)bounds->weight_units : SCI_FOREIGN_UNITS_MAX;
	sci_policy_start(shard, SCI_POLICY_COUNTED);
	/* The policy sized the ghosts by the bound on entries, which may be far above `entries`. */
	shard->ghost_lines = sci_ghosts_lines(entries);
	shard->ghost_lines_used = shard->ghost_lines;
	return shard;
}

static sci_offset moved(sci_offset offset, uint32_t by)
{
	return offset ? offset + by : 0;
}

static void move_record(struct sci_shard *shard, uint32_t entry, uint32_t by)
{
	struct sci_record *record = sci_record_at(shard, offset_of(shard, entry));

	sci_write(&record->newer, moved(record->newer, by));
	sci_write(&record->older, moved(record->older, by));
	sci_slot *slot = sci_slots(shard) + entry;
	if (*slot)
		sci_write(slot, sci_slot_with_offset(*slot, sci_slot_offset(*slot) + by));
}

/* The number of lines in use decides where a ghost is: they stay if that number stays. */
static void take_over_ghosts(struct sci_shard *shard, const struct sci_shard *smaller,
	uint32_t lines)
{
	shard->ghost_lines = lines;
	sci_ghosts_fit(shard, shard->balance.usual_entries);
	if (shard->ghost_lines_used == smaller->ghost_lines_used)
		memcpy(sci_ghost_lines(shard), sci_ghost_lines(smaller),
			(size_t)smaller->ghost_lines_used * sizeof(struct sci_ghosts));
}

void sci_foreign_take_over(struct sci_shard *shard, const struct sci_shard *smaller)
{
	struct sci_shard fresh = *shard;
	uint32_t by = shard->log_start - smaller->log_start;
	uint32_t units = units_of(weighs(smaller));

	*shard = *smaller;
	shard->foreign.marks = fresh.foreign.marks;
	shard->foreign.seen = fresh.foreign.seen;
	memcpy(shard->foreign.seen, smaller->foreign.seen, entries_of(smaller));
	shard->buckets = fresh.buckets;
	shard->log_start = fresh.log_start;
	take_over_ghosts(shard, smaller, fresh.ghost_lines);
	memcpy(sci_slots(shard), sci_slots(smaller), entries_of(smaller) * sizeof(sci_slot));
	memcpy(sci_record_at(shard, shard->log_start), sci_record_at(smaller, smaller->log_start),
		(size_t)smaller->USED * units * SCI_UNIT);
	for (uint32_t entry = 0; entry < shard->USED; entry++)
		move_record(shard, entry, by);
	for (unsigned i = 0; i < SCI_QUEUES; i++) {
		sci_write(&shard->queue[i].newest, moved(smaller->queue[i].newest, by));
		sci_write(&shard->queue[i].oldest, moved(smaller->queue[i].oldest, by));
	}
	for (unsigned i = 0; i < SCI_SEGMENTS; i++)
		shard->segments.oldest[i] = moved(smaller->segments.oldest[i], by);
	shard->FREE = moved(smaller->FREE, by);
	shard->VICTIMS = moved(smaller->VICTIMS, by);
}

bool sci_foreign_has_room(const struct sci_shard *shard)
{
	return shard->FREE || shard->USED < entries_of(shard);
}

static uint32_t take_number(struct sci_shard *shard)
{
	sci_offset offset = shard->FREE;

	if (!offset)
		return shard->USED++;
	shard->FREE = sci_record_at(shard, offset)->newer;
	return entry_of(shard, offset);
}

static uint32_t weight_beside(const struct sci_shard *shard, uint32_t weight_units)
{
	uint32_t units = units_of(weighs(shard));

	return weighs(shard) && weight_units > units ? weight_units - units : 0;
}

static void write_record(struct sci_shard *shard, sci_offset offset, uint32_t entry, uint32_t hash,
	uint32_t weight)
{
	struct sci_record *record = sci_record_at(shard, offset);
	uint64_t header = sci_header(SCI_RECORD_LIVE, SCI_FOREIGN_PLAIN_BYTES, sizeof hash);

	sci_write(&record->header, header | (weighs(shard) ? SCI_HEADER_WORTH : 0));
	sci_write(&sci_record_words(record)[2], entry | (uint64_t)hash << 32);
	if (weighs(shard))
		sci_write(&sci_record_words(record)[SCI_FOREIGN_PLAIN_BYTES / SCI_UNIT],
			(uint64_t)weight << 32);
}

uint32_t sci_foreign_insert(struct sci_shard *shard, uint64_t hash, uint32_t weight_units)
{
	uint32_t weight = weight_beside(shard, weight_units), units = units_of(weighs(shard));
	struct sci_demand demand = { .load = (uint64_t)units + weight, .entries = 1 };
	struct sci_inherited inherited;

	assert(sci_foreign_has_room(shard));
	sci_policy_newcomer(shard, hash, &inherited);
	if (!sci_policy_admit(shard, demand, &inherited))
		return SCI_FOREIGN_NONE;
	sci_policy_make_room(shard, demand);
	uint32_t entry = take_number(shard);
	sci_offset offset = offset_of(shard, entry);
	write_record(shard, offset, entry, sci_foreign_ghost_hash(hash), weight);
	sci_write(sci_slots(shard) + entry, offset);
	shard->entries++;
	shard->space_units += units;
	shard->weight_units += weight;
	sci_policy_entered(shard, offset, &inherited);
	sci_foreign_set_mark(shard, entry, inherited.tick);
	return entry;
}

void sci_foreign_replace(struct sci_shard *shard, uint32_t entry, uint32_t weight_units)
{
	sci_offset offset = offset_of(shard, entry);
	sci_slot *slot = sci_slots(shard) + entry;
	uint32_t weight = weight_beside(shard, weight_units);

	if (weighs(shard)) {
		struct sci_queue *queue = &shard->queue[sci_slot_queue(*slot)];
		uint32_t before = sci_record_worth(sci_record_at(shard, offset)).weight_units;
		queue->load += (uint64_t)weight - before;
		shard->weight_units += (uint64_t)weight - before;
		write_record(shard, offset, sci_record_at(shard, offset)->slot,
			sci_foreign_ghost_hash_of(shard, offset), weight);
	}
	/* sci_foreign_set_mark() would hide this use from the policy. */
	atomic_store_explicit(&shard->foreign.marks[entry],
		(uint8_t)(shard->tick & (SCI_TICKS - 1)), memory_order_relaxed);
	sci_balance_fit(shard);
	sci_policy_make_room(shard, (struct sci_demand){ 0 });
}

bool sci_foreign_has(const struct sci_shard *shard, uint32_t entry)
{
	return entry < shard->USED && sci_slots(shard)[entry];
}

void sci_foreign_remove(struct sci_shard *shard, uint32_t entry)
{
	sci_policy_removed(shard, offset_of(shard, entry));
	sci_foreign_leave(shard, offset_of(shard, entry), &shard->FREE);
}

uint32_t sci_foreign_victim(struct sci_shard *shard)
{
	sci_offset offset = shard->VICTIMS;

	if (!offset)
		return SCI_FOREIGN_NONE;
	struct sci_record *record = sci_record_at(shard, offset);
	shard->VICTIMS = record->newer;
	sci_write(&record->newer, shard->FREE);
	shard->FREE = offset;
	return entry_of(shard, offset);
}

static uint64_t list_length(const struct sci_shard *shard, sci_offset offset)
{
	uint64_t length = 0;

	for (; offset && length <= shard->USED; offset = sci_record_at(shard, offset)->newer)
		length++;
	return length;
}

static uint64_t queue_length(const struct sci_shard *shard, enum sci_queue_name name,
	uint64_t *load)
{
	sci_offset offset = shard->queue[name].oldest;
	uint64_t length = 0;

	for (; offset && length <= shard->entries; offset = sci_record_at(shard, offset)->newer) {
		uint64_t slot = sci_slots(shard)[entry_of(shard, offset)];
		if (sci_slot_offset(slot) != offset || sci_slot_queue(slot) != name)
			return UINT64_MAX;
		*load += sci_record_load(sci_record_at(shard, offset));
		length++;
	}
	return length;
}

const char *sci_foreign_check(const struct sci_shard *shard)
{
	uint64_t load = 0, entries = 0;

	for (unsigned i = 0; i < SCI_QUEUES; i++) {
		uint64_t before = load;
		uint64_t length = queue_length(shard, (enum sci_queue_name)i, &load);
		if (length != shard->queue[i].entries || load - before != shard->queue[i].load)
			return "a queue's count or load is wrong";
		entries += length;
	}
	if (entries != shard->entries)
		return "an entry is in no queue";
	if (load != sci_shard_load(shard))
		return "the count of load is wrong";
	if (entries + list_length(shard, shard->FREE) + list_length(shard, shard->VICTIMS) !=
		shard->USED)
		return "a number is neither used nor free";
	return NULL;
}
