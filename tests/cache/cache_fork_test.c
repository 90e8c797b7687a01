/* fork() while caches are in use: a child may close inherited caches, release its pins, use them,
 * open new caches or run another program, whatever the other threads of its parent were doing. An
 * alarm ends a child that hangs, and the test fails. */
#include "cache/cache_fixture.h"
#include "cache/handle.h"
#include "cache/invocation_edges.h"
#include "support/random.h"
#include "support/threads.h"

#include "cache/fetch_with_loader.h"
#include "cache/cache_check.h"

#include <scopecache/resource.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN
#endif
#endif

#define CHILD_SECONDS 20
#define FORKS         60
#define THREADS       3

enum { CHILD_GOOD = 7, CHILD_BAD = 8 };

/* cmocka's assertions would jump into the parent's test, so a child reports by its exit status. */
#define child_check(condition) ((condition) ? (void)0 : child_failed(__LINE__, #condition))

/* In a coverage build, count what the child executes too. */
#ifdef COVERAGE
void __gcov_dump(void);
#else
#define __gcov_dump() ((void)0)
#endif

static _Noreturn void child_failed(int line, const char *what)
{
	printf("line %d, in the child: %s\n", line, what);
	fflush(stdout);
	_exit(CHILD_BAD);
}

static _Noreturn void child_is_good(void)
{
	__gcov_dump();
	_exit(CHILD_GOOD);
}

static struct sc_cache *caches[2];
static struct sc_value held;
static atomic_bool is_forking;

static void assert_child_is_good(void (*child)(void))
{
	int status;

	fflush(stdout);
	atomic_store(&is_forking, true);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		child();
		child_is_good();
	}
	sct_check(pid > 0 && waitpid(pid, &status, 0) == pid);
	sct_check(WIFEXITED(status));
	sct_check(WEXITSTATUS(status) == CHILD_GOOD);
}

static void use_a_cache(struct sc_cache *cache)
{
	struct sc_value value;
	char bytes[10];
	size_t len;

	child_check(sct_put(cache, SC_KEY("child", 1), "own") == SC_OK);
	child_check(sc_cache_get(cache, SC_KEY("child", 1), bytes, sizeof bytes, &len) == SC_HIT);
	child_check(len == 3 && memcmp(bytes, "own", 3) == 0);
	child_check(sc_cache_acquire(cache, SC_KEY("child", 1), &value) == SC_HIT);
	sc_value_release(&value);
}

/* ---- What children do ---- */

static int give_text(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, "loaded", 6);
}

static void close_and_release(void)
{
	sc_cache_close(caches[0]);
	sc_cache_close(caches[1]);
	/* A pin stays valid in the child too, until the child releases it. */
	child_check(held.len == 600 && sct_is_filled(held.data, held.len, 5));
	sc_value_release(&held);
	child_check(held.data == NULL);
}

static void use_all(void)
{
	for (int i = 0; i < 2; i++) {
		child_check(sct_cache_is_valid(caches[i]));
		use_a_cache(caches[i]);
	}
	sc_cache_clear(caches[0]);
	use_a_cache(caches[0]);
	close_and_release();
}

static void open_another(void)
{
	struct sc_cache *own;

	sc_value_release(&held);
	sc_cache_close(caches[1]);
	sc_cache_close(caches[0]);
	child_check(sc_cache_open(&own, NULL, NULL) == 0);
	use_a_cache(own);
	sc_cache_close(own);
}

static void run_a_program(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
}

/* A child may have children. */
static void have_a_child(void)
{
	assert_child_is_good(close_and_release);
	assert_child_is_good(use_all);
	use_a_cache(caches[0]);
}

static void do_nothing(void)
{
}

static void (*const children[])(void) = { close_and_release, use_all, open_another, run_a_program,
	have_a_child, do_nothing };

#define CHILDREN (sizeof children / sizeof children[0])

/* ---- While other threads use the caches ---- */

static atomic_bool is_done;

static int open_nothing(void *context, void **instance, struct sc_error *error)
{
	(void)error;
	*instance = context;
	return 0;
}

static struct sc_resource resource = SC_RESOURCE_INIT(open_nothing, NULL, &resource);

