/* A striped cache behaves as one cache for every key, all statistics, and the calls that concern
 * all stripes. */
#include "cache/striped_cache.h"
#include "cache/fetch_with_loader.h"
#include "cache/handle.h"
#include "cache/scripted_loader.h"
#include "cache/cache_check.h"
#include "engine/shard.h"

#include <scopecache/memo.h>

static struct sc_cache *open_striped(_Atomic int64_t *now_ms)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 8 * SCT_MIB,
		.concurrency = 2, .clock = now_ms ? sct_clock_of(now_ms) : NULL));

	assert_int_equal(cache->stripe_count, 8);
	return cache;
}

/* ---- Keys ---- */

#define LENGTHS 300 /* longer than a short key, and longer than the inline buffer */
#define KINDS   8

static struct sc_key key_of(unsigned kind, size_t len, struct sc_part parts[3])
{
	static char text[LENGTHS];
	struct sc_key key = { parts, 1 };

	switch (kind) {
	case 0:
		parts[0] = sc_part_text_n(text, len);
		break;
	case 1:
		parts[0] = sc_part_bytes(text, len);
		break;
	case 2:
		parts[0] = sc_part_integer((int64_t)len - LENGTHS / 2);
		break;
	case 3:
		parts[0] = sc_part_unsigned(UINT64_MAX - len);
		break;
	case 4:
		parts[0] = sc_part_bool(len % 2);
		parts[1] = sc_part_text_n(text, len);
		key.count = 2;
		break;
	case 5:
		parts[0] = sc_part_bytes(text, len);
		parts[1] = sc_part_absent();
		key.count = 2;
		break;
	case 6:
		parts[0] = sc_part_text_n(text, len);
		parts[1] = sc_part_integer((int64_t)len);
		parts[2] = sc_part_text("third");
		key.count = 3;
		break;
	default:
		parts[0] = sc_part_text_n(text, len / 2);
		parts[1] = sc_part_text_n(text, len - len / 2);
		key.count = 2;
		break;
	}
	return key;
}

static int load_number(struct sc_load *load, void *context)
{
	return sc_load_set_value(load, context, sizeof(unsigned));
}

/* All kinds of lookup find it. */
static void assert_number(struct sc_cache *cache, struct sc_key key, unsigned number)
{
	struct sc_value value;
	unsigned got = 0;
	size_t len;

	assert_int_equal(sc_cache_get(cache, key, &got, sizeof got, &len), SC_HIT);
	assert_int_equal(len, sizeof got);
	assert_int_equal(got, number);
	assert_int_equal(sc_cache_acquire(cache, key, &value), SC_HIT);
	assert_memory_equal(value.data, &number, sizeof number);
	sc_value_release(&value);
	assert_int_equal(sct_fetch(cache, key, load_number, NULL, &value, NULL), SC_HIT);
	assert_memory_equal(value.data, &number, sizeof number);
	sc_value_release(&value);
}

static void keys_of_all_kinds_are_found_again(void **state)
{
	struct sc_cache *cache = open_striped(NULL);
	struct sc_part parts[3];
	struct sc_value value;

	(void)state;
	for (unsigned i = 0; i < KINDS * LENGTHS; i++) {
		struct sc_key key = key_of(i % KINDS, i / KINDS, parts);
		int stored = i % 3 ? sc_cache_put(cache, key, &i, sizeof i)
				   : sct_fetch(cache, key, load_number, &i, &value, NULL);
		assert_int_equal(stored, i % 3 ? SC_OK : SC_LOADED);
		if (stored == SC_LOADED)
			sc_value_release(&value);
	}
	for (unsigned i = 0; i < KINDS * LENGTHS; i++)
		assert_number(cache, key_of(i % KINDS, i / KINDS, parts), i);
	assert_int_equal(sct_stats(cache).entries, KINDS * LENGTHS);
	/* All stripes have about the same number of entries. */
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		assert_in_range(sci_shard_stats(cache->stripes[i].shard).entries,
			KINDS * LENGTHS / cache->stripe_count * 3 / 4,
			KINDS * LENGTHS / cache->stripe_count * 5 / 4);
	for (unsigned i = 0; i < KINDS * LENGTHS; i++)
		assert_int_equal(sc_cache_invalidate(cache, key_of(i % KINDS, i / KINDS, parts)),
			SC_HIT);
	assert_int_equal(sct_stats(cache).entries, 0);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
}

/* ---- Pins ---- */

