/* Foreign shards: their invariants after every call, and what the policy evicts.
 * tests/cache/eviction_test.c compares its hit ratios with those of caches. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/foreign.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "support/random.h"

#include <string.h>

#define KEYS 4096u

/* An index of the test: the number of each key, plus one. */
struct owner {
	struct sci_shard *shard;
	struct sci_foreign_bounds bounds;
	uint32_t entries;
	uint32_t number_of[KEYS];
	uint32_t *key_of;
	unsigned hits;
};

static void *aligned(uint64_t bytes)
{
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, bytes);

	assert_non_null(memory);
	return memset(memory, 0, bytes);
}

static void make(struct owner *owner, uint32_t entries)
{
	uint64_t bytes = sci_foreign_bytes(entries, owner->bounds.weight_units > 0);
	_Atomic uint8_t *marks = aligned((entries + 63) / 64 * 64);
	struct sci_shard *old = owner->shard;

	for (uint32_t i = 0; old && i < owner->entries; i++)
		marks[i] = old->foreign.marks[i];
	owner->shard = sci_foreign_format(aligned(bytes), entries, &owner->bounds, marks);
	owner->key_of = realloc(owner->key_of, entries * sizeof *owner->key_of);
	assert_non_null(owner->key_of);
	owner->entries = entries;
	if (!old)
		return;
	sci_foreign_take_over(owner->shard, old);
	free((uint8_t *)(uintptr_t)old->foreign.marks);
	free(old);
}

static void finish(struct owner *owner)
{
	free((uint8_t *)(uintptr_t)owner->shard->foreign.marks);
	free(owner->shard);
	free(owner->key_of);
}

static uint64_t hash_of(uint64_t key)
{
	return sci_hash(&key, sizeof key, 7);
}

static void take_victims(struct owner *owner)
{
	for (uint32_t victim; (victim = sci_foreign_victim(owner->shard)) != SCI_FOREIGN_NONE;) {
		assert_false(sci_foreign_has(owner->shard, victim));
		assert_int_equal(owner->number_of[owner->key_of[victim]], victim + 1);
		owner->number_of[owner->key_of[victim]] = 0;
	}
}

static void use(struct owner *owner, uint32_t key, uint32_t weight_units)
{
	uint32_t number = owner->number_of[key];

	if (number) {
		owner->hits++;
		owner->shard->foreign.marks[number - 1] = owner->shard->tick & (SCI_TICKS - 1);
		return;
	}
	if (!sci_foreign_has_room(owner->shard))
		make(owner, owner->entries * 2);
	number = sci_foreign_insert(owner->shard, hash_of(key), weight_units);
	take_victims(owner);
	if (number == SCI_FOREIGN_NONE)
		return;
	owner->key_of[number] = key;
	owner->number_of[key] = number + 1;
}

static void remove_key(struct owner *owner, uint32_t key)
{
	if (!owner->number_of[key])
		return;
	sci_foreign_remove(owner->shard, owner->number_of[key] - 1);
	owner->number_of[key] = 0;
}

static void check(const struct owner *owner)
{
	const char *wrong = sci_foreign_check(owner->shard);
	uint32_t entries = 0;

	for (uint32_t key = 0; key < KEYS; key++)
		entries += owner->number_of[key] > 0;
	if (wrong)
		fail_msg("%s", wrong);
	assert_int_equal(entries, owner->shard->entries);
	if (owner->bounds.max_entries)
		assert_true(entries <= owner->bounds.max_entries);
	if (owner->bounds.weight_units)
		assert_true(sci_shard_load(owner->shard) <= owner->bounds.weight_units);
}

static void stays_sound(struct sci_foreign_bounds bounds, uint32_t numbers, uint64_t seed)
{
	struct owner owner = { .bounds = bounds };

	make(&owner, numbers);
	for (unsigned i = 0; i < 6000; i++) {
		uint64_t draw = sct_random(&seed) >> 11;
		uint32_t key = (uint32_t)((draw % 1000) * (draw / 1000 % 1000) / 1000);
		uint32_t weight = (uint32_t)(draw / 1000000 % 64);
		if (i % 1500 > 1300)
			key = 1000 + i % 1500;
		if (draw % 16 == 0)
			remove_key(&owner, key);
		else if (draw % 16 == 1 && owner.number_of[key]) {
			sci_foreign_replace(owner.shard, owner.number_of[key] - 1, weight);
			take_victims(&owner);
		} else
			use(&owner, key, draw % 512 == 2 ? 600 : weight);
		check(&owner);
	}
	finish(&owner);
}

