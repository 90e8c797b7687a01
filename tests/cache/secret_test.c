/* A secret cache wipes what goes, whatever the way: after each this program reads its own
 * memory. */
#include "cache/handle.h"
#include "cache/secret_fixture.h"
#include "support/threads.h"

#include <scopecache/memo.h>

enum {
	LEN = 4 * SCT_SECRET_BYTES,
	LEN_MOST = SCT_SECRETS_MAX / SCT_SECRET_BYTES * SCT_SECRET_BYTES
};

static struct {
	struct sc_cache *cache;
	struct sct_secret_key key, other_key;
	struct sct_secret value, other_value;
	_Atomic int64_t now_ms;
} the;

static void open_with(const struct sc_cache_options *options)
{
	struct sc_cache_options secret = *options;

	secret.secret = 1;
	the.now_ms = 1000;
	the.key = sct_secret_key_draw(SCT_KEY_USUAL);
	the.other_key = sct_secret_key_draw(SCT_KEY_USUAL);
	sct_secret_draw(&the.value);
	sct_secret_draw(&the.other_value);
	the.cache = sct_cache_open(&secret);
}

static void open_usual(void)
{
	open_with(SC_CACHE_OPTIONS(.max_bytes = 256 << 10, .clock = sct_clock_of(&the.now_ms)));
}

static int put(size_t len)
{
	return sct_secret_put(the.cache, &the.key, &the.value, len, NULL);
}

/* Fill in other entries. */
static void put_others(uint64_t from, uint64_t to, size_t len)
{
	static const unsigned char zeros[SCT_SECRETS_MAX];

	for (uint64_t i = from; i < to; i++)
		assert_int_equal(sc_cache_put(the.cache, SC_KEY(i), zeros, len), SC_OK);
}

static void assert_entry_is_there(void)
{
	sct_assert_there(&the.key.secret);
	sct_assert_there(&the.value);
}

static void assert_entry_is_gone(void)
{
	sct_assert_gone(&the.key.secret);
	sct_assert_gone(&the.value);
}

static void replaced(void **state)
{
	static const struct sc_object object = { .pointer = &the };
	const size_t lengths[] = { LEN, LEN / 2, LEN * 4 };
	int rc;

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		open_usual();
		assert_int_equal(put(LEN), SC_OK);
		assert_entry_is_there();
		/* The first is written in place. */
		assert_int_equal(
			sct_secret_put(the.cache, &the.key, &the.other_value, lengths[i], NULL),
			SC_OK);
		sct_assert_gone(&the.value);
		sct_assert_there(&the.other_value);
		sct_with_key(&the.key, name,
			rc = sc_cache_put_object(the.cache, name, &object, NULL));
		assert_int_equal(rc, SC_OK);
		sct_assert_gone(&the.other_value);
		sct_assert_there(&the.key.secret);
		sc_cache_close(the.cache);
		assert_entry_is_gone();
	}
}

static void not_stored(void **state)
{
	struct sct_secret_key large = sct_secret_key_draw(SCT_KEY_LONG);
	unsigned char *plain = malloc(512 << 10);
	int rc;

	(void)state;
	open_usual();
	assert_int_equal(put(LEN), SC_OK);
	assert_int_equal(sct_secret_put(the.cache, &the.key, &the.other_value, LEN,
				 SC_PUT_OPTIONS(.ttl_ms = -1)),
		SC_OK);
	assert_entry_is_gone();
	sct_assert_gone(&the.other_value);
	/* Larger than the cache. */
	assert_non_null(plain);
	sct_secret_reveal(&the.value, plain, 512 << 10);
	sct_with_key(&large, name, rc = sc_cache_put(the.cache, name, plain, 512 << 10));
	sct_secret_hide(plain, 512 << 10);
	free(plain);
	assert_int_equal(rc, SC_E_TOO_LARGE);
	sct_assert_gone(&large.secret);
	sct_assert_gone(&the.value);
	sc_cache_close(the.cache);
}

static void evicted(void **state)
{
	(void)state;
	for (int policy = SC_POLICY_ADAPTIVE; policy <= SC_POLICY_LRU; policy++) {
		open_with(SC_CACHE_OPTIONS(.max_entries = 3, .max_bytes = 64 << 10,
			.policy = (uint64_t)policy));
		assert_int_equal(put(LEN), SC_OK);
		assert_entry_is_there();
		put_others(0, 20, LEN);
		assert_true(sct_stats(the.cache).evictions > 0);
		assert_entry_is_gone();
		sc_cache_close(the.cache);
	}
}

