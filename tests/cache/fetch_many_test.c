/* Fetch of many keys: one result for each, and one call of the batch loader for all misses. */
#include "cache/cache_fixture.h"
#include "support/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 300 };

/* The state of a case's batch loader, and what it was asked for. */
struct source {
	struct sc_cache *cache;
	_Atomic int calls;
	int loads;
	int64_t asked[MANY]; /* how many calls for each number */
	int result;
	void (*also)(struct source *source, struct sc_load *const *loads, size_t count);
};

/* Numbers that are divisible by 7 are absent, by 11 fail; the value of the others is the number. */
static void give(struct sc_load *load, int64_t number)
{
	if (number % 7 == 0)
		return;
	if (number % 11 == 0)
		sc_load_fail(load, -111, "%d is not for you", (int)number);
	else
		sct_check(sc_load_set_value(load, &number, sizeof number) == 0);
}

static int load_many(struct sc_load *const *loads, size_t count, void *context)
{
	struct source *source = context;

	source->calls++;
	source->loads += (int)count;
	for (size_t i = 0; i < count; i++) {
		int64_t number = sc_load_number(loads[i], 0);
		source->asked[number]++;
		give(loads[i], number);
	}
	if (source->also)
		source->also(source, loads, count);
	return source->result;
}

static int source_open(void **state)
{
	static struct source source;

	memset(&source, 0, sizeof source);
	source.cache = sct_cache_open(
		SC_CACHE_OPTIONS(.batch_loader = load_many, .loader_context = &source));
	*state = &source;
	return 0;
}

static int source_close(void **state)
{
	struct source *source = *state;

	assert_int_equal(sct_stats(source->cache).pinned, 0);
	sc_cache_close(source->cache);
	return 0;
}

/* Fetch keys with one number each. */
static int fetch_with(struct sc_cache *cache, const int64_t *numbers, size_t count,
	struct sc_fetch_result *results, const struct sc_fetch_options *options)
{
	struct sc_part parts[MANY];
	struct sc_key keys[MANY];

	for (size_t i = 0; i < count; i++) {
		parts[i] = sc_part_integer(numbers[i]);
		keys[i] = (struct sc_key){ &parts[i], 1 };
	}
	return sc_cache_fetch_many(cache, keys, count, options, results);
}

static int fetch_numbers(struct sc_cache *cache, const int64_t *numbers, size_t count,
	struct sc_fetch_result *results)
{
	return fetch_with(cache, numbers, count, results, NULL);
}

static void assert_result(const struct sc_fetch_result *result, int64_t number, int loaded)
{
	int outcome = number % 7 == 0 ? SC_E_ABSENT : number % 11 == 0 ? SC_E_LOAD : loaded;

	assert_int_equal(result->outcome, outcome);
	assert_int_equal(result->error.code, outcome < 0 ? outcome : 0);
	if (outcome < 0) {
		assert_null(result->value.data);
		assert_int_not_equal(strlen(result->error.message), 0);
	} else {
		assert_int_equal(result->value.len, sizeof number);
		assert_memory_equal(result->value.data, &number, sizeof number);
	}
	if (outcome == SC_E_LOAD)
		assert_int_equal(result->error.user_code, -111);
}

static void from(int64_t *numbers, int64_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		numbers[i] = first + (int64_t)i;
}

