/* A memo compared with Python's functools.lru_cache. The test has the cache_info() that lru_cache
 * showed after each call; in longer runs a small model replaces it, which must show the same. */
#include "support/cmocka.h"
#include "support/random.h"
#include "support/threads.h"

#include <scopecache/memo.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static bool fail_next;
static atomic_uint calls;

/* The answer is the argument; a failure corresponds to a Python exception. */
static int answer(struct sc_load *load, void *context)
{
	int64_t number = sc_load_number(load, 0);

	(void)context;
	atomic_fetch_add(&calls, 1);
	if (fail_next)
		return sc_load_fail(load, -7, "no answer to that");
	return sc_load_set_value(load, &number, sizeof number);
}

/* Returns whether the answer was stored. */
static bool call(struct sc_memo *memo, int64_t number, bool fail)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	fail_next = fail;
	int rc = sc_memo_call(memo, SC_KEY(number), &value, &error);
	if (rc < 0) {
		assert_true(fail);
		assert_int_equal(rc, SC_E_LOAD);
		assert_int_equal(error.user_code, -7);
		assert_string_equal(error.message, "no answer to that");
		assert_null(value.data);
		return false;
	}
	assert_int_equal(value.len, sizeof number);
	assert_memory_equal(value.data, &number, sizeof number);
	sc_value_release(&value);
	return rc == SC_HIT;
}

static void assert_info(struct sc_memo *memo, uint64_t maxsize, uint64_t hits, uint64_t misses,
	uint64_t currsize)
{
	struct sc_memo_info info = { .size = sizeof info };

	assert_int_equal(sc_memo_read_info(memo, &info), 0);

	assert_int_equal(info.hits, hits);
	assert_int_equal(info.misses, misses);
	assert_int_equal(info.maxsize, maxsize);
	assert_int_equal(info.currsize, currsize);
}

/* ---- What lru_cache showed ---- */

/* A call with this argument, one that raises ("!a"), or cache_clear() ("~"), and cache_info()
 * after it. */
struct step {
	const char *call;
	unsigned hits, misses, currsize;
};