/* All copies that there are belong to entries. */
static void moved(void **state)
{
	struct sct_secret_key keys[8];
	struct sc_value value;
	size_t left = 0;

	(void)state;
	open_usual();
	for (unsigned i = 0; i < 8; i++) {
		keys[i] = sct_secret_key_draw(SCT_KEY_USUAL);
		put_others(i * 40, i * 40 + 40, 100 + i * 10);
		assert_int_equal(sct_secret_put(the.cache, &keys[i], &the.value, LEN, NULL), SC_OK);
	}
	for (uint64_t i = 1000; sct_stats(the.cache).moved_bytes < 128 << 10; i++) {
		put_others(i, i + 1, i % 40 * 100);
		for (unsigned k = 0; k < 8; k++)
			if (sct_secret_acquire(the.cache, &keys[k], &value) == SC_HIT)
				sc_value_release(&value);
	}
	for (unsigned i = 0; i < 8; i++)
		if (sct_secret_acquire(the.cache, &keys[i], &value) == SC_HIT) {
			left++;
			assert_true(sct_secret_is(&the.value, value.data, value.len));
			sc_value_release(&value);
			assert_int_equal(sct_secret_pieces(&keys[i].secret), SCT_SECRET_PIECES);
		} else {
			sct_assert_gone(&keys[i].secret);
		}
	assert_true(left > 0);
	assert_int_equal(sct_secret_pieces(&the.value),
		left * SCT_SECRET_PIECES * LEN / SCT_SECRET_BYTES);
	sc_cache_close(the.cache);
	sct_assert_gone(&the.value);
}

static void resized(void **state)
{
	struct sct_secret_key last = sct_secret_key_draw(SCT_KEY_USUAL);
	struct sc_value value;

	(void)state;
	open_with(SC_CACHE_OPTIONS(.max_bytes = 256 << 10, .policy = SC_POLICY_LRU));
	assert_int_equal(put(LEN), SC_OK);
	put_others(0, 200, 500);
	assert_int_equal(sct_secret_put(the.cache, &last, &the.other_value, LEN, NULL), SC_OK);
	/* The entry that was used last moves to the front. */
	assert_int_equal(sc_cache_resize(the.cache, 1, 32 << 10, NULL), 0);
	assert_int_equal(sct_stats(the.cache).entries, 1);
	assert_entry_is_gone();
	assert_int_equal(sct_secret_acquire(the.cache, &last, &value), SC_HIT);
	sc_value_release(&value);
	assert_int_equal(sct_secret_pieces(&the.other_value),
		SCT_SECRET_PIECES * LEN / SCT_SECRET_BYTES);
	sc_cache_close(the.cache);
	sct_assert_gone(&the.other_value);
}

/* ---- Expiry ---- */

static void put_expiring(const struct sc_put_options *options)
{
	open_usual();
	assert_int_equal(sct_secret_put(the.cache, &the.key, &the.value, LEN, options), SC_OK);
	the.now_ms += 100;
	assert_entry_is_there();
}

static void expired_and_looked_up(void **state)
{
	unsigned char buffer[LEN];
	size_t len;
	int rc;

	(void)state;
	put_expiring(SC_PUT_OPTIONS(.ttl_ms = 50));
	sct_with_key(&the.key, name,
		rc = sc_cache_get(the.cache, name, buffer, sizeof buffer, &len));
	assert_int_equal(rc, SC_MISS);
	assert_entry_is_gone();
	sc_cache_close(the.cache);
}

static void expired_and_maintained(void **state)
{
	(void)state;
	put_expiring(SC_PUT_OPTIONS(.tti_ms = 50));
	assert_int_equal(sc_cache_maintain(the.cache, 1000), 0);
	assert_entry_is_gone();
	sc_cache_close(the.cache);
}

/* ---- Calls that remove ---- */

static void invalidated(void **state)
{
	const size_t lengths[] = { SCT_KEY_USUAL, SCT_KEY_LONG };

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		open_usual();
		the.key = sct_secret_key_draw(lengths[i]);
		assert_int_equal(put(LEN), SC_OK);
		assert_entry_is_there();
		assert_int_equal(sct_secret_invalidate(the.cache, &the.key), SC_HIT);
		assert_entry_is_gone();
		assert_int_equal(sct_secret_invalidate(the.cache, &the.key), SC_MISS);
		sct_assert_gone(&the.key.secret);
		sc_cache_close(the.cache);
	}
}

