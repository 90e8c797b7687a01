/* Loads for a secret cache: the copies of keys and values that they keep on the heap are wiped when
 * the loads, the flights, the refreshes and the values end, however they do. */
#include "cache/out_of_memory.h"
#include "cache/secret_fixture.h"
#include "support/threads.h"

#include <scopecache/process.h>

#include <pthread.h>

const char sct_long_text[SCT_LONG_TEXT_LEN];

enum { LEN = 10 * SCT_SECRET_BYTES, TTL = 100, WAITERS = 3, KEYS = 18 };

/* What the loader does. */
enum act {
	GIVE,
	GIVE_TWICE,
	RESERVE,
	FAIL,
	FAIL_AFTER_VALUE,
	FIND_NOTHING,
	END_THREAD,
	INVALIDATE
};

static struct {
	struct sc_cache *cache;
	struct sct_secret_key key, other_key;
	struct sct_secret value, old_value;
	enum act act;
	_Atomic unsigned waiters; /* to be waited for by the loader */
	_Atomic bool is_loading;
	_Atomic int64_t now_ms;
} the;

static int give(struct sc_load *load, const struct sct_secret *value, size_t len)
{
	unsigned char plain[LEN];

	sct_secret_reveal(value, plain, len);
	int rc = sc_load_set_value(load, plain, len);
	sct_secret_hide(plain, len);
	return rc;
}

static int fill_reserved(struct sc_load *load)
{
	void *data;

	int rc = sc_load_reserve(load, LEN, &data);
	if (rc == 0)
		sct_secret_reveal(&the.value, data, LEN);
	return rc;
}

static int act(struct sc_load *load)
{
	int rc = 0;

	switch (the.act) {
	case GIVE_TWICE:
		rc = give(load, &the.old_value, LEN);
		return rc < 0 ? rc : give(load, &the.value, LEN);
	case RESERVE:
		return fill_reserved(load);
	case FAIL_AFTER_VALUE:
		rc = give(load, &the.value, LEN);
		return sc_load_fail(load, rc < 0 ? rc : -7, "no answer");
	case FAIL:
		return sc_load_fail(load, -7, "no answer");
	case FIND_NOTHING:
		return SC_E_ABSENT;
	case END_THREAD:
		sct_check(give(load, &the.value, LEN) == 0);
		pthread_exit(NULL);
	case INVALIDATE:
		rc = give(load, &the.value, LEN);
		sc_cache_invalidate(the.cache, *sc_load_key(load));
		return rc;
	case GIVE:
		break;
	}
	return give(load, &the.value, LEN);
}

static int load(struct sc_load *load, void *context)
{
	(void)context;
	the.is_loading = true;
	sct_until(sct_threads_waiting() >= the.waiters);
	int rc = act(load);
	the.is_loading = false;
	return rc;
}

static int load_many(struct sc_load *const *loads, size_t count, void *context)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		if (act(loads[i]) < 0)
			return -7;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	the.act = GIVE;
	the.now_ms = 1000;
	the.waiters = 0;
	the.key = sct_secret_key_draw(SCT_KEY_LONG);
	the.other_key = sct_secret_key_draw(SCT_KEY_USUAL);
	sct_secret_draw(&the.value);
	sct_secret_draw(&the.old_value);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.secret = 1, .max_bytes = 256 << 10,
		.loader = load, .clock = sct_clock_of(&the.now_ms)));
	return 0;
}

static void reopen(struct sc_cache_options options)
{
	sc_cache_close(the.cache);
	options.secret = 1;
	options.max_bytes = 256 << 10;
	options.clock = sct_clock_of(&the.now_ms);
	the.cache = sct_cache_open(&options);
}

static int tear_down(void **state)
{
	(void)state;
	sc_cache_close(the.cache);
	sct_assert_gone(&the.key.secret);
	sct_assert_gone(&the.value);
	sct_assert_gone(&the.old_value);
	return 0;
}

