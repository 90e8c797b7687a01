/* Secret caches in a child of fork(), and at the end of a process. */
#include "cache/cache_check.h"
#include "cache/fetch_with_loader.h"
#include "cache/secret_scene.h"
#include "support/random.h"
#include "support/threads.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 60, CHILD_GOOD = 7, CHILD_BAD = 8 };

/* ---- Children ---- */

/* cmocka's assertions would jump into the parent's test, so a child reports by its exit status. */
#define child_check(condition) ((condition) ? (void)0 : child_failed(__LINE__, #condition))

static _Noreturn void child_failed(int line, const char *what)
{
	printf("line %d, in the child: %s (%s)\n", line, what, sct_secret_place());
	fflush(stdout);
	_exit(CHILD_BAD);
}

#ifdef COVERAGE
void __gcov_dump(void);
#else
#define __gcov_dump() ((void)0)
#endif

static void check_child(void (*child)(void))
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		child();
		__gcov_dump();
		_exit(CHILD_GOOD);
	}
	sct_check(pid > 0 && waitpid(pid, &status, 0) == pid);
	sct_check(WIFEXITED(status) && WEXITSTATUS(status) == CHILD_GOOD);
}

static void find_nothing(void)
{
	struct sc_value value;

	child_check(sct_secret_pieces(&the.key.secret) == 0);
	child_check(sct_secret_pieces(&the.value) == 0);
	child_check(sct_stats(the.cache).entries == 0 && sct_stats(the.cache).pinned == 0);
	child_check(sct_secret_acquire(the.cache, &the.key, &value) == SC_MISS);
}

/* The cache is as large as before, and wipes as before. */
static void use_it(void)
{
	static const unsigned char zeros[3000];
	struct sc_value value;

	child_check(sct_cache_is_valid(the.cache));
	for (uint64_t i = 0; i < the.cache->max_bytes / 2000; i++)
		child_check(sc_cache_put(the.cache, SC_KEY(i), zeros, sizeof zeros) == SC_OK);
	const struct sc_cache_stats stats = sct_stats(the.cache);
	child_check(stats.evictions > 0 && stats.bytes <= stats.max_bytes);
	child_check(stats.max_entries == 0 || stats.entries <= stats.max_entries);
	child_check(sct_secret_put(the.cache, &the.key, &the.own_value, LEN, NULL) == SC_OK);
	child_check(sct_secret_acquire(the.cache, &the.key, &value) == SC_HIT);
	child_check(sct_secret_is(&the.own_value, value.data, value.len));
	sc_value_release(&value);
	child_check(sct_stats(the.cache).pinned == 0);
	child_check(sct_secret_invalidate(the.cache, &the.key) == SC_HIT);
	child_check(sct_secret_pieces(&the.own_value) == 0);
	child_check(sct_cache_is_valid(the.cache));
	child_check(sct_mapping_has_flag(the.cache->region, "dd"));
	child_check(sct_mapping_has_flag(the.cache->region, "lo") ==
		(sct_stats(the.cache).locked_bytes > 0));
}

/* A value that was pinned before the fork reads as zero, and its release changes nothing. */
static void release_what_was_pinned(void)
{
	const unsigned char *byte = the.held.data;

	for (size_t i = 0; i < the.held.len; i++)
		child_check(byte[i] == 0);
	use_it();
	sc_value_release(&the.held);
	child_check(sct_cache_is_valid(the.cache));
	use_it();
}

static void release_after_close(void)
{
	sc_cache_close(the.cache);
	sc_value_release(&the.held);
}

static void have_a_child(void)
{
	struct sc_value value;

	child_check(sct_secret_put(the.cache, &the.key, &the.own_value, LEN, NULL) == SC_OK);
	child_check(sct_secret_acquire(the.cache, &the.key, &value) == SC_HIT);
	check_child(find_nothing);
	check_child(release_what_was_pinned);
	check_child(release_after_close);
	child_check(sct_secret_is(&the.own_value, value.data, value.len));
	sc_value_release(&value);
	child_check(sct_stats(the.cache).pinned == 0);
	sc_value_release(&the.held);
}

static void (*const children[])(void) = { find_nothing, use_it, release_what_was_pinned,
	release_after_close, have_a_child };