static void invariants_hold_after_every_call(void **state)
{
	(void)state;
	stays_sound((struct sci_foreign_bounds){ .max_entries = 1 }, 8, 1);
	stays_sound((struct sci_foreign_bounds){ .max_entries = 100 }, 104, 2);
	stays_sound((struct sci_foreign_bounds){ .weight_units = 2000 }, 8, 3);
	stays_sound((struct sci_foreign_bounds){ 50, 2000 }, 56, 4);
}

static void empty_again_when_all_are_removed(void **state)
{
	struct owner owner = { .bounds = { .max_entries = 20 } };

	(void)state;
	make(&owner, 24);
	for (unsigned lap = 0; lap < 300; lap++) {
		for (uint32_t key = 0; key < 40; key++)
			use(&owner, (key * 7 + lap) % 50, 0);
		for (uint32_t key = 0; key < 50; key++)
			remove_key(&owner, key);
		assert_int_equal(owner.shard->entries, 0);
		check(&owner);
	}
	finish(&owner);
}

static void broken_invariants_are_found(void **state)
{
	struct owner owner = { .bounds = { 20, 2000 } };

	(void)state;
	make(&owner, 24);
	for (uint32_t key = 0; key < 20; key++)
		use(&owner, key, 10);
	assert_null(sci_foreign_check(owner.shard));
	owner.shard->queue[SCI_WINDOW].entries++;
	assert_non_null(sci_foreign_check(owner.shard));
	owner.shard->queue[SCI_WINDOW].entries--;
	owner.shard->entries++;
	assert_non_null(sci_foreign_check(owner.shard));
	owner.shard->entries--;
	owner.shard->space_units++;
	assert_non_null(sci_foreign_check(owner.shard));
	owner.shard->space_units--;
	owner.shard->log.end++;
	assert_non_null(sci_foreign_check(owner.shard));
	owner.shard->log.end--;
	sci_slot *slot = sci_slots(owner.shard);
	uint64_t was = *slot;
	*slot = 0;
	assert_non_null(sci_foreign_check(owner.shard));
	*slot = was;
	assert_null(sci_foreign_check(owner.shard));
	finish(&owner);
}

/* An entry that is marked all the time survives a scan; one that is not does not. */
static void a_marked_entry_stays(void **state)
{
	struct owner owner = { .bounds = { .max_entries = 64 } };

	(void)state;
	make(&owner, 72);
	for (uint32_t i = 0; i < 3000; i++) {
		use(&owner, 1, 0);
		use(&owner, 100 + i, 0);
		assert_int_not_equal(owner.number_of[1], 0);
	}
	assert_int_equal(owner.number_of[100], 0);
	finish(&owner);
}

static unsigned ghosts_of(const struct sci_shard *shard)
{
	unsigned found = 0;

	for (uint32_t key = 0; key < KEYS; key++)
		found += sci_ghosts_find(shard, sci_foreign_ghost_hash(hash_of(key))).line != NULL;
	return found;
}

/* About fifty heavy entries fit, so few ghosts are used; then lighter ones need more numbers than
 * there are. */
static void ghosts_outlive_growth(void **state)
{
	struct owner owner = { .bounds = { .weight_units = 1000 } };
	uint32_t key = 0;

	(void)state;
	make(&owner, 64);
	while (key < 300)
		use(&owner, key++, 20);
	assert_int_equal(owner.entries, 64);
	uint32_t lines = owner.shard->ghost_lines_used;
	unsigned before = 0;
	while (owner.entries == 64 && key < 1000) {
		before = ghosts_of(owner.shard);
		use(&owner, key++, 13);
	}
	assert_true(owner.entries > 64);
	assert_int_equal(owner.shard->ghost_lines_used, lines);
	assert_true(before > 20);
	assert_true(ghosts_of(owner.shard) + 8 >= before);
	finish(&owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariants_hold_after_every_call),
		cmocka_unit_test(empty_again_when_all_are_removed),
		cmocka_unit_test(broken_invariants_are_found),
		cmocka_unit_test(a_marked_entry_stays),
		cmocka_unit_test(ghosts_outlive_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