static int fetch_and_release(void)
{
	struct sc_value value;
	struct sc_error error = { 0 };

	int rc = sct_secret_fetch(the.cache, &the.key, &value, &error);
	if (rc > 0)
		assert_true(sct_secret_is(&the.value, value.data, value.len));
	sc_value_release(&value);
	return rc;
}

/* The value is in the region and nowhere else. */
static void assert_one_copy(void)
{
	assert_int_equal(sct_secret_pieces(&the.value), SCT_SECRET_PIECES * LEN / SCT_SECRET_BYTES);
	assert_int_equal(sct_secret_pieces(&the.key.secret),
		SCT_SECRET_PIECES * SCT_KEY_LONG / SCT_SECRET_BYTES);
}

static void assert_nothing_is_left(void)
{
	sct_assert_gone(&the.key.secret);
	sct_assert_gone(&the.value);
	sct_assert_gone(&the.old_value);
}

/* ---- One load ---- */

static void loaded(void **state)
{
	const enum act acts[] = { GIVE, GIVE_TWICE, RESERVE };

	(void)state;
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		the.act = acts[i];
		assert_int_equal(fetch_and_release(), SC_LOADED);
		assert_one_copy();
		sct_assert_gone(&the.old_value);
		assert_int_equal(fetch_and_release(), SC_HIT);
		assert_one_copy();
		assert_int_equal(sct_secret_invalidate(the.cache, &the.key), SC_HIT);
		assert_nothing_is_left();
	}
}

static void held_by_its_caller(void **state)
{
	struct sc_value value;

	(void)state;
	assert_int_equal(sct_secret_fetch(the.cache, &the.key, &value, NULL), SC_LOADED);
	sc_cache_clear(the.cache);
	/* The key goes with the entry; the value is the caller's. */
	sct_assert_gone(&the.key.secret);
	assert_true(sct_secret_is(&the.value, value.data, value.len));
	sct_assert_there(&the.value);
	sc_value_release(&value);
	assert_nothing_is_left();
}

static void without_a_value(void **state)
{
	const enum act acts[] = { FAIL, FAIL_AFTER_VALUE, FIND_NOTHING };
	const int results[] = { SC_E_LOAD, SC_E_LOAD, SC_E_ABSENT };

	(void)state;
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		the.act = acts[i];
		assert_int_equal(fetch_and_release(), results[i]);
		assert_nothing_is_left();
	}
}

/* With a cache that remembers it, the key is in the region until that ends. */
static void without_a_value_and_remembered(void **state)
{
	const enum act acts[] = { FAIL, FIND_NOTHING };

	(void)state;
	reopen((struct sc_cache_options){ .size = sizeof(struct sc_cache_options),
		.loader = load,
		.retry_after_ms = 10,
		.negative_ttl_ms = 10 });
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		the.act = acts[i];
		assert_true(fetch_and_release() < 0);
		assert_true(fetch_and_release() < 0);
		assert_int_equal(sct_secret_pieces(&the.key.secret),
			SCT_SECRET_PIECES * SCT_KEY_LONG / SCT_SECRET_BYTES);
		the.now_ms += 1000;
		sc_cache_maintain(the.cache, 1000);
		assert_nothing_is_left();
	}
}

static void invalidated_during_the_load(void **state)
{
	(void)state;
	the.act = INVALIDATE;
	assert_int_equal(fetch_and_release(), SC_LOADED);
	assert_nothing_is_left();
}

static void *fetch_on_a_thread(void *none)
{
	struct sc_value value;

	(void)none;
	sct_check(sct_secret_fetch(the.cache, &the.key, &value, NULL) == SC_LOADED);
	sct_check(sct_secret_is(&the.value, value.data, value.len));
	sc_value_release(&value);
	return NULL;
}

/* Its thread's stack has the test's own key, which is hidden only if the call returns. */
static unsigned char abandoned_key[SCT_KEY_LONG];