/* clang-format off */
static const struct step with_maxsize_1[] = {
	{ "a", 0, 1, 1 }, { "b", 0, 2, 1 }, { "a", 0, 3, 1 }, { "!b", 0, 4, 1 },
	{ "a", 1, 4, 1 }, { "b", 1, 5, 1 }, { "a", 1, 6, 1 }, { "b", 1, 7, 1 },
	{ "a", 1, 8, 1 }, { "b", 1, 9, 1 }, { "a", 1, 10, 1 }, { "b", 1, 11, 1 },
	{ "b", 2, 11, 1 }, { "!b", 3, 11, 1 }, { "a", 3, 12, 1 }, { "b", 3, 13, 1 },
	{ "~", 0, 0, 0 }, { "b", 0, 1, 1 }, { "!b", 1, 1, 1 }, { "b", 2, 1, 1 },
	{ "a", 2, 2, 1 }, { "b", 2, 3, 1 }, { "a", 2, 4, 1 }, { "b", 2, 5, 1 },
};
static const struct step with_maxsize_2[] = {
	{ "a", 0, 1, 1 }, { "!b", 0, 2, 1 }, { "b", 0, 3, 2 }, { "c", 0, 4, 2 },
	{ "b", 1, 4, 2 }, { "!c", 2, 4, 2 }, { "b", 3, 4, 2 }, { "c", 4, 4, 2 },
	{ "b", 5, 4, 2 }, { "b", 6, 4, 2 }, { "b", 7, 4, 2 }, { "a", 7, 5, 2 },
	{ "a", 8, 5, 2 }, { "c", 8, 6, 2 }, { "c", 9, 6, 2 }, { "a", 10, 6, 2 },
	{ "!a", 11, 6, 2 }, { "a", 12, 6, 2 }, { "!c", 13, 6, 2 }, { "!b", 13, 7, 2 },
	{ "b", 13, 8, 2 }, { "~", 0, 0, 0 }, { "a", 0, 1, 1 }, { "b", 0, 2, 2 },
	{ "c", 0, 3, 2 }, { "a", 0, 4, 2 }, { "a", 1, 4, 2 }, { "b", 1, 5, 2 },
	{ "!b", 2, 5, 2 }, { "a", 3, 5, 2 }, { "a", 4, 5, 2 }, { "b", 5, 5, 2 },
};
static const struct step with_maxsize_4[] = {
	{ "c", 0, 1, 1 }, { "e", 0, 2, 2 }, { "!b", 0, 3, 2 }, { "b", 0, 4, 3 },
	{ "!a", 0, 5, 3 }, { "!b", 1, 5, 3 }, { "b", 2, 5, 3 }, { "e", 3, 5, 3 },
	{ "b", 4, 5, 3 }, { "a", 4, 6, 4 }, { "!e", 5, 6, 4 }, { "d", 5, 7, 4 },
	{ "b", 6, 7, 4 }, { "b", 7, 7, 4 }, { "d", 8, 7, 4 }, { "!d", 9, 7, 4 },
	{ "f", 9, 8, 4 }, { "b", 10, 8, 4 }, { "a", 10, 9, 4 }, { "!c", 10, 10, 4 },
	{ "b", 11, 10, 4 }, { "d", 12, 10, 4 }, { "b", 13, 10, 4 }, { "c", 13, 11, 4 },
	{ "e", 13, 12, 4 }, { "f", 13, 13, 4 }, { "f", 14, 13, 4 }, { "d", 14, 14, 4 },
	{ "d", 15, 14, 4 }, { "e", 16, 14, 4 }, { "b", 16, 15, 4 }, { "f", 17, 15, 4 },
	{ "~", 0, 0, 0 }, { "c", 0, 1, 1 }, { "e", 0, 2, 2 }, { "f", 0, 3, 3 },
	{ "c", 1, 3, 3 }, { "d", 1, 4, 4 }, { "!c", 2, 4, 4 }, { "f", 3, 4, 4 },
	{ "d", 4, 4, 4 }, { "b", 4, 5, 4 }, { "c", 5, 5, 4 }, { "a", 5, 6, 4 },
	{ "f", 5, 7, 4 }, { "e", 5, 8, 4 }, { "d", 5, 9, 4 }, { "b", 5, 10, 4 },
};
/* clang-format on */

static void play(const struct step *steps, size_t count, uint64_t maxsize)
{
	/* A memo uses exact LRU, whatever policy its options name. */
	struct sc_memo memo = SC_MEMO_INIT(SC_CACHE_OPTIONS(.loader = answer,
		.loader_context = NULL, .max_entries = maxsize, .policy = SC_POLICY_ADAPTIVE));

	for (size_t i = 0; i < count; i++) {
		const char *what = steps[i].call;
		if (*what == '~')
			sc_memo_clear(&memo);
		else
			call(&memo, what[*what == '!'], *what == '!');
		assert_info(&memo, maxsize, steps[i].hits, steps[i].misses, steps[i].currsize);
	}
	sc_memo_fini(&memo);
}

#define PLAY(steps, maxsize) play(steps, sizeof(steps) / sizeof((steps)[0]), maxsize)

static void shows_what_lru_cache_showed(void **state)
{
	(void)state;
	PLAY(with_maxsize_1, 1);
	PLAY(with_maxsize_2, 2);
	PLAY(with_maxsize_4, 4);
}

/* The same with the default maxsize=128 and more keys than that; cache_info() after every 200
 * calls. */
