/* A function that does not return: its thread ends in it, or it throws. The caller gets an
 * error, hooks that have begun are ended, and the process may run a function again. */
#include "lambda/recorded_run.h"
#include "support/cmocka.h"
#include "support/threads.h"
#include "support/throwing.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Run the recorded function until it ends by itself or does not return. */
static void run(void *address)
{
	recorded_run_at(address);
}

static void *run_on_a_thread(void *address)
{
	run(address);
	return address;
}

static int exit_from_handle(struct sc_invocation *inv, void *state)
{
	(void)state;
	/* The partial answer does not count. */
	sc_invocation_printf(inv, "half an ans");
	pthread_exit(NULL);
}

static int exit_from_init(void **state, struct sc_error *error)
{
	(void)state;
	(void)error;
	pthread_exit(NULL);
}

static void exit_from_hook(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	(void)info;
	pthread_exit(NULL);
}

static const struct sct_reply one_event[] = { { .bytes = EVENT("1") } };

static void start_server(const struct sct_reply *gets, size_t count)
{
	recorded.server.gets = (struct sct_reply_list){ .replies = gets, .count = count };
	sct_scripted_server_start(&recorded.server);
}

/* Run on a thread that the function ends. Returns the thread's result. */
static void *end_a_thread_with(const struct sct_reply *event)
{
	pthread_t thread;
	void *result;

	start_server(event, 1);
	assert_int_equal(pthread_create(&thread, NULL, run_on_a_thread, recorded.server.address),
		0);
	assert_int_equal(pthread_join(thread, &result), 0);
	sct_scripted_server_stop(&recorded.server);
	return result;
}

static void *end_a_thread(void)
{
	return end_a_thread_with(one_event);
}

/* A later run must work as usual. */
static void assert_runs_again(void)
{
	recorded_clear(NULL);
	assert_int_equal(recorded_run(RECORDED_REPLIES(one_event), RECORDED_NO_REPLIES), 0);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	assert_string_equal(recorded.order, "ibhefs");
}

static const char no_return[] =
	"{\"errorMessage\":\"the handler did not return: it threw, or its thread "
	"ended\",\"errorType\":\"Function.DidNotReturn\",\"stackTrace\":[]}";

static void a_handler_that_ends_its_thread(void **state)
{
	(void)state;
	recorded.handle = exit_from_handle;
	assert_null(end_a_thread());
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/error", no_return);
	assert_string_equal(recorded.order, "ibhefs");
	assert_runs_again();
}

static void an_init_that_ends_its_thread(void **state)
{
	(void)state;
	recorded.init = exit_from_init;
	assert_null(end_a_thread());
	assert_int_equal(recorded_post_count(), 1);
	assert_non_null(strstr(recorded_post(0)->head, "/init/error"));
	assert_non_null(strstr(recorded_post(0)->body, "the init function did not return"));
	assert_string_equal(recorded.order, "is");
	assert_runs_again();
}

/* ---- Hooks: the others are still called. ---- */

static int ended;

static void count_end(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	(void)info;
	ended++;
}

static void exit_at(struct sc_hooks first, int ended_in_the_end)
{
	const struct sc_hooks counting = { .size = sizeof counting, .invocation_end = count_end };
	const struct sc_hooks *hooks[] = { &counting, &first, &counting, NULL };

	ended = 0;
	first.size = sizeof first;
	recorded.hooks = hooks;
	assert_null(end_a_thread());
	assert_int_equal(ended, ended_in_the_end);
	assert_runs_again();
}

static void hooks_that_end_their_thread(void **state)
{
	(void)state;
	/* Only hooks that have begun are ended. */
	exit_at((struct sc_hooks){ .invocation_begin = exit_from_hook }, 1);
	exit_at((struct sc_hooks){ .invocation_end = exit_from_hook }, 2);
}

/* The first log line precedes the first hook: no hook has begun, but a caller waits. */
static void a_log_that_ends_its_thread(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD("1") "Lambda-Runtime-Deadline-Ms: soon\r\n" EVENT_BODY },
	};

	(void)state;
	recorded.exits_from_log = true;
	assert_null(end_a_thread_with(gets));
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/error", no_return);
	assert_string_equal(recorded.order, "ifs");
	assert_runs_again();
}

/* ---- Cancellations: in the handler, after it, and while it waits for an event. ---- */

static int cancel_self(struct sc_invocation *inv, void *state)
{
	assert_int_equal(pthread_cancel(pthread_self()), 0);
	return recorded_handle(inv, state);
}

