/* The check on which all other tests of the engine rely finds every kind of fault, and says which.
 * Each case breaks one thing in a sound shard. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/holes.h"
#include "engine/index.h"
#include "engine/shard.h"
#include "engine/shard_check.h"

#include <string.h>

#define BYTES (32u << 10)

static struct sci_shard *shard;
static sci_offset live, pinned, detached, hole, latest_hole;
static struct sci_found pinned_value;

static struct sci_name name_of(const uint64_t *key)
{
	return (struct sci_name){ key, sizeof *key, sci_hash(key, sizeof *key, 5), NULL };
}

static sci_offset offset_of(uint64_t key)
{
	struct sci_name name = name_of(&key);

	assert_int_equal(sci_shard_find(shard, &name, 0, &pinned_value), SCI_LOOKUP_HIT);
	return pinned_value.offset;
}

/* Entries in both queues, pinned ones, a detached one, and two holes. */
static int set_up(void **state)
{
	const struct sci_shard_options options = { SCI_POLICY_COUNTED, BYTES, 40, 64, false };
	static unsigned char value[200];

	(void)state;
	shard = aligned_alloc(SCI_SHARD_ALIGN, BYTES);
	assert_non_null(shard);
	memset(shard, 0, BYTES);
	sci_shard_format(shard, &options);
	/* So that main has entries. */
	shard->balance.lru_mode = 0;
	for (uint64_t key = 0; key < 60; key++) {
		struct sci_name name = name_of(&key);
		assert_int_equal(sci_shard_put(shard, &name,
					 &(struct sci_content){ .value = value,
						 .len = sizeof value,
						 .expires_ms = SCI_NEVER },
					 0),
			SCI_STORE_OK);
	}
	/* The first of the sixty were evicted; these are still there. */
	uint64_t keys[] = { 56, 57, 58, 59, 54 };
	live = offset_of(keys[3]);
	pinned = offset_of(keys[2]);
	sci_shard_pin(shard, pinned);
	detached = offset_of(keys[1]);
	sci_shard_pin(shard, detached);
	struct sci_name name = name_of(&keys[1]);
	assert_true(sci_shard_remove(shard, &name));
	hole = offset_of(keys[0]);
	name = name_of(&keys[0]);
	assert_true(sci_shard_remove(shard, &name));
	latest_hole = offset_of(keys[4]);
	name = name_of(&keys[4]);
	assert_true(sci_shard_remove(shard, &name));
	assert_int_equal(shard->holes.latest, latest_hole);
	assert_null(sci_shard_check(shard));
	assert_true(shard->queue[SCI_MAIN].entries > 2 && shard->queue[SCI_WINDOW].entries > 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(shard);
	return 0;
}

static void assert_wrong(const char *what)
{
	const char *wrong = sci_shard_check(shard);

	assert_non_null(wrong);
	assert_string_equal(wrong, what);
}

/* Break one field, expect the message, and restore it. (The comma yields the value's type, which
 * is not atomic.) */
#define assert_noticed(field, broken, what)                                                        \
	do {                                                                                       \
		const __typeof__(((void)0, (field))) was_ = (field);                               \
		(field) = (broken);                                                                \
		assert_wrong(what);                                                                \
		(field) = was_;                                                                    \
		assert_null(sci_shard_check(shard));                                               \
	} while (0)

static void faults_of_the_head(void **state)
{
	(void)state;
	assert_noticed(shard->magic, 7, "not a shard");
	assert_noticed(shard->buckets, shard->buckets + 2,
		"the log does not begin where index and ghosts end");
	assert_noticed(shard->ghost_lines, shard->ghost_lines + 2,
		"the log does not begin where index and ghosts end");
	assert_noticed(shard->policy, 2, "there is no such policy");
	assert_noticed(shard->policy, SCI_POLICY_LRU, "the policy has the wrong number of ghosts");
	assert_noticed(shard->ghost_lines_used, shard->ghost_lines + 1,
		"more ghosts are in use than exist");
	assert_noticed(shard->buckets, 3, "the index has an odd number of lines");
	assert_noticed(shard->log_bound, shard->log_limit + 1,
		"the bound on the log is outside of it");
	assert_noticed(shard->capacity_units, UINT32_MAX, "the entries may take more than the log");
	assert_noticed(shard->max_entries, UINT32_MAX,
		"the bound on entries exceeds the index's capacity");
	assert_noticed(shard->max_entries, shard->entries - 1, "more entries than the bound");
	assert_noticed(shard->expiry.at, UINT32_MAX,
		"the search for expired entries is outside of the index");
	assert_noticed(shard->balance.window_share, UINT32_MAX, "the window's share is too large");
	assert_noticed(shard->balance.drift, INT32_MIN,
		"the window moves by more than an entry at a time");
	assert_noticed(shard->recount.at, UINT32_MAX, "the recount is outside of the index");
	assert_noticed(shard->recount.lines, UINT32_MAX, "the recount is outside of the index");
	assert_noticed(shard->balance.leave_patience, 0, "a switch of LRU mode needs no evidence");
	assert_noticed(shard->balance.enter_patience, 0, "a switch of LRU mode needs no evidence");
	assert_noticed(shard->recency.capacity, 0, "recency has no capacity");
	assert_noticed(shard->recency.inside_ticks, SCI_TICKS, "recency reaches beyond its ticks");
	assert_noticed(shard->recency.near_ticks, SCI_TICKS, "recency reaches beyond its ticks");
	assert_noticed(shard->recency.inside_keys, shard->recency.inside_keys + 1,
		"recency's keys do not sum up to its ticks'");
	assert_noticed(shard->recency.near_keys, shard->recency.near_keys + 1,
		"recency's keys do not sum up to its ticks'");
	assert_noticed(shard->segments.newest, SCI_SEGMENTS,
		"the segments of the window are not in order");
	assert_noticed(shard->segments.entries[0], shard->segments.entries[0] + 1,
		"the segments of the window are not in order");
	assert_noticed(shard->segments.oldest[0], shard->segments.oldest[0] + 1,
		"the segments of the window are not in order");
	assert_noticed(shard->log.end, shard->log_limit + 1, "the log's offsets are not in order");
	assert_noticed(shard->log.gap_end, shard->log.head - 1,
		"the log's offsets are not in order");
	assert_noticed(shard->log.head, shard->log_start - 1, "the log's offsets are not in order");
}

static void faults_of_records(void **state)
{
	struct sci_record *record = sci_record_at(shard, live);
	sci_slot *slot = sci_slot_of(shard, live);

	(void)state;
	uint64_t header = record->header;

	assert_noticed(record->header, 0, "a record does not end where the next begins");
	assert_noticed(record->header, sci_header(SCI_RECORD_LIVE, BYTES, 8),
		"a record does not end where the next begins");
	assert_noticed(record->header, sci_header(SCI_RECORD_LIVE, sci_header_bytes(header), 1000),
		"a record is shorter than its key");
	assert_noticed(record->header, header | sci_header(SCI_RECORD_OBJECT, 0, 0),
		"an object's record is pinned or has another length");
	assert_noticed(record->header, sci_header(SCI_RECORD_DETACHED, sci_header_bytes(header), 8),
		"a detached record is not pinned");
	assert_noticed(record->header, sci_header(SCI_RECORD_DEAD, sci_header_bytes(header), 8),
		"a dead record has the header of a live one");
	assert_noticed(record->slot, record->slot ^ 1, "a live record is not in the index");
	assert_noticed(record->slot, UINT32_MAX, "a live record is not in the index");
	assert_noticed(*slot, 0, "a live record is not in the index");
	assert_noticed(sci_record_at(shard, pinned)->header,
		sci_record_at(shard, pinned)->header - SCI_PIN, "the count of pins is wrong");
	assert_noticed(record->header, header + SCI_PIN, "the count of pins is wrong");
}

/* An entry expires before the earliest deadline that the shard knows. */
static void a_deadline_that_is_not_expected(void **state)
{
	uint64_t key = 1000;
	struct sci_name name = name_of(&key);
	struct sci_content content = { .value = "", .expires_ms = 100 };

	(void)state;
	assert_int_equal(sci_shard_put(shard, &name, &content, 0), SCI_STORE_OK);
	assert_noticed(shard->expiry.due_ms, 101, "a record expires before the earliest deadline");
}

/* A record that is not live any more is missed by its slot. */
static void faults_of_the_index(void **state)
{
	sci_slot *slot = sci_slot_of(shard, live), *unused = sci_buckets(shard)->slot;

	(void)state;
	/* The index is half full. */
	while (*unused)
		unused++;
	assert_noticed(*unused, *slot, "the index has not one used slot for each entry");
}

static void faults_of_holes(void **state)
{
	unsigned class = 0;

	(void)state;
	while (!shard->holes.first[class])
		class ++;
	assert_noticed(shard->holes.classes[class / 64], 0, "a class of holes is marked wrongly");
	assert_noticed(shard->holes.latest, shard->log.end, "the latest hole is none");
	assert_noticed(shard->holes.latest, live, "the latest hole is none");
	assert_noticed(shard->holes.first[class], shard->log.end, "a list of holes leaves the log");
	assert_noticed(shard->holes.first[class], live, "a list of holes has wrong links");
	assert_noticed(sci_record_at(shard, hole)->newer, live, "a list of holes has wrong links");
	assert_noticed(sci_record_at(shard, hole)->older, shard->log.end,
		"a list of holes leaves the log");
	/* A circle. */
	sci_record_at(shard, hole)->newer = sci_record_at(shard, hole)->older = hole;
	assert_non_null(sci_shard_check(shard));
}

static void a_hole_that_is_in_no_list(void **state)
{
	(void)state;
	sci_holes_remove(shard, hole);
	assert_wrong("a hole is in no list");
}

static void faults_of_queues(void **state)
{
	struct sci_queue *window = &shard->queue[SCI_WINDOW], *other = &shard->queue[SCI_MAIN];
	struct sci_record *oldest = sci_record_at(shard, window->oldest);

	(void)state;
	sci_slot *slot = sci_slot_of(shard, window->oldest);
	assert_noticed(window->newest, shard->log.end, "a queue leads to no entry");
	assert_noticed(window->newest, shard->log.end - 1, "a queue leads to no entry");
	assert_noticed(window->newest, detached, "a queue leads to no entry");
	assert_noticed(oldest->newer, 0, "a queue's links are wrong");
	assert_noticed(*slot, sci_slot_with_queue(*slot, SCI_MAIN), "a queue's links are wrong");
	assert_noticed(oldest->older, other->newest, "a queue's count of entries is wrong");
	assert_noticed(window->oldest, live, "a queue's count of entries is wrong");
	assert_noticed(window->load, window->load + 1, "a queue's load is wrong");
}

static void faults_of_counts(void **state)
{
	(void)state;
	assert_noticed(shard->entries, shard->entries - 1, "the count of entries is wrong");
	assert_noticed(shard->space_units, shard->space_units + 1,
		"the count of live bytes is wrong");
	assert_noticed(shard->weight_units, 1, "the count of live bytes is wrong");
	assert_noticed(shard->pins.records, shard->pins.records + 1, "the count of pins is wrong");
	assert_noticed(shard->pins.units, 0, "the count of pins is wrong");

	/* An entry that is in no queue. */
	struct sci_queue *window = &shard->queue[SCI_WINDOW];
	sci_offset oldest = window->oldest, next = sci_record_at(shard, oldest)->newer;
	window->oldest = next;
	sci_record_at(shard, next)->older = 0;
	window->entries--;
	window->load -= sci_record_load(sci_record_at(shard, oldest));
	assert_wrong("the count of entries is wrong");
}

#define damage(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		damage(faults_of_the_head),
		damage(faults_of_records),
		damage(a_deadline_that_is_not_expected),
		damage(faults_of_the_index),
		damage(faults_of_holes),
		damage(a_hole_that_is_in_no_list),
		damage(faults_of_queues),
		damage(faults_of_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