static void pins_in_all_stripes_outlive_clear_and_close(void **state)
{
	struct sc_cache *cache = open_striped(NULL);
	struct sc_value values[8];
	unsigned char bytes[1000];
	uint64_t keys[8];

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		keys[i] = sct_key_in(cache, i, 0);
		sct_fill(bytes, sizeof bytes, keys[i]);
		assert_int_equal(sc_cache_put(cache, SC_KEY(keys[i]), bytes, sizeof bytes), SC_OK);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY(keys[i]), &values[i]), SC_HIT);
		assert_int_equal(sci_shard_stats(cache->stripes[i].shard).pinned, 1);
	}
	assert_int_equal(sct_stats(cache).pinned, 8);
	sc_cache_clear(cache);
	assert_int_equal(sct_stats(cache).entries, 0);
	memset(bytes, 0, sizeof bytes);
	for (uint64_t key = 0; key < 20000; key++)
		assert_int_equal(sc_cache_put(cache, SC_KEY(key), bytes, sizeof bytes), SC_OK);
	assert_int_equal(sct_stats(cache).pinned, 8);
	sc_value_release(&values[3]);
	assert_int_equal(sct_stats(cache).pinned, 7);
	assert_int_equal(sci_shard_stats(cache->stripes[3].shard).pinned, 0);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
	for (uint32_t i = 0; i < 8; i++) {
		if (i != 3)
			assert_true(sct_is_filled(values[i].data, values[i].len, keys[i]));
		sc_value_release(&values[i]);
	}
}

/* ---- Figures ---- */

static void figures_are_the_sum_over_all_stripes(void **state)
{
	enum { KEYS = 1000 };
	struct sc_cache *cache = open_striped(NULL);
	struct sct_script good = { .text = "loaded" }, bad = { .result = -1 };
	struct sc_value values[8];

	(void)state;
	for (uint64_t key = 0; key < KEYS; key++) {
		assert_int_equal(sct_put(cache, SC_KEY(key), "value"), SC_OK);
		sct_assert_get(cache, SC_KEY(key), "value");
		sct_assert_get(cache, SC_KEY("absent", key), NULL);
		assert_int_equal(sc_cache_invalidate(cache, SC_KEY(key)), SC_HIT);
		struct sct_script *script = key % 4 ? &good : &bad;
		struct sc_value value;
		assert_int_equal(sct_fetch(cache, SC_KEY(key), sct_play, script, &value, NULL),
			key % 4 ? SC_LOADED : SC_E_LOAD);
		sc_value_release(&value);
	}
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t key = sct_key_in(cache, i, 0);
		while (key % 4 == 0)
			key = sct_key_in(cache, i, key + 1);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY(key), &values[i]), SC_HIT);
	}
	struct sc_cache_stats stats = sct_stats(cache);
	assert_int_equal(stats.hits, KEYS + 8);
	assert_int_equal(stats.misses, 2 * KEYS);
	assert_int_equal(stats.puts, KEYS + KEYS / 4 * 3);
	assert_int_equal(stats.loads, KEYS / 4 * 3);
	assert_int_equal(stats.load_failures, KEYS / 4);
	assert_int_equal(stats.invalidations, KEYS);
	assert_int_equal(stats.entries, KEYS / 4 * 3);
	assert_int_equal(stats.pinned, 8);
	assert_int_equal(stats.pinned_bytes, stats.bytes / stats.entries * 8);
	assert_int_equal(stats.evictions + stats.rejected + stats.expired, 0);
	for (uint32_t i = 0; i < 8; i++)
		sc_value_release(&values[i]);
	sc_cache_clear(cache);
	assert_int_equal(sct_stats(cache).invalidations, KEYS + KEYS / 4 * 3);
	sc_cache_close(cache);
}

static void clearing_a_memo_clears_all_stripes(void **state)
{
	struct sct_script script = { .text = "answer" };
	struct sc_memo memo;
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_memo_init(&memo, sct_play, &script,
				 SC_CACHE_OPTIONS(.max_entries = 8192, .concurrency = 2), NULL),
		0);
	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < 1000; i++) {
			assert_int_equal(sc_memo_call(&memo, SC_KEY(i % 500), &value, NULL),
				i < 500 ? SC_LOADED : SC_HIT);
			sc_value_release(&value);
		}
		assert_int_equal(memo.cache->stripe_count, 8);
		struct sc_memo_info info = { .size = sizeof info };
		assert_int_equal(sc_memo_read_info(&memo, &info), 0);
		assert_int_equal(info.hits, 500);
		assert_int_equal(info.misses, 500);
		assert_int_equal(info.currsize, 500);
		assert_int_equal(info.maxsize, 8192);
		assert_int_equal(script.calls, 500 * round);
		sc_memo_clear(&memo);
		assert_int_equal(sc_memo_read_info(&memo, &info), 0);
		assert_int_equal(info.hits + info.misses + info.currsize, 0);
	}
	sc_memo_fini(&memo);
}

