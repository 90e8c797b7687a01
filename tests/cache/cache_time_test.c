/* Cache time, with clocks that the test sets (ld --wrap=clock_gettime): it is constant during an
 * invocation, and between two invocations it includes every freeze that any clock measured. The
 * process has one cache time, so the cases depend on their order; each has its own cache. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"
#include "cache/invocation_edges.h"
#include "support/threads.h"

#include <stdio.h>
#include <time.h>

#define MS 1000000

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

/* In nanoseconds. BOOTTIME and MONOTONIC begin as on a real machine. REALTIME is half a millisecond
 * off, so that the clocks' milliseconds do not change together. */
static struct {
	_Atomic int64_t real, boot, mono;
	_Atomic int64_t per_reading; /* how long it takes to read a clock */
	_Atomic int64_t tick;        /* of the kernel */
	_Atomic int readings;        /* how many, of clocks that are not coarse */
} fake = { .real = INT64_C(1800000000000) * MS + MS / 2,
	.boot = 5000 * (int64_t)MS,
	.mono = 5000 * (int64_t)MS,
	.tick = 1 };

static void pass(int64_t ns)
{
	fake.real += ns;
	fake.boot += ns;
	fake.mono += ns;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
	bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	int64_t ns = real ? fake.real : clock == CLOCK_BOOTTIME ? fake.boot : fake.mono;

	if (coarse)
		ns -= fake.mono % fake.tick;
	else
		fake.readings++;
	if (fake.per_reading)
		pass(fake.per_reading);
	*now = (struct timespec){ .tv_sec = ns / 1000 / MS, .tv_nsec = ns % (1000 * MS) };
	return 0;
}

static void begin(void)
{
	sct_invocation_begin(3000);
}

static void end(void)
{
	sct_invocation_end(2000);
}

/* Look the entry up in an invocation of its own. */
static void assert_in_an_invocation(struct sc_cache *cache, const char *text)
{
	begin();
	sct_assert_get(cache, SC_KEY(1), text);
	end();
}

/* A cache with one entry, which expires after `ttl_ms`. */
static struct sc_cache *cache_with_an_entry(int64_t ttl_ms)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = ttl_ms));

	assert_int_equal(sct_put(cache, SC_KEY(1), "x"), SC_OK);
	return cache;
}