static int cancel_self_at_once(struct sc_invocation *inv, void *state)
{
	int rc = cancel_self(inv, state);

	pthread_testcancel();
	return rc;
}

static void a_handler_that_is_cancelled(void **state)
{
	(void)state;
	recorded.handle = cancel_self_at_once;
	assert_ptr_equal(end_a_thread(), PTHREAD_CANCELED);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/error", no_return);
	assert_string_equal(recorded.order, "ibhefs");
	assert_runs_again();
}

/* The handler has returned: its whole answer is posted before the thread ends. */
static void a_cancellation_that_waits_for_the_answer(void **state)
{
	(void)state;
	recorded.handle = cancel_self;
	assert_ptr_equal(end_a_thread(), PTHREAD_CANCELED);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	assert_string_equal(recorded.order, "ibhefs");
	assert_runs_again();
}

static void a_thread_that_is_cancelled_while_it_waits(void **state)
{
	static const struct sct_reply silence[] = { { .then = SCT_THEN_STALL } };
	pthread_t thread;
	void *result;

	(void)state;
	start_server(silence, 1);
	assert_int_equal(pthread_create(&thread, NULL, run_on_a_thread, recorded.server.address),
		0);
	/* The request has come, so the thread waits for its answer or is about to. */
	sct_until(atomic_load(&recorded.server.stalled));
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	sct_scripted_server_stop(&recorded.server);
	assert_runs_again();
}

static size_t open_files(void)
{
	DIR *list = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static int cancel_self_in_init(void **state, struct sc_error *error)
{
	assert_int_equal(pthread_cancel(pthread_self()), 0);
	return recorded_init(state, error);
}

/* The first call in which the cancellation takes effect is connect(): its socket is closed. */
static void a_thread_that_is_cancelled_while_it_connects(void **state)
{
	size_t before = open_files();

	(void)state;
	recorded.init = cancel_self_in_init;
	assert_ptr_equal(end_a_thread(), PTHREAD_CANCELED);
	assert_string_equal(recorded.order, "ifs");
	assert_int_equal(open_files(), before);
	assert_runs_again();
}

#ifdef HAVE_THROWING

static int throw_from_handle(struct sc_invocation *inv, void *state)
{
	(void)inv;
	(void)state;
	sct_throw();
	return 0;
}

static void a_handler_that_throws(void **state)
{
	(void)state;
	recorded.handle = throw_from_handle;
	start_server(one_event, 1);
	assert_int_equal(sct_catch(run, recorded.server.address), 1);
	sct_scripted_server_stop(&recorded.server);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/error", no_return);
	assert_string_equal(recorded.order, "ibhefs");
	assert_runs_again();
}

static void throw_from_hook(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	(void)info;
	sct_throw();
}

/* The invocation was answered already, and the other hooks are called. */
static void a_hook_that_throws(void **state)
{
	const struct sc_hooks counting = { .size = sizeof counting, .invocation_end = count_end };
	const struct sc_hooks throwing = { .size = sizeof throwing,
		.invocation_end = throw_from_hook };
	const struct sc_hooks *hooks[] = { &counting, &throwing, &counting, NULL };

	(void)state;
	ended = 0;
	recorded.hooks = hooks;
	start_server(one_event, 1);
	assert_int_equal(sct_catch(run, recorded.server.address), 1);
	sct_scripted_server_stop(&recorded.server);
	assert_int_equal(ended, 2);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	assert_runs_again();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_handler_that_ends_its_thread, recorded_clear),
		cmocka_unit_test_setup(an_init_that_ends_its_thread, recorded_clear),
		cmocka_unit_test_setup(hooks_that_end_their_thread, recorded_clear),
		cmocka_unit_test_setup(a_log_that_ends_its_thread, recorded_clear),
		cmocka_unit_test_setup(a_handler_that_is_cancelled, recorded_clear),
		cmocka_unit_test_setup(a_cancellation_that_waits_for_the_answer, recorded_clear),
		cmocka_unit_test_setup(a_thread_that_is_cancelled_while_it_waits, recorded_clear),
		cmocka_unit_test_setup(a_thread_that_is_cancelled_while_it_connects,
			recorded_clear),
#ifdef HAVE_THROWING
		cmocka_unit_test_setup(a_handler_that_throws, recorded_clear),
		cmocka_unit_test_setup(a_hook_that_throws, recorded_clear),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