static void cleared(void **state)
{
	(void)state;
	open_with(SC_CACHE_OPTIONS(.max_bytes = 8 << 20, .concurrency = 4));
	assert_true(the.cache->stripe_count > 1);
	assert_int_equal(put(LEN_MOST), SC_OK);
	put_others(0, 100, 300);
	assert_entry_is_there();
	sc_cache_clear(the.cache);
	assert_entry_is_gone();
	sc_cache_close(the.cache);
}

static int double_it(struct sc_load *load, void *context)
{
	unsigned char plain[LEN];

	(void)context;
	sct_secret_reveal(&the.value, plain, sizeof plain);
	int rc = sc_load_set_value(load, plain, sizeof plain);
	sct_secret_hide(plain, sizeof plain);
	return rc;
}

static void of_a_memo_that_is_cleared(void **state)
{
	struct sc_value value;
	struct sc_memo memo;
	int rc;

	(void)state;
	the.key = sct_secret_key_draw(SCT_KEY_LONG);
	sct_secret_draw(&the.value);
	assert_int_equal(sc_memo_init(&memo, double_it, NULL,
				 SC_CACHE_OPTIONS(.max_entries = 8, .secret = 1), NULL),
		0);
	sct_with_key(&the.key, name, rc = sc_memo_call(&memo, name, &value, NULL));
	assert_int_equal(rc, SC_LOADED);
	sc_value_release(&value);
	assert_entry_is_there();
	sc_memo_clear(&memo);
	assert_entry_is_gone();
	sc_memo_fini(&memo);
}

/* ---- Pins ---- */

static void pinned(void **state)
{
	struct sc_value value;

	(void)state;
	open_usual();
	assert_int_equal(put(LEN_MOST), SC_OK);
	assert_int_equal(sct_secret_acquire(the.cache, &the.key, &value), SC_HIT);
	sc_cache_clear(the.cache);
	/* The value is the caller's until it is released, and the key is in the same record. */
	assert_true(sct_secret_is(&the.value, value.data, value.len));
	assert_entry_is_there();
	sc_value_release(&value);
	assert_entry_is_gone();
	sc_cache_close(the.cache);
}

static void pinned_when_the_cache_is_closed(void **state)
{
	struct sc_value value;

	(void)state;
	open_usual();
	assert_int_equal(put(LEN), SC_OK);
	assert_int_equal(sct_secret_acquire(the.cache, &the.key, &value), SC_HIT);
	assert_int_equal(sct_secret_put(the.cache, &the.other_key, &the.other_value, LEN, NULL),
		SC_OK);
	sc_cache_close(the.cache);
	/* The region stays for the pinned value, without all others. */
	sct_assert_gone(&the.other_key.secret);
	sct_assert_gone(&the.other_value);
	assert_entry_is_there();
	assert_true(sct_secret_is(&the.value, value.data, value.len));
	sc_value_release(&value);
	assert_entry_is_gone();
}

static void pinned_too_often(void **state)
{
	struct sc_value values[SCI_PINS_MAX + 1];

	(void)state;
	open_usual();
	assert_int_equal(put(LEN), SC_OK);
	for (unsigned i = 0; i <= SCI_PINS_MAX; i++)
		assert_int_equal(sct_secret_acquire(the.cache, &the.key, &values[i]), SC_HIT);
	/* The last one is a copy on the heap. */
	assert_int_equal(sct_secret_pieces(&the.value),
		2 * SCT_SECRET_PIECES * LEN / SCT_SECRET_BYTES);
	sc_value_release(&values[SCI_PINS_MAX]);
	assert_int_equal(sct_secret_pieces(&the.value), SCT_SECRET_PIECES * LEN / SCT_SECRET_BYTES);
	for (unsigned i = 0; i < SCI_PINS_MAX; i++)
		sc_value_release(&values[i]);
	sc_cache_close(the.cache);
	assert_entry_is_gone();
}

/* ---- Lookups leave nothing but what the caller has ---- */