static void shows_what_lru_cache_showed_with_128(void **state)
{
	static const struct step every_200[] = { { "", 31, 169, 128 }, { "", 100, 300, 128 },
		{ "", 198, 402, 128 }, { "", 259, 541, 128 }, { "", 327, 673, 128 },
		{ "", 424, 776, 128 }, { "", 490, 910, 128 }, { "", 69, 130, 119 },
		{ "", 128, 271, 128 }, { "", 197, 402, 128 } };
	struct sc_memo memo = SC_MEMO_INIT(
		SC_CACHE_OPTIONS(.loader = answer, .loader_context = NULL, .max_entries = 128));

	(void)state;
	for (int64_t i = 0; i < 2000; i++) {
		int64_t number = i % 3 ? (i * i * 7919 + i * 31) % 331 : i % 97;
		if (i == 1400)
			sc_memo_clear(&memo);
		else
			call(&memo, number, i % 11 == 5);
		const struct step *step = &every_200[i / 200];
		if (i % 200 == 199)
			assert_info(&memo, 128, step->hits, step->misses, step->currsize);
	}
	sc_memo_fini(&memo);
}

static struct sc_memo fibonacci_memo;

static int fibonacci(struct sc_load *load, void *context)
{
	int64_t n = sc_load_number(load, 0), sum = n;

	for (int64_t i = 1; i <= 2 && n >= 2; i++) {
		struct sc_value value;
		struct sc_error error;
		int64_t term;
		assert_true(sc_memo_call(context, SC_KEY(n - i), &value, &error) > 0);
		memcpy(&term, value.data, sizeof term);
		sum = i == 1 ? term : sum + term;
		sc_value_release(&value);
	}
	return sc_load_set_value(load, &sum, sizeof sum);
}

/* fib(80) under lru_cache(maxsize=None): CacheInfo(hits=78, misses=81, maxsize=None,
 * currsize=81). */
static void a_function_may_call_itself_through_its_memo(void **state)
{
	struct sc_value value;
	int64_t result;

	(void)state;
	assert_int_equal(sc_memo_init(&fibonacci_memo, fibonacci, &fibonacci_memo, NULL, NULL), 0);
	assert_int_equal(sc_memo_call(&fibonacci_memo, SC_KEY(80), &value, NULL), SC_LOADED);
	memcpy(&result, value.data, sizeof result);
	assert_true(result == INT64_C(23416728348467685));
	sc_value_release(&value);
	assert_info(&fibonacci_memo, 0, 78, 81, 81);
	sc_memo_fini(&fibonacci_memo);
}

/* Sanitizers and unoptimised code need more stack. */
#if defined __OPTIMIZE__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ &&       \
	!defined SC_COVERAGE
#define STACK_A_LEVEL 512
#else
#define STACK_A_LEVEL 4096
#endif

#define LEVELS 1000

/* The end of the stack frame of the last call of count_down(), and the most bytes between it and
 * the frame of the next call. */
static const char *frame_end;
static size_t most_between;

static int count_down(struct sc_load *load, void *context)
{
	const char *frame = __builtin_dwarf_cfa();
	int64_t n = sc_load_number(load, 0);
	struct sc_value value;

	if (frame_end && (size_t)(frame_end - frame) > most_between)
		most_between = (size_t)(frame_end - frame);
	if (n > 0) {
		frame_end = __builtin_alloca(16);
		assert_int_equal(sc_memo_call(context, SC_KEY(n - 1), &value, NULL), SC_LOADED);
		sc_value_release(&value);
	}
	return sc_load_set_value(load, &n, sizeof n);
}

/* Measure the stack that the library uses between a function and its recursive call through the
 * memo. */
static void a_level_takes_little_of_the_stack(void **state)
{
	struct sc_memo memo;
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_memo_init(&memo, count_down, &memo, NULL, NULL), 0);
	assert_int_equal(sc_memo_call(&memo, SC_KEY(LEVELS), &value, NULL), SC_LOADED);
	sc_value_release(&value);
	sc_memo_fini(&memo);
	assert_in_range(most_between, 1, STACK_A_LEVEL);
}

/* ---- The model ---- */

#define MODEL_MAX 300

struct model {
	int64_t keys[MODEL_MAX]; /* the one used last comes last */
	uint64_t count, maxsize, hits, misses;
};