static void *fetch_and_end(void *none)
{
	struct sc_value value;

	(void)none;
	sc_cache_fetch(the.cache, SC_KEY(SC_BYTES(abandoned_key, sizeof abandoned_key)), &value,
		NULL);
	sct_check(false);
	return NULL;
}

static void run_to_its_end(void *(*body)(void *))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *end(void *none)
{
	pthread_exit(none);
}

static void abandoned(void **state)
{
	(void)state;
	/* The first end of a thread links a library, which saves all registers on the stack. */
	run_to_its_end(end);
	the.act = END_THREAD;
	sct_secret_reveal(&the.key.secret, abandoned_key, sizeof abandoned_key);
	run_to_its_end(fetch_and_end);
	sct_secret_hide(abandoned_key, sizeof abandoned_key);
	assert_nothing_is_left();
}

/* ---- Other threads wait ---- */

static void awaited(void **state)
{
	pthread_t threads[WAITERS + 1];

	(void)state;
	the.waiters = WAITERS;
	for (int i = 0; i <= WAITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fetch_on_a_thread, NULL), 0);
	for (int i = 0; i <= WAITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(sct_stats(the.cache).load_waits, WAITERS);
	assert_one_copy();
	sc_cache_clear(the.cache);
	assert_nothing_is_left();
}

/* ---- Many keys ---- */

/* Returns how many have a value. Each key has a number after the secret; half are long. */
static int fetch_many(void)
{
	static struct sc_fetch_result results[KEYS];
	static unsigned char plain[SCT_KEY_LONG];
	struct sc_part parts[KEYS][2];
	struct sc_key keys[KEYS];

	sct_secret_reveal(&the.key.secret, plain, sizeof plain);
	for (unsigned i = 0; i < KEYS; i++) {
		parts[i][0] = sc_part_bytes(plain, i % 2 ? SCT_KEY_USUAL : SCT_KEY_LONG);
		parts[i][1] = sc_part_unsigned(i);
		keys[i] = (struct sc_key){ parts[i], 2 };
	}
	int rc = sc_cache_fetch_many(the.cache, keys, KEYS, NULL, results);
	sc_fetch_results_release(results, KEYS);
	sct_secret_hide(plain, sizeof plain);
	return rc;
}

static void many_at_once(void **state)
{
	(void)state;
	for (int batches = 0; batches < 2; batches++) {
		reopen((struct sc_cache_options){ .size = sizeof(struct sc_cache_options),
			.loader = load,
			.batch_loader = batches ? load_many : NULL });
		the.act = FAIL_AFTER_VALUE;
		assert_int_equal(fetch_many(), 0);
		assert_nothing_is_left();
		the.act = GIVE;
		assert_int_equal(fetch_many(), KEYS);
		assert_int_equal(fetch_many(), KEYS);
		assert_int_equal(sct_secret_pieces(&the.key.secret),
			KEYS / 2 * SCT_SECRET_PIECES * (SCT_KEY_USUAL + SCT_KEY_LONG) /
				SCT_SECRET_BYTES);
		assert_int_equal(sct_secret_pieces(&the.value),
			KEYS * SCT_SECRET_PIECES * LEN / SCT_SECRET_BYTES);
	}
}

/* ---- Updates ---- */

static int update(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);

	(void)context;
	sct_check(!old || sct_secret_is(&the.old_value, old->data, old->len));
	return act(load);
}

static void updated(void **state)
{
	struct sc_value value;
	int rc;

	(void)state;
	assert_int_equal(sct_secret_put(the.cache, &the.key, &the.old_value, LEN, NULL), SC_OK);
	the.act = FAIL_AFTER_VALUE;
	sct_with_key(&the.key, name,
		rc = sc_cache_update(the.cache, name, update, NULL, &value, NULL));
	assert_int_equal(rc, SC_E_LOAD);
	sct_assert_gone(&the.value);
	sct_assert_there(&the.old_value);
	the.act = GIVE;
	sct_with_key(&the.key, name,
		rc = sc_cache_update(the.cache, name, update, NULL, &value, NULL));
	assert_int_equal(rc, SC_LOADED);
	sc_value_release(&value);
	assert_one_copy();
	sct_assert_gone(&the.old_value);
	sct_secret_invalidate(the.cache, &the.key);
	assert_nothing_is_left();
}