static void check_children(struct sc_cache_options options)
{
	open_with(options);
	assert_int_equal(put(), SC_OK);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(sct_put(the.cache, SC_KEY("another", i), "entry"), SC_OK);
	assert_int_equal(sct_secret_acquire(the.cache, &the.key, &the.held), SC_HIT);
	for (size_t i = 0; i < sizeof children / sizeof children[0]; i++)
		check_child(children[i]);
	/* Nothing changed for the parent. */
	assert_true(sct_secret_is(&the.value, the.held.data, the.held.len));
	assert_int_equal(sct_stats(the.cache).entries, 101);
	sc_value_release(&the.held);
	sct_assert_cache_valid(the.cache);
	sc_cache_close(the.cache);
	assert_entry_is_gone();
}

static void a_child_finds_the_cache_empty(void **state)
{
	(void)state;
	check_children((struct sc_cache_options){ 0 });
	check_children((struct sc_cache_options){ .policy = SC_POLICY_LRU, .max_entries = 110 });
	/* The bounds are those of the moment of the fork. */
	check_children((struct sc_cache_options){ .grow_bytes = 1 << 20 });
	check_children((struct sc_cache_options){ .max_bytes = 4 << 20, .concurrency = 2 });
}

static void also_without_help_of_the_kernel(void **state)
{
	(void)state;
	the.refused[MADV_WIPEONFORK] = true;
	check_children((struct sc_cache_options){ 0 });
	the.refused[MADV_DONTNEED] = true;
	check_children((struct sc_cache_options){ 0 });
}

static void close_it(void)
{
	sc_cache_close(the.cache);
	child_check(the.frees == 0);
}

static void a_child_frees_no_objects(void **state)
{
	const struct sc_object object = { .pointer = &the, .free = count_free };

	(void)state;
	open_with((struct sc_cache_options){ 0 });
	assert_int_equal(sc_cache_put_object(the.cache, SC_KEY("object"), &object, NULL), SC_OK);
	check_child(close_it);
	sc_cache_close(the.cache);
	assert_int_equal(the.frees, 1);
}

/* ---- A fork while a refresh is queued and another thread loads ---- */

static atomic_bool may_end;

static int give(struct sc_load *load, void *context)
{
	unsigned char plain[LEN];

	(void)context;
	sct_secret_reveal(&the.value, plain, sizeof plain);
	int rc = sc_load_set_value(load, plain, sizeof plain);
	sct_secret_hide(plain, sizeof plain);
	return rc;
}

static atomic_bool is_loading;

static int load_until_told(struct sc_load *load, void *context)
{
	(void)context;
	atomic_store(&is_loading, true);
	sct_until(atomic_load(&may_end));
	return sc_load_set_value(load, "v", 1);
}

static struct sct_secret_key key_of_flight;
static unsigned char plain_key_of_flight[SCT_KEY_LONG];

static void *fetch_until_told(void *none)
{
	struct sc_value value;
	const struct sc_part part = sc_part_bytes(plain_key_of_flight, SCT_KEY_LONG);

	(void)none;
	sct_check(sct_fetch(the.cache, (struct sc_key){ &part, 1 }, load_until_told, NULL, &value,
			  NULL) == SC_LOADED);
	sc_value_release(&value);
	return NULL;
}

static size_t pieces_of_a_flight(void)
{
	return sct_secret_pieces(&key_of_flight.secret);
}

static size_t pieces_in_parent;

/* The key is still in the load of the thread that does not exist here, and in its caller's hands;
 * the flight's copy is wiped, and so is the key in the queue. */
static void find_no_flight_and_no_refresh(void)
{
	const size_t a_copy = SCT_SECRET_PIECES * SCT_KEY_LONG / SCT_SECRET_BYTES;

	child_check(pieces_of_a_flight() == pieces_in_parent - a_copy);
	find_nothing();
	child_check(sc_maintain(1000) == 0);
	child_check(sct_stats(the.cache).refreshes == 0);
	use_it();
}