static bool model_drop(struct model *model, int64_t key)
{
	for (uint64_t i = 0; i < model->count; i++) {
		if (model->keys[i] != key)
			continue;
		memmove(&model->keys[i], &model->keys[i + 1],
			(size_t)(--model->count - i) * sizeof key);
		return true;
	}
	return false;
}

static bool model_call(struct model *model, int64_t key, bool fail)
{
	bool hit = model_drop(model, key);

	model->hits += hit;
	model->misses += !hit;
	if (!hit && fail)
		return false;
	if (!hit && model->count == model->maxsize)
		model_drop(model, model->keys[0]);
	model->keys[model->count++] = key;
	return hit;
}

static void run_beside_the_model(uint64_t maxsize, uint64_t keys, int steps)
{
	struct sc_memo memo = SC_MEMO_INIT(
		SC_CACHE_OPTIONS(.loader = answer, .loader_context = NULL, .max_entries = maxsize));
	struct model model = { .maxsize = maxsize };
	uint64_t random = maxsize;

	for (int i = 0; i < steps; i++) {
		int64_t key = (int64_t)sct_below(&random, sct_below(&random, keys) + 1);
		uint64_t what = sct_below(&random, 1000);
		bool fail = what > 900;
		if (what == 0) {
			sc_memo_clear(&memo);
			model = (struct model){ .maxsize = maxsize };
		} else if (what < 20) {
			assert_int_equal(sc_memo_invalidate(&memo, SC_KEY(key)),
				model_drop(&model, key) ? SC_HIT : SC_MISS);
		} else {
			assert_int_equal(call(&memo, key, fail), model_call(&model, key, fail));
		}
		assert_info(&memo, maxsize, model.hits, model.misses, model.count);
	}
	sc_memo_fini(&memo);
}