static void all_that_is_missing_is_one_call(void **state)
{
	struct source *source = *state;
	struct sc_fetch_result *results = calloc(MANY, sizeof *results);
	int64_t numbers[MANY];

	from(numbers, 0, MANY);
	/* Of 0 to 299, 43 are absent, and 24 more fail. */
	assert_int_equal(fetch_numbers(source->cache, numbers, MANY, results), MANY - 43 - 24);
	assert_int_equal(source->calls, 1);
	assert_int_equal(source->loads, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_result(&results[i], numbers[i], SC_LOADED);
	sc_fetch_results_release(results, MANY);
	/* Loaded values are hits now; absent ones are loaded again. */
	assert_int_equal(fetch_numbers(source->cache, numbers, MANY, results), MANY - 43 - 24);
	assert_int_equal(source->calls, 2);
	assert_int_equal(source->loads, MANY + 43 + 24);
	for (size_t i = 0; i < MANY; i++)
		assert_result(&results[i], numbers[i], SC_HIT);
	sc_fetch_results_release(results, MANY);
	assert_null(results[1].value.data);
	sc_fetch_results_release(results, MANY);
	assert_int_equal(sct_stats(source->cache).loads, MANY - 43 - 24);
	assert_int_equal(sct_stats(source->cache).load_absences, 2 * 43);
	assert_int_equal(sct_stats(source->cache).load_failures, 2 * 24);
	assert_int_equal(sct_stats(source->cache).hits, MANY - 43 - 24);
	free(results);
}

static void a_fetch_of_no_keys_does_nothing(void **state)
{
	struct source *source = *state;

	assert_int_equal(sc_cache_fetch_many(source->cache, NULL, 0, NULL, NULL), 0);
	sc_fetch_results_release(NULL, 0);
	assert_int_equal(source->calls, 0);
}

static void a_key_given_twice_is_loaded_once(void **state)
{
	static const int64_t numbers[] = { 1, 2, 1, 7, 2, 1, 7, 11, 11 };
	struct source *source = *state;
	struct sc_fetch_result results[9];

	assert_int_equal(fetch_numbers(source->cache, numbers, 9, results), 5);
	assert_int_equal(source->loads, 4);
	for (size_t i = 0; i < 9; i++)
		assert_result(&results[i], numbers[i], SC_LOADED);
	/* Each result holds its own pin. */
	sc_value_release(&results[0].value);
	assert_memory_equal(results[2].value.data, &numbers[2], sizeof numbers[2]);
	sc_fetch_results_release(results, 9);
}

static void a_bad_key_fails_alone(void **state)
{
	struct source *source = *state;
	const struct sc_part part = sc_part_integer(1);
	const struct sc_key keys[] = { { NULL, 0 }, { &part, 1 }, { &part, 99 } };
	struct sc_fetch_result results[3];

	assert_int_equal(sc_cache_fetch_many(source->cache, keys, 3, NULL, results), 1);
	assert_int_equal(results[0].outcome, SC_E_INVAL);
	assert_non_null(strstr(results[0].error.message, "the key cannot be used"));
	assert_result(&results[1], 1, SC_LOADED);
	assert_int_equal(results[2].outcome, SC_E_TOO_LARGE);
	sc_fetch_results_release(results, 3);
}

static void a_batch_that_fails_fails_what_it_has_not_given(void **state)
{
	static const int64_t numbers[] = { 1, 7, 11 };
	struct source *source = *state;
	struct sc_fetch_result results[3];

	source->result = -99;
	assert_int_equal(fetch_numbers(source->cache, numbers, 3, results), 1);
	assert_result(&results[0], 1, SC_LOADED);
	assert_int_equal(results[1].outcome, SC_E_LOAD);
	assert_int_equal(results[1].error.user_code, -99);
	assert_result(&results[2], 11, SC_LOADED);
	sc_fetch_results_release(results, 3);
}

/* One key is a batch of one. */
static void a_fetch_of_one_uses_the_batch_loader(void **state)
{
	struct source *source = *state;
	struct sc_value value;

	assert_int_equal(sc_cache_fetch(source->cache, SC_KEY(1), &value, NULL), SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(sc_cache_fetch(source->cache, SC_KEY(1), &value, NULL), SC_HIT);
	sc_value_release(&value);
	assert_int_equal(sc_cache_fetch(source->cache, SC_KEY(7), &value, NULL), SC_E_ABSENT);
	assert_int_equal(sc_cache_fetch(source->cache, SC_KEY(11), &value, NULL), SC_E_LOAD);
	assert_int_equal(source->asked[11], 1);
}

/* ---- Without a batch loader ---- */

static int load_one(struct sc_load *load, void *context)
{
	int64_t number = sc_load_number(load, 0);

	++*(int *)context;
	if (number % 7 == 0)
		return SC_E_ABSENT;
	if (number % 11 == 0)
		return sc_load_fail(load, -111, "not for you");
	return sc_load_set_value(load, &number, sizeof number);
}

static void without_a_batch_loader_one_by_one(void **state)
{
	int calls = 0;
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.loader = load_one, .loader_context = &calls));
	struct sc_fetch_result results[30];
	int64_t numbers[30];

	(void)state;
	from(numbers, 0, 30);
	assert_int_equal(fetch_numbers(cache, numbers, 30, results), 30 - 5 - 2);
	assert_int_equal(calls, 30);
	for (size_t i = 0; i < 30; i++)
		assert_result(&results[i], numbers[i], SC_LOADED);
	sc_fetch_results_release(results, 30);
	sc_cache_close(cache);
}

