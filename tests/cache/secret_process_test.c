/* The pages of secret caches, and what is wiped at the end of an invocation and at a shutdown. */
#include "cache/cache_check.h"
#include "cache/invocation_edges.h"
#include "cache/resident_memory.h"
#include "cache/secret_scene.h"
#include "support/threads.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* ---- Pages ---- */

/* RLIMIT_MEMLOCK may be less than the region. */
static bool can_lock(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	bool can = __real_syscall(SYS_mlock2, pages, bytes, 1) == 0;
	munmap(pages, bytes);
	return can;
}

static void the_pages_stay_out_of_dumps_and_swap(void **state)
{
	const size_t bytes = 1 << 20;

	(void)state;
	open_with((struct sc_cache_options){ .max_bytes = bytes });
	const char *last = (const char *)the.cache->region + bytes - 1;
	assert_true(sct_mapping_has_flag(the.cache->region, "dd"));
	assert_true(sct_mapping_has_flag(last, "dd"));
	assert_true(sct_mapping_has_flag(the.cache->region, "wf"));
	if (can_lock(bytes)) {
		assert_true(sct_mapping_has_flag(the.cache->region, "lo"));
		assert_true(sct_mapping_has_flag(last, "lo"));
		assert_int_equal(sct_stats(the.cache).locked_bytes, bytes);
	}
	/* Unused pages stay unused. */
	assert_int_equal(put(), SC_OK);
	assert_true(sct_resident(the.cache) < 128 << 10);
	sc_cache_close(the.cache);

	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = bytes));
	assert_false(sct_mapping_has_flag(the.cache->region, "dd"));
	assert_int_equal(sct_stats(the.cache).locked_bytes, 0);
	sc_cache_close(the.cache);
}

static void without_a_right_to_lock_it_works(void **state)
{
	(void)state;
	the.may_not_lock = true;
	open_with((struct sc_cache_options){ 0 });
	assert_true(sct_mapping_has_flag(the.cache->region, "dd"));
	assert_false(sct_mapping_has_flag(the.cache->region, "lo"));
	assert_int_equal(sct_stats(the.cache).locked_bytes, 0);
	assert_int_equal(put(), SC_OK);
	sc_cache_close(the.cache);
	assert_entry_is_gone();
}

static void if_dumps_would_have_it_it_does_not_open(void **state)
{
	struct sc_error error;

	(void)state;
	the.refused[MADV_DONTDUMP] = true;
	assert_int_equal(sc_cache_open(&the.cache, SC_CACHE_OPTIONS(.secret = 1), &error),
		SC_E_NOMEM);
	assert_null(the.cache);
	assert_int_equal(error.os_errno, EINVAL);
	assert_non_null(strstr(error.message, "cannot keep a secret cache out of core dumps"));
}

static void a_resize_gives_locked_memory_back(void **state)
{
	static const unsigned char zeros[4000];
	const size_t bytes = 1 << 20;

	(void)state;
	for (int locked = 0; locked < 2; locked++) {
		the.may_not_lock = !locked;
		if (locked && !can_lock(bytes))
			skip();
		open_with((struct sc_cache_options){ .max_bytes = bytes });
		for (uint64_t i = 0; i < 300; i++)
			sc_cache_put(the.cache, SC_KEY(i), zeros, sizeof zeros);
		assert_int_equal(put(), SC_OK);
		size_t before = sct_resident(the.cache);
		assert_true(before > bytes / 2);
		/* Linux before 5.18 cannot: the memory stays until the cache is closed. */
		bool is_able = !locked || madvise(NULL, 0, MADV_DONTNEED_LOCKED) == 0;
		assert_int_equal(sc_cache_resize(the.cache, 0, 128 << 10, NULL), 0);
		if (is_able)
			assert_true(sct_resident(the.cache) <= 128 << 10);
		assert_int_equal(sct_stats(the.cache).locked_bytes, locked ? bytes : 0);
		assert_int_equal(sct_mapping_has_flag((char *)the.cache->region + bytes - 1, "lo"),
			locked);
		assert_int_equal(sc_cache_resize(the.cache, 0, bytes, NULL), 0);
		for (uint64_t i = 0; i < 300; i++)
			sc_cache_put(the.cache, SC_KEY(i), zeros, sizeof zeros);
		sct_assert_cache_valid(the.cache);
		sc_cache_close(the.cache);
	}
}

/* ---- The end of an invocation ---- */