/* This has to be the first case: no invocation has begun yet. */
static void a_freeze_before_the_first_invocation(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(30000);

	(void)state;
	/* The environment was frozen before its first invocation; only the wall clock advanced. */
	fake.real += INT64_C(60000) * MS;
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

/* A runtime that is older than the fields of its info. AddressSanitizer watches its bytes. */
static void an_info_may_be_short(void **state)
{
	size_t *size = malloc(sizeof *size);
	const struct sc_invocation_info *info = (const void *)size;

	(void)state;
	*size = sizeof *size;
	sc_cache_hooks()->invocation_begin(NULL, info);
	sc_cache_hooks()->invocation_end(NULL, info);
	free(size);
}

static void time_is_constant_in_an_invocation(void **state)
{
	struct sc_cache *cache;

	(void)state;
	begin();
	cache = cache_with_an_entry(100);
	pass(INT64_C(1000) * MS);
	sct_assert_get(cache, SC_KEY(1), "x");
	end();
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_cache_close(cache);
}

/* A long invocation: its time advances only when it is updated. */
static void an_update_advances_time(void **state)
{
	struct sc_cache *cache;

	(void)state;
	begin();
	cache = cache_with_an_entry(100);
	pass(INT64_C(99) * MS);
	sc_time_update();
	sct_assert_get(cache, SC_KEY(1), "x");
	pass(INT64_C(1) * MS);
	sct_assert_get(cache, SC_KEY(1), "x");
	sc_time_update();
	sct_assert_get(cache, SC_KEY(1), NULL);
	end();
	sc_time_update();
	sc_cache_close(cache);
}

static int load_for_a_minute(struct sc_load *load, void *context)
{
	(void)context;
	pass(INT64_C(60000) * MS);
	return sc_load_set_value(load, "y", 1);
}

/* A load updates the time: other entries may expire, and the loaded value's ttl begins at the
 * load's end. */
static void a_load_advances_time(void **state)
{
	struct sc_cache *cache;
	struct sc_value value;

	(void)state;
	begin();
	cache = cache_with_an_entry(100);
	assert_int_equal(sct_fetch(cache, SC_KEY(2), load_for_a_minute, NULL, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	sct_assert_get(cache, SC_KEY(1), NULL);
	sct_assert_get(cache, SC_KEY(2), "y");
	end();
	pass(INT64_C(99) * MS);
	sct_assert_get(cache, SC_KEY(2), "y");
	pass(INT64_C(1) * MS);
	sct_assert_get(cache, SC_KEY(2), NULL);
	sc_cache_close(cache);
}

static void time_advances_between_invocations(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(100);

	(void)state;
	pass(INT64_C(99) * MS);
	assert_in_an_invocation(cache, "x");
	pass(MS);
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

static void without_a_runtime_time_advances(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(100);

	(void)state;
	pass(INT64_C(99) * MS);
	sct_assert_get(cache, SC_KEY(1), "x");
	pass(MS);
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_cache_close(cache);
}

/* The coarse clocks are late by less than a tick, and so is the expiry. */
static void without_a_runtime_a_hit_reads_the_coarse_clocks(void **state)
{
	struct sc_cache *cache;

	(void)state;
	fake.tick = INT64_C(4) * MS;
	pass(fake.tick - fake.mono % fake.tick);
	cache = cache_with_an_entry(98);
	pass(INT64_C(97) * MS);
	fake.readings = 0;
	for (int i = 0; i < 3; i++) {
		sct_assert_get(cache, SC_KEY(1), "x");
		pass(MS);
	}
	sct_assert_get(cache, SC_KEY(1), NULL);
	assert_int_equal(fake.readings, 0);
	fake.tick = 1;
	sc_cache_close(cache);
}

/* The machine was suspended, which the coarse wall clock shows. The first lookup then reads all
 * clocks; the next one need not. */
static void without_a_runtime_a_lookup_sees_a_freeze(void **state)
{
	struct sc_cache *shorter = cache_with_an_entry(60000);
	struct sc_cache *longer = cache_with_an_entry(60001);

	(void)state;
	fake.boot += INT64_C(60000) * MS;
	fake.real += INT64_C(60000) * MS;
	sct_assert_get(shorter, SC_KEY(1), NULL);
	fake.readings = 0;
	sct_assert_get(longer, SC_KEY(1), "x");
	assert_int_equal(fake.readings, 0);
	sc_cache_close(shorter);
	sc_cache_close(longer);
}

static void without_a_runtime_a_wall_clock_that_is_set_back_is_ignored(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(1000);

	(void)state;
	fake.real -= INT64_C(60000) * MS;
	pass(INT64_C(999) * MS);
	sct_assert_get(cache, SC_KEY(1), "x");
	pass(MS);
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_cache_close(cache);
}

/* No coarse clock shows a freeze that only CLOCK_BOOTTIME measured. */
static void without_a_runtime_an_update_sees_a_freeze(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(1000);

	(void)state;
	fake.boot += INT64_C(1000) * MS;
	sc_time_update();
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_cache_close(cache);
}

/* Two freezes of a minute, which only some of the clocks measured, with a few milliseconds
 * between. */
static void assert_freezes_count(_Atomic int64_t *seen_by, _Atomic int64_t *and_by)
{
	struct sc_cache *shorter = cache_with_an_entry(30000);
	struct sc_cache *longer = cache_with_an_entry(110000);
	struct sc_cache *longest = cache_with_an_entry(130000);

	assert_in_an_invocation(shorter, "x");
	for (int freeze = 0; freeze < 2; freeze++) {
		pass(INT64_C(5) * MS);
		*seen_by += INT64_C(60000) * MS;
		if (and_by)
			*and_by += INT64_C(60000) * MS;
		pass(INT64_C(5) * MS);
		assert_in_an_invocation(shorter, NULL);
		assert_in_an_invocation(longer, freeze == 0 ? "x" : NULL);
	}
	assert_in_an_invocation(longest, "x");
	sc_cache_close(shorter);
	sc_cache_close(longer);
	sc_cache_close(longest);
}

static void a_freeze_counts_whichever_clock_saw_it(void **state)
{
	(void)state;
	assert_freezes_count(&fake.real, NULL);
	assert_freezes_count(&fake.boot, NULL);
	assert_freezes_count(&fake.mono, NULL);
	assert_freezes_count(&fake.real, &fake.boot);
	assert_freezes_count(&fake.boot, &fake.mono);
	assert_freezes_count(&fake.real, &fake.mono);
}

static void a_wall_clock_that_is_set_back_is_ignored(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(10000);

	(void)state;
	assert_in_an_invocation(cache, "x");
	pass(INT64_C(5000) * MS);
	fake.real -= INT64_C(3600000) * MS;
	assert_in_an_invocation(cache, "x");
	pass(INT64_C(4999) * MS);
	assert_in_an_invocation(cache, "x");
	/* From here on the clock counts again, even for a freeze that only it measured. */
	fake.real += INT64_C(2) * 60000 * MS;
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

static void a_wall_clock_that_is_set_forward_is_a_freeze(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(10000);

	(void)state;
	assert_in_an_invocation(cache, "x");
	fake.real += INT64_C(3600000) * MS;
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

/* Ten invocations in each millisecond: at some of them one clock shows a new millisecond and
 * another does not. These differences are no freeze, and must not add up to one. */
static void short_invocations_add_no_freeze(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(2000);

	(void)state;
	for (int i = 0; i < 19500; i++) {
		pass(MS / 10);
		begin();
		end();
	}
	assert_in_an_invocation(cache, "x");
	for (int i = 0; i < 1000; i++) {
		pass(MS / 10);
		begin();
		end();
	}
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

/* Many freezes, each too short to differ from noise, add up to one that counts. */
static void short_freezes_add_up(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(1000);

	(void)state;
	for (int i = 0; i < 300; i++) {
		fake.real += INT64_C(4) * MS;
		begin();
		end();
	}
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

/* ---- Idle times ---- */

static void an_invocation_uses_entries_at_its_begin(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = 200, .tti_ms = 50));

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "x"), SC_OK);
	pass(INT64_C(40) * MS);
	begin();
	pass(INT64_C(1000) * MS);
	sct_assert_get(cache, SC_KEY(1), "x");
	assert_int_equal(sc_cache_maintain(cache, 1000), 0);
	sct_assert_get(cache, SC_KEY(1), "x");
	end();
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_cache_close(cache);
}

/* A freeze counts as idle time. */
static void a_freeze_is_idle_time(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.tti_ms = 30000));

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "x"), SC_OK);
	for (int i = 0; i < 10; i++) {
		fake.real += INT64_C(20000) * MS;
		assert_in_an_invocation(cache, "x");
	}
	fake.real += INT64_C(30000) * MS;
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

/* ---- Threads ---- */

static void put_from_outside(unsigned number, void *arg)
{
	(void)number;
	sct_check(sc_cache_put(arg, SC_KEY(1), "x", 1) == SC_OK);
}

static void find_from_outside(unsigned number, void *arg)
{
	char byte;
	size_t len;

	(void)number;
	sct_check(sc_cache_get(arg, SC_KEY(1), &byte, 1, &len) == SC_HIT);
}

/* A thread in an invocation has an older time than other threads, here by more than the tti. Its
 * use must not make an entry expire for them. */
static void a_use_in_the_past_shortens_no_life(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.tti_ms = 300));

	(void)state;
	begin();
	pass(INT64_C(400) * MS);
	sct_threads_run(1, put_from_outside, cache);
	sct_assert_get(cache, SC_KEY(1), "x");
	sct_threads_run(1, find_from_outside, cache);
	end();
	sc_cache_close(cache);
}