/* Loads the preceding number first. */
static int load_what_it_needs(struct sc_load *load, void *cache)
{
	int64_t number = sc_load_number(load, 0);
	struct sc_value value;

	if (number > 1) {
		int rc = sc_cache_fetch_with(cache, SC_KEY(number - 1),
			SC_FETCH_OPTIONS(.loader = load_what_it_needs, .loader_context = cache),
			&value, NULL);
		sc_value_release(&value);
		if (rc < 0)
			return sc_load_fail(load, rc, "%d: %s", (int)number, sc_result_text(rc));
	}
	return sc_load_set_value(load, &number, sizeof number);
}

static void a_loader_may_fetch_a_later_key_of_the_call(void **state)
{
	static const int64_t numbers[] = { 10, 9, 3, 12, 12 };
	struct sc_cache *cache;
	struct sc_fetch_result results[5];

	(void)state;
	cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 100));
	assert_int_equal(
		fetch_with(cache, numbers, 5, results,
			SC_FETCH_OPTIONS(.loader = load_what_it_needs, .loader_context = cache)),
		5);
	for (size_t i = 0; i < 5; i++)
		assert_result(&results[i], numbers[i], i == 0 || i == 3 ? SC_LOADED : SC_HIT);
	sc_fetch_results_release(results, 5);
	assert_int_equal(sct_stats(cache).loads, 12);
	assert_int_equal(sct_stats(cache).misses, 12);
	sc_cache_close(cache);
}

static int give_nothing(struct sc_load *load, void *context)
{
	(void)load;
	(void)context;
	return 0;
}

static void a_loader_for_this_fetch(void **state)
{
	struct source *source = *state;
	const struct sc_part part = sc_part_integer(1);
	const struct sc_key key = { &part, 1 };
	struct sc_fetch_result result;
	int calls = 0;

	assert_int_equal(sc_cache_fetch_many(source->cache, &key, 1,
				 SC_FETCH_OPTIONS(.loader = give_nothing), &result),
		0);
	assert_int_equal(result.outcome, SC_E_LOAD);
	assert_string_equal(result.error.message, "the loader gave no value");
	assert_int_equal(sc_cache_fetch_many(source->cache, &key, 1,
				 SC_FETCH_OPTIONS(.loader = load_one, .loader_context = &calls),
				 &result),
		1);
	assert_result(&result, 1, SC_LOADED);
	sc_fetch_results_release(&result, 1);
	assert_int_equal(calls, 1);
	assert_int_equal(source->calls, 0);
}

static void no_loader_at_all(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	const struct sc_part part = sc_part_integer(1);
	const struct sc_key keys[] = { { &part, 1 }, { &part, 1 } };
	struct sc_fetch_result results[2];

	(void)state;
	assert_int_equal(sc_cache_fetch_many(cache, keys, 2, NULL, results), SC_E_INVAL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(results[i].outcome, SC_E_INVAL);
		assert_int_equal(results[i].error.code, SC_E_INVAL);
		assert_null(results[i].value.data);
	}
	sc_cache_close(cache);
}

/* ---- Changes meanwhile ---- */

static void change_some(struct source *source, struct sc_load *const *loads, size_t count)
{
	(void)loads;
	(void)count;
	sct_put(source->cache, SC_KEY(1), "put");
	sc_cache_invalidate(source->cache, SC_KEY(2));
}

static void a_key_changed_during_the_load_is_not_stored(void **state)
{
	static const int64_t numbers[] = { 1, 2, 3 };
	struct source *source = *state;
	struct sc_fetch_result results[3];

	source->also = change_some;
	assert_int_equal(fetch_numbers(source->cache, numbers, 3, results), 3);
	for (size_t i = 0; i < 3; i++)
		assert_result(&results[i], numbers[i], SC_LOADED);
	sc_fetch_results_release(results, 3);
	sct_assert_get(source->cache, SC_KEY(1), "put");
	sct_assert_get(source->cache, SC_KEY(2), NULL);
	assert_int_equal(sct_stats(source->cache).entries, 2);
}

static void fetch_what_is_being_loaded(struct source *source, struct sc_load *const *loads,
	size_t count)
{
	static const int64_t numbers[] = { 2, 3, 4 };
	struct sc_fetch_result results[3];

	(void)loads;
	(void)count;
	source->also = NULL;
	/* The inner batch has 2 and 3. */
	assert_int_equal(fetch_numbers(source->cache, numbers, 3, results), 1);
	assert_int_equal(results[0].outcome, SC_E_CYCLE);
	assert_int_equal(results[1].outcome, SC_E_CYCLE);
	assert_result(&results[2], 4, SC_LOADED);
	sc_fetch_results_release(results, 3);
}