static void looked_up(void **state)
{
	const size_t keys[] = { SCT_KEY_USUAL, SCT_KEY_LONG };
	const size_t values[] = { LEN, LEN_MOST };
	static unsigned char buffer[LEN_MOST];
	struct sc_value value;
	size_t len;
	int rc;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		open_usual();
		the.key = sct_secret_key_draw(keys[i / 2]);
		assert_int_equal(put(values[i % 2]), SC_OK);
		sct_with_key(&the.key, name,
			rc = sc_cache_get(the.cache, name, buffer, sizeof buffer, &len));
		assert_int_equal(rc, SC_HIT);
		assert_int_equal(len, values[i % 2]);
		assert_true(sct_secret_is(&the.value, buffer, len));
		sct_secret_hide(buffer, sizeof buffer);
		sct_with_key(&the.key, name, rc = sc_cache_get(the.cache, name, buffer, 1, &len));
		assert_int_equal(rc, SC_E_TOO_LARGE);
		sct_with_key(&the.key, name, rc = sc_cache_peek(the.cache, name, &value));
		assert_int_equal(rc, SC_HIT);
		sc_value_release(&value);
		assert_int_equal(sct_secret_pieces(&the.value),
			SCT_SECRET_PIECES * values[i % 2] / SCT_SECRET_BYTES);
		sc_cache_clear(the.cache);
		assert_entry_is_gone();
		sc_cache_close(the.cache);
	}
}

/* A pinned entry is unusual, and a lookup without the lock leaves it to one with it, which begins
 * with an empty buffer. */
static void looked_up_while_pinned(void **state)
{
	const size_t capacities[] = { 0, 2, 5 };
	unsigned char buffer[6];
	struct sc_value value;
	size_t len;

	(void)state;
	open_usual();
	assert_int_equal(sct_put(the.cache, SC_KEY("short"), "value"), SC_OK);
	assert_int_equal(sc_cache_acquire(the.cache, SC_KEY("short"), &value), SC_HIT);
	for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
		size_t capacity = capacities[i];
		memset(buffer, 0xFF, sizeof buffer);
		int rc = sc_cache_get(the.cache, SC_KEY("short"), buffer, capacity, &len);
		assert_int_equal(rc, capacity == 5 ? SC_HIT : SC_E_TOO_LARGE);
		assert_int_equal(len, 5);
		assert_memory_equal(buffer, capacity == 5 ? "value" : "\0\0", capacity);
		assert_int_equal(buffer[capacity], 0xFF);
	}
	sc_value_release(&value);
	sc_cache_close(the.cache);
}

/* ---- Copies that a writer interrupts ---- */

enum { TORN_KEYS = 4, TORN_LEN = 1000, TORN_GETS = 20000 };

static atomic_bool is_done;

static void write_until_done(void)
{
	unsigned char bytes[TORN_LEN];

	for (uint64_t i = 1; !atomic_load(&is_done); i++) {
		uint64_t key = i % TORN_KEYS;
		memset(bytes, (int)(key + 1), sizeof bytes);
		sc_cache_put(the.cache, SC_KEY(key), bytes, i * 37 % TORN_LEN);
		if (i % 7 == 0)
			sc_cache_invalidate(the.cache, SC_KEY(i / 7 % TORN_KEYS));
	}
}

static bool has_only(const unsigned char *bytes, size_t from, size_t end, unsigned char wanted)
{
	for (size_t i = from; i < end; i++)
		if (bytes[i] != wanted)
			return false;
	return true;
}

static void read_or_write(unsigned number, void *none)
{
	unsigned char bytes[TORN_LEN];
	size_t len;

	(void)none;
	if (number > 0) {
		write_until_done();
		return;
	}
	memset(bytes, 0, sizeof bytes);
	for (uint64_t i = 0; i < TORN_GETS; i++) {
		uint64_t key = i % TORN_KEYS;
		int rc = sc_cache_get(the.cache, SC_KEY(key), bytes, sizeof bytes, &len);
		sct_check(rc == SC_HIT || (rc == SC_MISS && len == 0));
		sct_check(has_only(bytes, 0, len, (unsigned char)(key + 1)));
		/* Nothing of an interrupted copy is behind it. */
		sct_check(has_only(bytes, len, sizeof bytes, 0));
		memset(bytes, 0, sizeof bytes);
	}
	atomic_store(&is_done, true);
}

static void interrupted_copies_leave_nothing(void **state)
{
	(void)state;
	open_with(SC_CACHE_OPTIONS(.max_bytes = 64 << 10));
	atomic_store(&is_done, false);
	sct_threads_run(3, read_or_write, NULL);
	sc_cache_close(the.cache);
}