static void what_expired_is_wiped_at_the_end_of_the_invocation(void **state)
{
	const struct sc_object object = { .pointer = &the, .free = count_free };
	struct sc_cache *usual = sct_cache_open(
		SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .clock = sct_clock_of(&the.now_ms)));

	(void)state;
	open_with(
		(struct sc_cache_options){ .max_bytes = 8 << 20, .concurrency = 4, .ttl_ms = 50 });
	assert_int_equal(sct_put(usual, SC_KEY("usual"), "v"), SC_OK);
	sct_invocation_begin(1000);
	assert_int_equal(put(), SC_OK);
	for (uint64_t i = 0; i < 2000; i++)
		assert_int_equal(sct_put(the.cache, SC_KEY(i), "expires too"), SC_OK);
	assert_int_equal(sc_cache_put_object(the.cache, SC_KEY("object"), &object, NULL), SC_OK);
	the.now_ms += 49;
	sct_invocation_end(1000);
	assert_int_equal(sct_stats(the.cache).entries, 2002);
	sct_assert_there(&the.value);
	sct_invocation_begin(1000);
	the.now_ms++;
	sct_invocation_end(1000);
	assert_int_equal(sct_stats(the.cache).entries, 0);
	assert_entry_is_gone();
	assert_int_equal(the.frees, 1);
	sc_cache_close(the.cache);
	sct_invocation_begin(1000);
	sct_invocation_end(1000);
	sc_cache_close(usual);
}

/* By cache time, which stands still in an invocation. */
static void what_expired_during_it_too(void **state)
{
	(void)state;
	the.cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .secret = 1, .ttl_ms = 1));
	sct_invocation_begin(1000);
	assert_int_equal(put(), SC_OK);
	usleep(20000);
	sct_invocation_end(1000);
	assert_entry_is_gone();
	sc_cache_close(the.cache);
}

static int end_the_thread(struct sc_load *load, void *context)
{
	(void)load;
	(void)context;
	pthread_exit(NULL);
}

static void *invoke_and_end(void *none)
{
	struct sc_value value;

	sct_invocation_begin(1000);
	sct_check(sct_secret_fetch(the.cache, &the.key, &value, NULL) == SC_STALE);
	sc_value_release(&value);
	sct_invocation_end(1000);
	sct_check(false);
	return none;
}

/* A refresh at the end of the invocation ends the thread. */
static void also_if_a_refresh_does_not_return(void **state)
{
	struct sct_secret_key other = sct_secret_key_draw(SCT_KEY_USUAL);
	struct sct_secret expiring;
	pthread_t thread;

	(void)state;
	sct_secret_draw(&expiring);
	open_with((struct sc_cache_options){ .ttl_ms = 100,
		.stale_while_revalidate_ms = 1000,
		.loader = end_the_thread });
	assert_int_equal(put(), SC_OK);
	assert_int_equal(
		sct_secret_put(the.cache, &other, &expiring, LEN, SC_PUT_OPTIONS(.tti_ms = 10)),
		SC_OK);
	the.now_ms += 100;
	assert_int_equal(pthread_create(&thread, NULL, invoke_and_end, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	sct_assert_gone(&expiring);
	sct_assert_gone(&other.secret);
	sct_assert_there(&the.value);
	sc_cache_close(the.cache);
}

static void a_shutdown_clears(void **state)
{
	const struct sc_object object = { .pointer = &the, .free = count_free };
	struct sc_cache *usual = sct_cache_open(NULL);

	(void)state;
	open_with((struct sc_cache_options){ 0 });
	assert_int_equal(sct_put(usual, SC_KEY("usual"), "v"), SC_OK);
	assert_int_equal(put(), SC_OK);
	assert_int_equal(sc_cache_put_object(the.cache, SC_KEY("object"), &object, NULL), SC_OK);
	sc_cache_hooks()->shutdown(sc_cache_hooks()->context);
	assert_entry_is_gone();
	assert_int_equal(the.frees, 1);
	sct_assert_get(usual, SC_KEY("usual"), "v");
	assert_int_equal(put(), SC_OK);
	sc_cache_close(the.cache);
	sc_cache_close(usual);
	sc_cache_hooks()->shutdown(sc_cache_hooks()->context);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup(test, set_up)
	const struct CMUnitTest tests[] = {
		TEST(the_pages_stay_out_of_dumps_and_swap),
		TEST(without_a_right_to_lock_it_works),
		TEST(if_dumps_would_have_it_it_does_not_open),
		TEST(a_resize_gives_locked_memory_back),
		TEST(what_expired_is_wiped_at_the_end_of_the_invocation),
		TEST(what_expired_during_it_too),
		TEST(also_if_a_refresh_does_not_return),
		TEST(a_shutdown_clears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