static void agrees_with_the_model(void **state)
{
	const uint64_t sizes[] = { 1, 2, 3, 5, 8, 13, 100, 128, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		run_beside_the_model(sizes[i], sizes[i] * 2 + 1, 10000);
}

/* ---- Life of a memo ---- */

static void costs_nothing_until_it_is_called(void **state)
{
	SC_MEMO(memo, answer, NULL, .max_entries = 3);

	(void)state;
	assert_info(&memo, 3, 0, 0, 0);
	assert_int_equal(sc_memo_invalidate(&memo, SC_KEY(1)), SC_MISS);
	sc_memo_clear(&memo);
	sc_memo_fini(&memo);
	assert_null(memo.cache);
	assert_false(call(&memo, 1, false));
	assert_true(call(&memo, 1, false));
	assert_info(&memo, 3, 1, 1, 1);
	/* After fini the memo can be used again. */
	for (int i = 0; i < 3; i++) {
		sc_memo_fini(&memo);
		assert_info(&memo, 3, 0, 0, 0);
		assert_false(call(&memo, 1, false));
		assert_true(call(&memo, 1, false));
	}
	sc_memo_fini(&memo);
}

static void an_answer_outlives_its_memo(void **state)
{
	struct sc_memo memo = SC_MEMO_INIT(
		SC_CACHE_OPTIONS(.loader = answer, .loader_context = NULL, .max_entries = 1));
	struct sc_value made, remembered;
	int64_t number = 5;

	(void)state;
	fail_next = false;
	assert_int_equal(sc_memo_call(&memo, SC_KEY(5), &made, NULL), SC_LOADED);
	assert_int_equal(sc_memo_call(&memo, SC_KEY(5), &remembered, NULL), SC_HIT);
	call(&memo, 6, false);
	assert_false(call(&memo, 5, false));
	sc_memo_fini(&memo);
	assert_memory_equal(made.data, &number, sizeof number);
	assert_memory_equal(remembered.data, &number, sizeof number);
	sc_value_release(&made);
	sc_value_release(&remembered);
}

SC_MEMO(at_file_scope, answer, NULL);
SC_MEMO(with_options, answer, NULL, .max_entries = 2, .ttl_ms = 60000);

/* SC_MEMO() works at file scope and in a function, with and without options. */
static void memos_by_their_macro(void **state)
{
	SC_MEMO(in_a_function, answer, NULL, .max_entries = 3);
	SC_MEMO(without_options, answer, NULL);

	(void)state;
	assert_info(&in_a_function, 3, 0, 0, 0);
	assert_false(call(&in_a_function, 1, false));
	assert_true(call(&in_a_function, 1, false));
	assert_info(&in_a_function, 3, 1, 1, 1);
	assert_false(call(&at_file_scope, 1, false));
	assert_false(call(&with_options, 1, false));
	assert_false(call(&without_options, 1, false));
	assert_info(&without_options, 0, 0, 1, 1);
	sc_memo_fini(&in_a_function);
	sc_memo_fini(&at_file_scope);
	sc_memo_fini(&with_options);
	sc_memo_fini(&without_options);
	assert_info(&in_a_function, 3, 0, 0, 0);
}

/* Fields that this library does not know are 0, and no field beyond the caller's size is
 * written. */
static void figures_of_other_versions(void **state)
{
	struct {
		struct sc_memo_info known;
		uint64_t unknown;
	} newer = { .known.size = sizeof newer, .unknown = 7 };
	struct sc_memo_info older = { .size = offsetof(struct sc_memo_info, currsize),
		.currsize = 7 };

	(void)state;
	assert_int_equal(sc_memo_read_info(&with_options, &newer.known), 0);
	assert_int_equal(newer.known.size, sizeof newer);
	assert_int_equal(newer.known.maxsize, 2);
	assert_int_equal(newer.unknown, 0);
	assert_int_equal(sc_memo_read_info(&with_options, &older), 0);
	assert_int_equal(older.maxsize, 2);
	assert_int_equal(older.currsize, 7);
	older.size = 0;
	assert_int_equal(sc_memo_read_info(&with_options, &older), SC_E_INVAL);
}

static int64_t read_clock(void *context)
{
	return *(int64_t *)context;
}

static void options_are_copied(void **state)
{
	int64_t now_ms = 100;
	struct sc_cache_options options;
	struct sc_clock clock;
	struct sc_memo memo;

	(void)state;
	for (int life = 0; life < 2; life++) {
		options = (struct sc_cache_options){ .size = sizeof options,
			.max_entries = 2,
			.ttl_ms = 10,
			.clock = &clock };
		clock = (struct sc_clock){ .now_ms = read_clock, .context = &now_ms };
		assert_int_equal(sc_memo_init(&memo, answer, NULL, &options, NULL), 0);
		memset(&options, 0xFF, sizeof options);
		memset(&clock, 0, sizeof clock);
		assert_false(call(&memo, 1, false));
		now_ms += 9;
		assert_true(call(&memo, 1, false));
		now_ms += 1;
		assert_false(call(&memo, 1, false));
		assert_info(&memo, 2, 1, 2, 1);
		sc_memo_fini(&memo);
		/* The options that the memo was made with no longer exist. */
		struct sc_value value;
		assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, NULL), SC_E_INVAL);
		assert_info(&memo, 0, 0, 0, 0);
	}
}

static void options_out_of_range(void **state)
{
	SC_MEMO(memo, answer, NULL, .max_bytes = 100);
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 1 };

	(void)state;
	assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, &error), SC_E_INVAL);
	assert_null(value.data);
	assert_int_equal(value.len, 0);
	assert_int_equal(error.code, SC_E_INVAL);
	assert_string_equal(error.message,
		"max_bytes is 100, but must be between 16384 and 17179869184");
	assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, NULL), SC_E_INVAL);
	assert_int_equal(
		sc_memo_init(&memo, answer, NULL, SC_CACHE_OPTIONS(.max_bytes = 100), &error),
		SC_E_INVAL);
	assert_string_equal(error.message,
		"max_bytes is 100, but must be between 16384 and 17179869184");
	assert_int_equal(sc_memo_init(&memo, answer, NULL, NULL, NULL), 0);
	assert_false(call(&memo, 1, false));

	/* Invalid arguments are refused too. */
	assert_int_equal(sc_memo_call(&memo, (struct sc_key){ 0 }, &value, &error), SC_E_INVAL);
	assert_int_equal(error.code, SC_E_INVAL);
	assert_int_equal(sc_memo_invalidate(&memo, (struct sc_key){ 0 }), SC_E_INVAL);
	sc_memo_fini(&memo);
	assert_int_equal(sc_memo_init(&memo, NULL, NULL, NULL, &error), SC_E_INVAL);
	assert_string_equal(error.message, "the memo has no function");
	assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, &error), SC_E_INVAL);
	sc_memo_fini(&memo);
}