/* ---- Upkeep ---- */

static void put_for_a_second(struct sc_cache *cache, uint64_t keys)
{
	for (uint64_t key = 0; key < keys; key++)
		assert_int_equal(sc_cache_put_with(cache, SC_KEY(key), "x", 1,
					 SC_PUT_OPTIONS(.ttl_ms = 1000)),
			SC_OK);
}

static void maintaining_reaches_all_stripes(void **state)
{
	enum { KEYS = 20000 };
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = open_striped(&now_ms);

	(void)state;
	put_for_a_second(cache, KEYS);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(sct_put(cache, SC_KEY("stays", sct_key_in(cache, i, 0)), "x"),
			SC_OK);
	assert_int_equal(sc_cache_maintain(cache, 60000), 0);
	assert_int_equal(sct_stats(cache).entries, KEYS + 8);
	now_ms = 1000;
	assert_int_equal(sc_cache_maintain(cache, 60000), 0);
	assert_int_equal(sct_stats(cache).entries, 8);
	assert_int_equal(sct_stats(cache).reclaimed, KEYS);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
}

/* When each call has time for one step only, the calls take the stripes in turn. */
static void a_budget_that_is_too_short(void **state)
{
	enum { KEYS = 20000 };
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = open_striped(&now_ms);
	uint64_t before = KEYS;

	(void)state;
	put_for_a_second(cache, KEYS);
	now_ms = 1000;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(sc_cache_maintain(cache, 0), 1);
		/* The call makes one step, in one stripe. */
		uint64_t after = sct_stats(cache).entries;
		assert_in_range(before - after, 1, 256);
		before = after;
	}
	for (uint32_t i = 0; i < 8; i++)
		assert_true(sci_shard_stats(cache->stripes[i].shard).reclaimed > 0);
	while (sc_cache_maintain(cache, 0))
		;
	assert_int_equal(sct_stats(cache).entries, 0);
	sc_cache_close(cache);
}

/* ---- Invalidated loads ---- */

static void an_invalidated_load_is_not_stored(void **state)
{
	struct sct_script script = { .cache = open_striped(NULL), .text = "loaded" };

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t key = sct_key_in(script.cache, i, 0);
		uint64_t other = sct_key_in(script.cache, (i + 1) % 8, 0);
		script.also = sct_also_invalidate;
		sct_assert_fetches(&script, SC_KEY(key), SC_LOADED, "loaded");
		sct_assert_get(script.cache, SC_KEY(key), NULL);
		script.also = sct_also_put;
		sct_assert_fetches(&script, SC_KEY(key), SC_LOADED, "loaded");
		sct_assert_get(script.cache, SC_KEY(key), "put");
		assert_int_equal(sc_cache_invalidate(script.cache, SC_KEY(key)), SC_HIT);
		/* A clear invalidates the load, whichever stripe it is in, and removes entries of
		 * other stripes. */
		assert_int_equal(sct_put(script.cache, SC_KEY(other), "other"), SC_OK);
		script.also = sct_also_clear;
		sct_assert_fetches(&script, SC_KEY(key), SC_LOADED, "loaded");
		sct_assert_get(script.cache, SC_KEY(key), NULL);
		sct_assert_get(script.cache, SC_KEY(other), NULL);
		script.also = NULL;
		sct_assert_fetches(&script, SC_KEY(key), SC_LOADED, "loaded");
		sct_assert_get(script.cache, SC_KEY(key), "loaded");
		sc_cache_clear(script.cache);
	}
	sc_cache_close(script.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_all_kinds_are_found_again),
		cmocka_unit_test(pins_in_all_stripes_outlive_clear_and_close),
		cmocka_unit_test(figures_are_the_sum_over_all_stripes),
		cmocka_unit_test(clearing_a_memo_clears_all_stripes),
		cmocka_unit_test(maintaining_reaches_all_stripes),
		cmocka_unit_test(a_budget_that_is_too_short),
		cmocka_unit_test(an_invalidated_load_is_not_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