/* Takes every lock of the library. */
static void use_until_done(uint64_t random)
{
	static const unsigned char bytes[3000];
	unsigned char copy[3000];
	struct sc_value value;
	size_t len;

	while (!atomic_load(&is_done)) {
		struct sc_cache *cache = caches[sct_below(&random, 2)];
		uint64_t key = sct_below(&random, 40);
		switch (sct_below(&random, 8)) {
		case 0:
			sc_cache_get(cache, SC_KEY(key), copy, sizeof copy, &len);
			break;
		case 1:
			if (sc_cache_acquire(cache, SC_KEY(key), &value) == SC_HIT)
				sc_value_release(&value);
			break;
		case 2:
			sc_cache_invalidate(cache, SC_KEY(key));
			break;
		case 3:
			sct_invocation_begin(1000);
			sct_invocation_end(1000);
			break;
		case 4:
			/* AddressSanitizer's allocator does not support a concurrent fork(). */
#ifndef UNDER_ASAN
			sct_check(sct_fetch(cache, SC_KEY(key), give_text, NULL, &value, NULL) > 0);
			sc_value_release(&value);
			struct sc_held client;
			sct_check(sc_resource_acquire(&resource, &client, NULL) > 0);
			sc_resource_release(&resource, &client);
			sc_resource_reset(&resource);
			sc_cache_close(sct_cache_open(NULL));
#endif
			break;
		default:
			sc_cache_put(cache, SC_KEY(key), bytes, sct_below(&random, sizeof bytes));
			break;
		}
	}
}

static void fork_or_use(unsigned number, void *arg)
{
	(void)arg;
	if (number > 0) {
		use_until_done(number);
		return;
	}
	for (int i = 0; i < FORKS; i++)
		assert_child_is_good(children[(size_t)i % CHILDREN]);
	atomic_store(&is_done, true);
}

static int set_up(void **state)
{
	unsigned char bytes[600];

	(void)state;
	caches[0] = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10));
	/* A striped cache has several locks. */
	caches[1] = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .concurrency = 2));
	assert_int_equal(caches[1]->stripe_count, 4);
	sct_fill(bytes, sizeof bytes, 5);
	assert_int_equal(sc_cache_put(caches[0], SC_KEY("held"), bytes, sizeof bytes), SC_OK);
	assert_int_equal(sc_cache_acquire(caches[0], SC_KEY("held"), &held), SC_HIT);
	atomic_store(&is_done, false);
	return 0;
}

/* The children changed nothing in the parent. */
static int tear_down(void **state)
{
	(void)state;
	assert_true(sct_is_filled(held.data, held.len, 5));
	assert_int_equal(sct_stats(caches[0]).pinned, 1);
	sc_value_release(&held);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sct_stats(caches[i]).pinned, 0);
		sct_assert_cache_valid(caches[i]);
		sc_cache_close(caches[i]);
	}
	return 0;
}

static void forks_while_threads_use_the_caches(void **state)
{
	(void)state;
#ifdef SCT_EMULATED /* qemu fails in a child that starts threads if its parent had threads */
	skip();
#endif
	sct_threads_run(1 + THREADS, fork_or_use, NULL);
}

/* ---- During a change or a load ---- */

static pthread_barrier_t ready;
static atomic_bool half_changed;
static pid_t forking_thread;

/* Whether the thread that forks sleeps. Between is_forking and the end of the child it sleeps for a
 * lock that is held, or, where a fork does not wait, for the child, which then finds the change. */
static bool fork_waits(void)
{
	char path[64], line[256] = "";

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)forking_thread);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	sct_check(file >= 0);
	sct_check(read(file, line, sizeof line - 1) > 0);
	close(file);
	const char *end = strrchr(line, ')'); /* of the name */
	sct_check(end != NULL);
	return strncmp(end, ") S", 3) == 0;
}

static void *change_slowly(void *arg)
{
	for (size_t i = 0; i < CHILDREN; i++) {
		sci_stripe_lock(&caches[1]->stripes[caches[1]->stripe_count - 1]);
		atomic_store(&half_changed, true);
		pthread_barrier_wait(&ready);
		sct_until(atomic_load(&is_forking));
		sct_until(fork_waits());
		atomic_store(&is_forking, false);
		atomic_store(&half_changed, false);
		sci_stripe_unlock(&caches[1]->stripes[caches[1]->stripe_count - 1]);
		pthread_barrier_wait(&ready);
	}
	return arg;
}

static size_t child_to_be;

static void find_whole_value(void)
{
	child_check(!atomic_load(&half_changed));
	children[child_to_be]();
}

static void a_fork_waits_for_changes(void **state)
{
	pthread_t thread;

	(void)state;
	forking_thread = getpid(); /* the main thread */
	atomic_store(&is_forking, false);
	assert_int_equal(pthread_barrier_init(&ready, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, change_slowly, NULL), 0);
	for (child_to_be = 0; child_to_be < CHILDREN; child_to_be++) {
		pthread_barrier_wait(&ready);
		assert_child_is_good(find_whole_value);
		pthread_barrier_wait(&ready);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&ready);
}