static void look_from_outside(unsigned number, void *arg)
{
	char byte;
	size_t len;

	(void)number;
	sct_check(sc_cache_get(arg, SC_KEY(1), &byte, 1, &len) == SC_MISS);
}

static void an_invocation_belongs_to_one_thread(void **state)
{
	struct sc_cache *cache;

	(void)state;
	begin();
	cache = cache_with_an_entry(100);
	pass(INT64_C(200) * MS);
	sct_assert_get(cache, SC_KEY(1), "x");
	/* For threads outside this invocation, time has advanced. */
	sct_threads_run(1, look_from_outside, cache);
	end();
	sc_cache_close(cache);
}

static void begin_and_end(unsigned number, void *arg)
{
	(void)number;
	(void)arg;
	for (int i = 0; i < 5000; i++) {
		begin();
		end();
	}
}

/* Reading the clocks takes time; a thread that is preempted while reading must not count that as a
 * freeze. */
static void threads_that_begin_together_see_no_freeze(void **state)
{
	struct sc_cache *cache = cache_with_an_entry(20000);
	int64_t before = fake.boot;

	(void)state;
	fake.per_reading = MS / 5;
	sct_threads_run(4, begin_and_end, NULL);
	fake.per_reading = 0;
	int64_t passed_ms = (fake.boot - before) / MS;
	assert_in_range(passed_ms, 10000, 15000);
	pass((19990 - passed_ms) * MS);
	assert_in_an_invocation(cache, "x");
	pass(INT64_C(10) * MS);
	assert_in_an_invocation(cache, NULL);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freeze_before_the_first_invocation),
		cmocka_unit_test(an_info_may_be_short),
		cmocka_unit_test(time_is_constant_in_an_invocation),
		cmocka_unit_test(an_update_advances_time),
		cmocka_unit_test(a_load_advances_time),
		cmocka_unit_test(time_advances_between_invocations),
		cmocka_unit_test(without_a_runtime_time_advances),
		cmocka_unit_test(without_a_runtime_a_hit_reads_the_coarse_clocks),
		cmocka_unit_test(without_a_runtime_a_lookup_sees_a_freeze),
		cmocka_unit_test(without_a_runtime_a_wall_clock_that_is_set_back_is_ignored),
		cmocka_unit_test(without_a_runtime_an_update_sees_a_freeze),
		cmocka_unit_test(a_freeze_counts_whichever_clock_saw_it),
		cmocka_unit_test(a_wall_clock_that_is_set_back_is_ignored),
		cmocka_unit_test(a_wall_clock_that_is_set_forward_is_a_freeze),
		cmocka_unit_test(short_invocations_add_no_freeze),
		cmocka_unit_test(short_freezes_add_up),
		cmocka_unit_test(an_invocation_uses_entries_at_its_begin),
		cmocka_unit_test(a_freeze_is_idle_time),
		cmocka_unit_test(a_use_in_the_past_shortens_no_life),
		cmocka_unit_test(an_invocation_belongs_to_one_thread),
		cmocka_unit_test(threads_that_begin_together_see_no_freeze),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
