/* Iteration over the keys of a shard that changes after every step. */
#include "engine/shard.h"
#include "engine/shard_check.h"
#include "engine/walk.h"

#include "engine/index.h"
#include "support/cmocka.h"
#include "support/random.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS = 4000, SHARD_BYTES = 256 << 10 };

static struct sci_shard *shard;
static uint64_t seed;

static uint64_t below(uint64_t bound)
{
	return sct_random(&seed) % bound;
}

/* The key of a number: its bytes, and an unrelated hash. Every other one belongs to the first
 * quarter of the index, which is full, so that entries are moved all the time. */
static struct sci_name name_of(const uint32_t *number)
{
	uint64_t random = *number + 1, hash = sct_random(&random);

	if (*number % 2)
		hash = hash >> 32 << 32 | (uint32_t)hash >> 2;
	return (struct sci_name){ .key = number, .len = sizeof *number, .hash = hash };
}

static void put(uint32_t number, int64_t expires_ms)
{
	const struct sci_content content = { .value = &number,
		.len = sizeof number,
		.expires_ms = expires_ms };
	struct sci_name name = name_of(&number);

	assert_int_equal(sci_shard_put(shard, &name, &content, 0), SCI_STORE_OK);
}

static bool is_there(uint32_t number)
{
	struct sci_name name = name_of(&number);
	struct sci_found found;

	return sci_shard_look(shard, &name, 0, &found) == SCI_LOOKUP_HIT;
}

static void open_shard(uint64_t max_entries)
{
	const struct sci_shard_options options = { .policy = SCI_POLICY_LRU,
		.bytes = SHARD_BYTES,
		.max_entries = max_entries,
		.entry_bytes = 8 };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, SHARD_BYTES);

	assert_non_null(memory);
	memset(memory, 0, SHARD_BYTES);
	shard = sci_shard_format(memory, &options);
}

static uint16_t *begin(void)
{
	uint16_t *tags = malloc(sci_walk_steps(shard) * sizeof *tags);

	assert_non_null(tags);
	sci_walk_begin(shard, tags);
	return tags;
}

/* How often each key was returned. */
static void step(const uint16_t *tags, uint64_t at, int64_t now_ms, unsigned met[KEYS])
{
	struct sci_walk_key keys[SCI_WALK_KEYS_MAX];
	unsigned count = sci_walk_step(shard, tags, at, now_ms, keys);

	for (unsigned i = 0; i < count; i++) {
		uint32_t number;
		assert_int_equal(keys[i].len, sizeof number);
		memcpy(&number, keys[i].data, sizeof number);
		assert_true(number < KEYS);
		met[number]++;
	}
}

/* The line of the index that a key is in; 0 if it is in none, or in the first. */
static uint32_t line_of(uint32_t number)
{
	struct sci_name name = name_of(&number);
	const sci_slot *slot = sci_index_find(shard, &name);

	return slot ? (uint32_t)((slot - sci_slots(shard)) / SCI_BUCKET_SLOTS) : 0;
}

/* Keys below this stay, and are used now and then; the others are put and removed. */
enum { STAYING = KEYS / 4 };

static void change_something(void)
{
	uint32_t number = STAYING + (uint32_t)below(KEYS - STAYING);
	uint32_t used = (uint32_t)below(STAYING);
	struct sci_name name = name_of(&number), used_name = name_of(&used);
	struct sci_found found;

	if (below(3) == 0)
		sci_shard_remove(shard, &name);
	else
		put(number, SCI_NEVER);
	sci_shard_find(shard, &used_name, 0, &found);
}

/* Returns how many of the staying keys were moved to another line meanwhile. */
static unsigned walk_once(void)
{
	unsigned met[KEYS] = { 0 }, moved = 0;
	uint32_t line_before[STAYING];
	bool stayed[KEYS];

	for (uint32_t number = 0; number < KEYS; number++)
		stayed[number] = number < STAYING && is_there(number);
	for (uint32_t number = 0; number < STAYING; number++)
		line_before[number] = line_of(number);
	uint16_t *tags = begin();
	for (uint64_t at = 0; at < sci_walk_steps(shard); at++) {
		step(tags, at, 0, met);
		change_something();
	}
	free(tags);
	for (uint32_t number = 0; number < KEYS; number++) {
		assert_true(met[number] <= 1);
		if (stayed[number] && is_there(number)) {
			assert_int_equal(met[number], 1);
			moved += line_of(number) != line_before[number];
		}
	}
	return moved;
}

static void what_stays_is_returned_once(void **state)
{
	unsigned moved = 0;

	(void)state;
	for (uint64_t round = 0; round < 20; round++) {
		seed = round + 1;
		open_shard(2000);
		for (uint32_t number = 0; number < KEYS / 2; number++)
			put(number, SCI_NEVER);
		moved += walk_once();
		assert_null(sci_shard_check(shard));
		free(shard);
	}
	/* Otherwise this would show nothing. */
	assert_true(moved > 100);
}

static void expired_entries_are_not_returned(void **state)
{
	unsigned met[KEYS] = { 0 };

	(void)state;
	open_shard(0);
	put(1, 1000);
	put(2, 2000);
	put(3, SCI_NEVER);
	uint16_t *tags = begin();
	for (uint64_t at = 0; at < sci_walk_steps(shard); at++)
		step(tags, at, 1500, met);
	assert_int_equal(met[1], 0);
	assert_int_equal(met[2], 1);
	assert_int_equal(met[3], 1);
	free(tags);
	free(shard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_is_returned_once),
		cmocka_unit_test(expired_entries_are_not_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