/* A short key is laid out in words on the stack. It is too short for a search. */
static void looked_up_by_a_short_key(void **state)
{
	struct sci_lookup_key lookup;

	(void)state;
	open_usual();
	assert_int_equal(sci_cache_key(the.cache, SC_KEY("a short key"), &lookup), 0);
	assert_true(lookup.small[0] && lookup.small[1]);
	sci_key_fini(&lookup);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(lookup.small[i], 0);
	sct_assert_get(the.cache, SC_KEY("a short key"), NULL);
	assert_int_equal(sct_put(the.cache, SC_KEY("a short key"), "v"), SC_OK);
	sct_assert_get(the.cache, SC_KEY("a short key"), "v");
	sc_cache_close(the.cache);
}

static void iterated(void **state)
{
	const size_t lengths[] = { SCT_KEY_USUAL, SCT_KEY_LONG * 2 };
	unsigned char plain[SCT_KEY_LONG * 2], *text = malloc(20000);
	struct sc_iterator *iterator;
	const struct sc_key *key;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		open_usual();
		sct_secret_reveal(&the.key.secret, plain, lengths[i]);
		assert_int_equal(
			sc_cache_put(the.cache, SC_KEY(SC_BYTES(plain, lengths[i])), "v", 1),
			SC_OK);
		sct_secret_hide(plain, sizeof plain);
		assert_int_equal(sc_iterator_open(&iterator, the.cache), 0);
		assert_int_equal(sc_iterator_next(iterator, &key), SC_HIT);
		assert_true(sct_secret_is(&the.key.secret, key->parts[0].data, lengths[i]));
		sc_cache_clear(the.cache);
		/* The copy is the iterator's. */
		sct_assert_there(&the.key.secret);
		sc_iterator_close(iterator);
		sct_assert_gone(&the.key.secret);
		/* A key for which the iterator's memory has to grow. */
		sct_secret_reveal(&the.other_key.secret, text, 20000);
		assert_int_equal(sc_cache_put(the.cache, SC_KEY(SC_BYTES(text, 20000)), "v", 1),
			SC_OK);
		sct_secret_hide(text, 20000);
		assert_int_equal(sc_iterator_open(&iterator, the.cache), 0);
		assert_int_equal(sc_iterator_next(iterator, &key), SC_HIT);
		sc_iterator_close(iterator);
		sc_cache_close(the.cache);
		sct_assert_gone(&the.other_key.secret);
	}
	free(text);
}

static void closed(void **state)
{
	(void)state;
	open_usual();
	assert_int_equal(put(LEN_MOST), SC_OK);
	assert_entry_is_there();
	sc_cache_close(the.cache);
	assert_entry_is_gone();
}

/* The search is not blind: a cache without the option leaves bytes behind. */
static void of_another_cache_are_left(void **state)
{
	struct sc_value value;

	(void)state;
	open_usual();
	sc_cache_close(the.cache);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10));
	the.key = sct_secret_key_draw(SCT_KEY_LONG);
	assert_int_equal(put(LEN), SC_OK);
	assert_int_equal(sct_secret_acquire(the.cache, &the.key, &value), SC_HIT);
	sc_value_release(&value);
	sct_assert_there(&the.key.secret);
	sc_cache_close(the.cache);
	/* The long key was on the heap. */
	sct_assert_there(&the.key.secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced),
		cmocka_unit_test(not_stored),
		cmocka_unit_test(evicted),
		cmocka_unit_test(moved),
		cmocka_unit_test(resized),
		cmocka_unit_test(expired_and_looked_up),
		cmocka_unit_test(expired_and_maintained),
		cmocka_unit_test(invalidated),
		cmocka_unit_test(cleared),
		cmocka_unit_test(of_a_memo_that_is_cleared),
		cmocka_unit_test(pinned),
		cmocka_unit_test(pinned_when_the_cache_is_closed),
		cmocka_unit_test(pinned_too_often),
		cmocka_unit_test(looked_up),
		cmocka_unit_test(looked_up_while_pinned),
		cmocka_unit_test(interrupted_copies_leave_nothing),
		cmocka_unit_test(looked_up_by_a_short_key),
		cmocka_unit_test(iterated),
		cmocka_unit_test(closed),
		cmocka_unit_test(of_another_cache_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