/* ---- Refreshes ---- */

/* A stale value, and a refresh that waits in the queue. */
static void request_a_refresh(void)
{
	reopen((struct sc_cache_options){ .size = sizeof(struct sc_cache_options),
		.loader = load,
		.ttl_ms = TTL,
		.stale_while_revalidate_ms = 10 * TTL });
	assert_int_equal(fetch_and_release(), SC_LOADED);
	the.now_ms += TTL;
	assert_int_equal(fetch_and_release(), SC_STALE);
	/* The entry's key, and that of the queue. */
	assert_int_equal(sct_secret_pieces(&the.key.secret),
		2 * SCT_SECRET_PIECES * SCT_KEY_LONG / SCT_SECRET_BYTES);
}

static void refreshed(void **state)
{
	(void)state;
	request_a_refresh();
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(sct_stats(the.cache).refreshes, 1);
	assert_one_copy();
}

static void queued_and_removed(void **state)
{
	(void)state;
	request_a_refresh();
	assert_int_equal(sct_secret_invalidate(the.cache, &the.key), SC_HIT);
	assert_nothing_is_left();
	request_a_refresh();
	/* The refresh of another key stays. */
	assert_int_equal(sct_secret_invalidate(the.cache, &the.other_key), SC_MISS);
	assert_int_equal(sct_secret_pieces(&the.key.secret),
		2 * SCT_SECRET_PIECES * SCT_KEY_LONG / SCT_SECRET_BYTES);
	sc_cache_clear(the.cache);
	assert_nothing_is_left();
	request_a_refresh();
}

/* ---- Out of memory ---- */

static void use_without_memory(void *none)
{
	struct sc_error error = { 0 };
	struct sc_value value = { 0 };
	struct sc_cache *cache = sct_try_to_open(
		SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .secret = 1, .loader = load, .ttl_ms = TTL,
			.stale_while_revalidate_ms = 10 * TTL, .clock = sct_clock_of(&the.now_ms)));

	(void)none;
	if (!cache)
		return;
	struct sc_cache *usual = the.cache;
	the.cache = cache;
	int rc = sct_secret_fetch(cache, &the.key, &value, &error);
	/* A loader that finds no memory has failed. */
	if (rc == SC_E_LOAD)
		assert_true(sct_allocation_failed());
	else
		sct_assert_done_or_out_of_memory(rc, SC_LOADED, &error);
	sc_value_release(&value);
	the.now_ms += TTL;
	if (sct_secret_fetch(cache, &the.key, &value, NULL) < 0)
		assert_true(sct_allocation_failed());
	sc_value_release(&value);
	sct_secret_put(cache, &the.key, &the.old_value, LEN, NULL);
	sct_secret_invalidate(cache, &the.key);
	sc_cache_close(cache);
	the.cache = usual;
	assert_nothing_is_left();
}

static void out_of_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(use_without_memory, NULL);
}

int main(void)
{
#define WITH_A_CACHE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_A_CACHE(loaded),
		WITH_A_CACHE(held_by_its_caller),
		WITH_A_CACHE(without_a_value),
		WITH_A_CACHE(without_a_value_and_remembered),
		WITH_A_CACHE(invalidated_during_the_load),
		WITH_A_CACHE(abandoned),
		WITH_A_CACHE(awaited),
		WITH_A_CACHE(many_at_once),
		WITH_A_CACHE(updated),
		WITH_A_CACHE(refreshed),
		WITH_A_CACHE(queued_and_removed),
		WITH_A_CACHE(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