static void a_batch_within_a_batch(void **state)
{
	static const int64_t numbers[] = { 1, 2, 3 };
	struct source *source = *state;
	struct sc_fetch_result results[3];

	source->also = fetch_what_is_being_loaded;
	assert_int_equal(fetch_numbers(source->cache, numbers, 3, results), 3);
	sc_fetch_results_release(results, 3);
	assert_int_equal(source->calls, 2);
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 60 };

static _Atomic int loaded[MANY];

static int load_slowly(struct sc_load *const *loads, size_t count, void *context)
{
	(void)context;
	for (size_t i = 0; i < count; i++) {
		int64_t number = sc_load_number(loads[i], 0);
		loaded[number]++;
		sct_check(sc_load_set_value(loads[i], &number, sizeof number) == 0);
	}
	return 0;
}

/* Each thread has another order of the keys, so that waiting for each other's loads could be a
 * cycle. */
static void fetch_in_another_order(unsigned thread, void *cache)
{
	static const unsigned steps[THREADS] = { 1, 7, 11, 299 };
	struct sc_fetch_result *results = calloc(MANY, sizeof *results);
	int64_t numbers[MANY];

	for (unsigned i = 0; i < MANY; i++)
		numbers[i] = i * steps[thread] % MANY;
	sct_check(fetch_numbers(cache, numbers, MANY, results) == MANY);
	for (unsigned i = 0; i < MANY; i++) {
		sct_check(results[i].outcome == SC_LOADED || results[i].outcome == SC_HIT);
		sct_check(memcmp(results[i].value.data, &numbers[i], sizeof numbers[i]) == 0);
	}
	sc_fetch_results_release(results, MANY);
	free(results);
}

static void batches_of_the_same_keys(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct sc_cache *cache =
			sct_cache_open(SC_CACHE_OPTIONS(.batch_loader = load_slowly,
				.concurrency = 1 + (uint64_t)round % 2 * 3));
		for (size_t i = 0; i < MANY; i++)
			loaded[i] = 0;
		sct_threads_run(THREADS, fetch_in_another_order, cache);
		for (size_t i = 0; i < MANY; i++)
			assert_int_equal(loaded[i], 1);
		sc_cache_close(cache);
	}
}

static void end_the_thread(struct source *source, struct sc_load *const *loads, size_t count)
{
	(void)loads;
	(void)count;
	source->also = NULL;
	/* Another thread waits for one of the keys. */
	sct_until(sct_threads_waiting() == 1);
	pthread_exit(NULL);
}

static void fetch_or_wait(unsigned thread, void *arg)
{
	static const int64_t numbers[] = { 1, 2, 3 };
	struct sc_fetch_result results[3];
	struct source *source = arg;
	struct sc_error error = { 0 };
	struct sc_value value;

	if (thread == 0) {
		fetch_numbers(source->cache, numbers, 3, results);
		abort(); /* the thread has ended */
	}
	sct_until(source->calls == 1);
	sct_check(sc_cache_fetch(source->cache, SC_KEY(2), &value, &error) == SC_E_LOAD);
	sct_check(strstr(error.message, "did not return"));
}

static void *fetch_on_a_thread(void *source)
{
	fetch_or_wait(0, source);
	return NULL;
}

static void a_batch_loader_that_does_not_return(void **state)
{
	struct source *source = *state;
	struct sc_value value;
	pthread_t thread;

	source->also = end_the_thread;
	assert_int_equal(pthread_create(&thread, NULL, fetch_on_a_thread, source), 0);
	fetch_or_wait(1, source);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sct_stats(source->cache).load_failures, 3);
	assert_int_equal(sc_cache_fetch(source->cache, SC_KEY(3), &value, NULL), SC_LOADED);
	sc_value_release(&value);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, source_open, source_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_that_is_missing_is_one_call),
		CASE(a_fetch_of_no_keys_does_nothing),
		CASE(a_key_given_twice_is_loaded_once),
		CASE(a_bad_key_fails_alone),
		CASE(a_batch_that_fails_fails_what_it_has_not_given),
		CASE(a_fetch_of_one_uses_the_batch_loader),
		cmocka_unit_test(without_a_batch_loader_one_by_one),
		cmocka_unit_test(a_loader_may_fetch_a_later_key_of_the_call),
		CASE(a_loader_for_this_fetch),
		cmocka_unit_test(no_loader_at_all),
		CASE(a_key_changed_during_the_load_is_not_stored),
		CASE(a_batch_within_a_batch),
		cmocka_unit_test(batches_of_the_same_keys),
		CASE(a_batch_loader_that_does_not_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