static int load_slowly(struct sc_load *load, void *context)
{
	(void)context;
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&ready);
	return sc_load_set_value(load, "slow", 4);
}

static void *fetch_slowly(void *arg)
{
	struct sc_value value;

	sct_check(
		sct_fetch(caches[0], SC_KEY("slow"), load_slowly, NULL, &value, NULL) == SC_LOADED);
	sct_check(value.len == 4);
	sc_value_release(&value);
	return arg;
}

static void load_in_child(void)
{
	struct sc_value value;

	child_check(
		sct_fetch(caches[0], SC_KEY("slow"), give_text, NULL, &value, NULL) == SC_LOADED);
	child_check(value.len == 6);
	sc_value_release(&value);
	child_check(sct_fetch(caches[0], SC_KEY("slow"), give_text, NULL, &value, NULL) == SC_HIT);
	sc_value_release(&value);
}

/* The loading thread does not exist in the child, so a fetch there must not wait. */
static void flights_of_other_threads_end_in_the_child(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&ready, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, fetch_slowly, NULL), 0);
	pthread_barrier_wait(&ready);
	assert_child_is_good(load_in_child);
	pthread_barrier_wait(&ready);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&ready);
	sct_assert_get(caches[0], SC_KEY("slow"), "slow");
}

static bool is_child;

static int load_and_fork(struct sc_load *load, void *context)
{
	(void)context;
	fflush(stdout);
	pid_t pid = fork();
	is_child = pid == 0;
	if (is_child) {
		alarm(CHILD_SECONDS);
	} else {
		int status;
		sct_check(pid > 0 && waitpid(pid, &status, 0) == pid);
		sct_check(WIFEXITED(status) && WEXITSTATUS(status) == CHILD_GOOD);
	}
	return sc_load_set_value(load, is_child ? "child" : "parent", is_child ? 5 : 6);
}

/* The thread of the loader continues in parent and child. */
static void a_loader_may_fork(void **state)
{
	struct sc_value value;
	char bytes[10];
	size_t len;

	(void)state;
	int rc = sct_fetch(caches[0], SC_KEY(1), load_and_fork, NULL, &value, NULL);
	if (is_child) {
		child_check(rc == SC_LOADED && value.len == 5);
		sc_value_release(&value);
		child_check(
			sc_cache_get(caches[0], SC_KEY(1), bytes, sizeof bytes, &len) == SC_HIT);
		child_check(len == 5);
		use_all();
		child_is_good();
	}
	assert_int_equal(rc, SC_LOADED);
	sc_value_release(&value);
	sct_assert_get(caches[0], SC_KEY(1), "parent");
}

static void *fetch_slowly_from(void *cache)
{
	struct sc_value value;

	sct_check(sct_fetch(cache, SC_KEY("slow"), load_slowly, NULL, &value, NULL) == SC_LOADED);
	sc_value_release(&value);
	return NULL;
}

static int load_many_and_fork(struct sc_load *const *loads, size_t count, void *context)
{
	(void)context;
	sct_check(count == 1);
	if (is_child)
		return sc_load_set_value(loads[0], "own", 3);
	int rc = load_and_fork(loads[0], NULL);
	if (!is_child)
		pthread_barrier_wait(&ready);
	return rc;
}

/* The thread that loads the other key does not exist in the child. */
static void a_batch_loader_may_fork(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.batch_loader = load_many_and_fork));
	const struct sc_key keys[] = { SC_KEY(1), SC_KEY("slow") };
	struct sc_fetch_result results[2];
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&ready, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, fetch_slowly_from, cache), 0);
	pthread_barrier_wait(&ready);
	int values = sc_cache_fetch_many(cache, keys, 2, NULL, results);
	if (is_child) {
		child_check(values == 2);
		child_check(results[1].value.len == 3);
		sc_fetch_results_release(results, 2);
		child_is_good();
	}
	pthread_join(thread, NULL);
	assert_int_equal(values, 2);
	assert_int_equal(results[1].value.len, 4);
	sc_fetch_results_release(results, 2);
	pthread_barrier_destroy(&ready);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_fork_waits_for_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flights_of_other_threads_end_in_the_child, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_loader_may_fork, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_batch_loader_may_fork, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forks_while_threads_use_the_caches, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