/* ---- Many threads ---- */

/* Larger than any other mapping of the test. */
enum { THREADS = 8, MEMO_BYTES = 1 << 20 };

static void call_first(unsigned number, void *arg)
{
	struct sc_value value;
	int64_t answered;

	sct_check(sc_memo_call(arg, SC_KEY(number % 2), &value, NULL) > 0);
	memcpy(&answered, value.data, sizeof answered);
	sct_check(answered == number % 2);
	sc_value_release(&value);
}

/* If the first calls used more than one cache, some answer would be computed twice. */
static void first_calls_at_the_same_time(void **state)
{

	(void)state;
	fail_next = false;
	for (int i = 0; i < 200; i++) {
		struct sc_memo memo = SC_MEMO_INIT(SC_CACHE_OPTIONS(.loader = answer,
			.loader_context = NULL, .max_entries = 4));
		atomic_store(&calls, 0);
		sct_threads_run(THREADS, call_first, &memo);
		assert_int_equal(calls, 2);
		struct sc_memo_info info = { .size = sizeof info };
		assert_int_equal(sc_memo_read_info(&memo, &info), 0);
		assert_int_equal(info.hits + info.misses, THREADS);
		assert_int_equal(info.currsize, 2);
		sc_memo_fini(&memo);
	}
}

/* Replaces mmap() (ld --wrap). The memory is enough for one cache: two threads that map at the same
 * time both fail. */
static atomic_bool is_scarce;
static atomic_uint mapping;

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (is_scarce && len >= MEMO_BYTES) {
		if (atomic_fetch_add(&mapping, 1) > 0)
			return MAP_FAILED;
		/* All other threads wait, or have failed. */
		sct_until(sct_threads_waiting() == THREADS - 1 || mapping > 1);
	}
	return __real_mmap(addr, len, prot, flags, fd, offset);
}

static void first_calls_share_one_cache(void **state)
{
	struct sc_memo memo = SC_MEMO_INIT(SC_CACHE_OPTIONS(.loader = answer,
		.loader_context = NULL, .max_entries = 4, .max_bytes = MEMO_BYTES));

	(void)state;
	is_scarce = true;
	sct_threads_run(THREADS, call_first, &memo);
	is_scarce = false;
	assert_int_equal(mapping, 1);
	struct sc_memo_info info = { .size = sizeof info };
	assert_int_equal(sc_memo_read_info(&memo, &info), 0);
	assert_int_equal(info.hits + info.misses, THREADS);
	assert_int_equal(info.currsize, 2);
	sc_memo_fini(&memo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_lru_cache_showed),
		cmocka_unit_test(shows_what_lru_cache_showed_with_128),
		cmocka_unit_test(a_function_may_call_itself_through_its_memo),
		cmocka_unit_test(a_level_takes_little_of_the_stack),
		cmocka_unit_test(agrees_with_the_model),
		cmocka_unit_test(costs_nothing_until_it_is_called),
		cmocka_unit_test(an_answer_outlives_its_memo),
		cmocka_unit_test(options_are_copied),
		cmocka_unit_test(memos_by_their_macro),
		cmocka_unit_test(figures_of_other_versions),
		cmocka_unit_test(options_out_of_range),
		cmocka_unit_test(first_calls_at_the_same_time),
		cmocka_unit_test(first_calls_share_one_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