static void a_child_has_no_keys_of_flights_and_refreshes(void **state)
{
	struct sc_value value;
	pthread_t thread;

	(void)state;
	atomic_store(&may_end, false);
	atomic_store(&is_loading, false);
	key_of_flight = sct_secret_key_draw(SCT_KEY_LONG);
	open_with((struct sc_cache_options){ .ttl_ms = 10,
		.stale_while_revalidate_ms = 1000,
		.loader = give });
	assert_int_equal(sct_secret_fetch(the.cache, &the.key, &value, NULL), SC_LOADED);
	sc_value_release(&value);
	the.now_ms += 10;
	assert_int_equal(sct_secret_fetch(the.cache, &the.key, &value, NULL), SC_STALE);
	sc_value_release(&value);
	sct_secret_reveal(&key_of_flight.secret, plain_key_of_flight, SCT_KEY_LONG);
	assert_int_equal(pthread_create(&thread, NULL, fetch_until_told, NULL), 0);
	sct_until(atomic_load(&is_loading));
	pieces_in_parent = pieces_of_a_flight();
	check_child(find_no_flight_and_no_refresh);
	atomic_store(&may_end, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	sct_secret_hide(plain_key_of_flight, SCT_KEY_LONG);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(sct_stats(the.cache).refreshes, 1);
	sc_cache_close(the.cache);
	assert_entry_is_gone();
	sct_assert_gone(&key_of_flight.secret);
}

/* ---- While threads use it ---- */

enum { THREADS = 3, FORKS = 20 };

static atomic_bool is_done;

static void use_until_done(uint64_t random)
{
	static const unsigned char zeros[2000];
	unsigned char buffer[2000];
	struct sc_value value;
	size_t len;

	while (!atomic_load(&is_done)) {
		uint64_t key = sct_below(&random, 100);
		switch (sct_below(&random, 5)) {
		case 0:
			sc_cache_get(the.cache, SC_KEY(key), buffer, sizeof buffer, &len);
			break;
		case 1:
			if (sc_cache_acquire(the.cache, SC_KEY(key), &value) == SC_HIT)
				sc_value_release(&value);
			break;
		case 2:
			sc_cache_invalidate(the.cache, SC_KEY(key));
			break;
		default:
			sc_cache_put(the.cache, SC_KEY(key), zeros, sct_below(&random, 2000));
		}
	}
}

static void be_empty_and_usable(void)
{
	child_check(sct_stats(the.cache).entries == 0);
	use_it();
}

static void fork_or_use(unsigned number, void *none)
{
	(void)none;
	if (number > 0) {
		use_until_done(number);
		return;
	}
	for (int i = 0; i < FORKS; i++)
		check_child(be_empty_and_usable);
	atomic_store(&is_done, true);
}

static void a_fork_while_threads_use_it(void **state)
{
	(void)state;
	open_with((struct sc_cache_options){ .max_bytes = 4 << 20, .concurrency = 2 });
	atomic_store(&is_done, false);
	sct_threads_run(1 + THREADS, fork_or_use, NULL);
	sct_assert_cache_valid(the.cache);
	sc_cache_close(the.cache);
}

/* ---- The end of the process ---- */

static bool looks_at_its_end;

/* Runs after all destructors without a priority. */
__attribute__((destructor(101))) static void look_at_the_end(void)
{
	if (!looks_at_its_end)
		return;
	child_check(sct_secret_pieces(&the.key.secret) == 0);
	child_check(sct_secret_pieces(&the.value) == 0);
	child_check(the.frees == 0);
	__gcov_dump();
	_exit(CHILD_GOOD);
}

static void end_in_order(void)
{
	const struct sc_object object = { .pointer = &the, .free = count_free };

	open_with((struct sc_cache_options){ .ttl_ms = 10,
		.stale_while_revalidate_ms = 1000,
		.loader = give });
	child_check(put() == SC_OK);
	the.now_ms += 10;
	struct sc_value value;
	child_check(sct_secret_fetch(the.cache, &the.key, &value, NULL) == SC_STALE);
	sc_value_release(&value);
	child_check(sct_secret_pieces(&the.value) > 0);
	child_check(sc_cache_put_object(the.cache, SC_KEY("object"), &object, NULL) == SC_OK);
	looks_at_its_end = true;
	exit(CHILD_BAD);
}

static void a_process_that_ends_wipes(void **state)
{
	(void)state;
	check_child(end_in_order);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup(test, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_child_finds_the_cache_empty),
		TEST(also_without_help_of_the_kernel),
		TEST(a_child_frees_no_objects),
		TEST(a_child_has_no_keys_of_flights_and_refreshes),
		TEST(a_fork_while_threads_use_it),
		TEST(a_process_that_ends_wipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
