/* Taking over a shard: a sound one is found at another address; a damaged one is refused, or sound
 * afterwards. Nothing outside is read (ASan watches). */
#include "support/cmocka.h"
#include "support/random.h"

#include "base/hash.h"
#include "engine/layout.h"
#include "engine/shard.h"
#include "engine/shard_check.h"

#include <stdio.h>
#include <string.h>

#define BYTES   (32u << 10)
#define ENTRIES 150u

static struct sci_name name_of(char *text, unsigned number)
{
	int len = snprintf(text, 32, "key %u", number);

	return (struct sci_name){ text, (size_t)len, sci_hash(text, (size_t)len, 9), NULL };
}

static void put(struct sci_shard *shard, unsigned number, int64_t expires_ms)
{
	static const unsigned char value[200];
	char text[32];
	struct sci_name name = name_of(text, number);
	struct sci_content content = { .value = value,
		.len = number % sizeof value,
		.expires_ms = expires_ms,
		.idle_ms = number % 7 == 0 ? 1000 : 0,
		.cost = number % 5 };

	assert_int_equal(sci_shard_put(shard, &name, &content, 0), SCI_STORE_OK);
}

static bool find(struct sci_shard *shard, unsigned number, int64_t now_ms, struct sci_found *found)
{
	char text[32];
	struct sci_name name = name_of(text, number);

	return sci_shard_find(shard, &name, now_ms, found) == SCI_LOOKUP_HIT;
}

static void *memory_of(const void *copied)
{
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, BYTES);

	assert_non_null(memory);
	if (copied)
		memcpy(memory, copied, BYTES);
	else
		memset(memory, 0, BYTES);
	return memory;
}

/* Entries of all kinds in both queues, holes, a pinned record and a detached one. */
static struct sci_shard *used_shard(void)
{
	const struct sci_shard_options options = { SCI_POLICY_COUNTED, BYTES, 0, 100, false };
	struct sci_shard *shard = sci_shard_format(memory_of(NULL), &options);
	struct sci_found found;
	char text[32];

	for (unsigned i = 0; i < ENTRIES; i++)
		put(shard, i, i % 3 == 0 ? 5000 : SCI_NEVER);
	assert_true(find(shard, ENTRIES - 1, 0, &found));
	assert_true(sci_shard_pin(shard, found.offset));
	assert_true(find(shard, ENTRIES - 2, 0, &found));
	assert_true(sci_shard_pin(shard, found.offset));
	struct sci_name name = name_of(text, ENTRIES - 2);
	assert_true(sci_shard_remove(shard, &name));
	name = name_of(text, ENTRIES - 10);
	assert_true(sci_shard_remove(shard, &name));
	assert_null(sci_shard_check(shard));
	return shard;
}

static void entries_are_found_at_another_address(void **state)
{
	struct sci_shard *shard = used_shard(), *other = memory_of(shard);
	struct sci_found found, again;
	unsigned there = 0;

	(void)state;
	/* Its process died during a change. */
	sci_change_begin(other);
	assert_ptr_equal(sci_shard_attach(other, BYTES), other);
	assert_null(sci_shard_check(other));
	for (unsigned i = 0; i < ENTRIES; i++) {
		bool is_there = find(shard, i, 0, &found);
		assert_int_equal(find(other, i, 0, &again), is_there);
		assert_true(!is_there || found.len == again.len);
		there += is_there;
	}
	assert_true(there > 50);
	assert_int_equal(sci_shard_stats(shard).pinned, 2);
	assert_int_equal(sci_shard_stats(other).pinned, 0);
	assert_true(sci_shard_stats(other).bytes < sci_shard_stats(shard).bytes);
	/* It works on: expired entries are found. */
	while (sci_shard_is_due(other, 6000))
		sci_shard_expire(other, 6000, 100);
	assert_true(sci_shard_stats(other).reclaimed > there / 4);
	for (unsigned i = 1000; i < 2000; i++)
		put(other, i, SCI_NEVER);
	assert_null(sci_shard_check(other));
	free(shard);
	free(other);
}

static void what_is_no_shard_is_refused(void **state)
{
	struct sci_shard *shard = used_shard();

	(void)state;
	assert_null(sci_shard_attach(shard, SCI_SHARD_BYTES_MIN - 64));
	assert_null(sci_shard_attach(shard, BYTES / 2));
	shard->magic++;
	assert_null(sci_shard_attach(shard, BYTES));
	memset(shard, 0, BYTES);
	assert_null(sci_shard_attach(shard, BYTES));
	free(shard);
}

static void objects_are_refused(void **state)
{
	struct sci_shard *shard = used_shard();
	struct sci_object_link object = { NULL };
	struct sci_content content = { .object = &object, .expires_ms = SCI_NEVER };
	char text[32];
	struct sci_name name = name_of(text, 7);

	(void)state;
	assert_int_equal(sci_shard_put(shard, &name, &content, 0), SCI_STORE_OK);
	assert_null(sci_shard_check(shard));
	assert_null(sci_shard_attach(shard, BYTES));
	free(shard);
}

/* Damage it in a few words, and use it if it is not refused. */
static void damage_is_refused_or_repaired(void **state)
{
	struct sci_shard *shard = used_shard();
	uint64_t random = 20;
	unsigned taken = 0, rounds = 3000;
	struct sci_found found;

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		unsigned char *bytes = memory_of(shard);
		uint64_t used = (uint64_t)shard->log.end * SCI_UNIT;
		for (uint64_t flips = sct_below(&random, 3) + 1; flips > 0; flips--)
			bytes[sct_below(&random, round % 2 ? sizeof *shard : used)] ^=
				(unsigned char)(1u << sct_below(&random, 8));
		struct sci_shard *other = sci_shard_attach(bytes, BYTES);
		taken += other != NULL;
		for (unsigned i = 0; other && i < ENTRIES; i += 3) {
			find(other, i, 0, &found);
			put(other, 1000 + i, i);
			sci_shard_expire(other, i, 10);
		}
		if (other)
			assert_null(sci_shard_check(other));
		free(bytes);
	}
	/* Damage to values, use counts and ghosts is not noticed. */
	assert_in_range(taken, rounds / 100, rounds * 9 / 10);
	free(shard);
}

/* Nor is what the policy has learned, so it starts over. UBSan watches its arithmetic. */
static void what_was_learned_may_be_anything(void **state)
{
	static const int32_t wrong[] = { INT32_MIN, INT32_MAX };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sci_shard *shard = used_shard();
		shard->costs.are_known = shard->costs.differ = 1;
		shard->costs.usual = shard->costs.inflation = wrong[i];
		shard->balance.leave = shard->balance.enter = wrong[i];
		shard->balance.lru_mode = (uint8_t)i;
		assert_ptr_equal(sci_shard_attach(shard, BYTES), shard);
		for (unsigned number = 0; number < 1000; number++)
			put(shard, number * 7 % 400, SCI_NEVER);
		assert_null(sci_shard_check(shard));
		shard->balance.enter_at = wrong[i];
		assert_null(sci_shard_attach(shard, BYTES));
		free(shard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found_at_another_address),
		cmocka_unit_test(what_is_no_shard_is_refused),
		cmocka_unit_test(objects_are_refused),
		cmocka_unit_test(damage_is_refused_or_repaired),
		cmocka_unit_test(what_was_learned_may_be_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
