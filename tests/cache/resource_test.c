/* Resources: the first acquire opens, the last release closes, each once. */
#include "cache/invocation_edges.h"
#include "support/cmocka.h"
#include "support/random.h"
#include "support/threads.h"

#include <scopecache/cache.h>
#include <scopecache/resource.h>

#include <stdatomic.h>
#include <string.h>

#define THREADS   8
#define OPENS_MAX 4096

/* A thing that can be opened; each opening is a number, kept in `open_now` while it is open. */
struct thing {
	char name;
	int fail; /* what `open` returns */
	bool give_nothing, set_and_fail, say_nothing;
	unsigned wait_for; /* threads that have to wait before `open` goes on */
	atomic_uint opens, closes;
	atomic_uint open_now;
	atomic_bool is_open[OPENS_MAX];
	struct sc_resource *also; /* what `open` acquires */
	int also_rc;
};

struct opened {
	struct thing *thing;
	unsigned number;
};

/* The closed instances, in order. */
static char closed[64];

static int open_thing(void *context, void **instance, struct sc_error *error)
{
	struct thing *thing = context;
	struct opened *opened = malloc(sizeof *opened);
	struct sc_held other;

	sct_check(opened != NULL);
	sct_check(*instance == NULL);
	sct_check(error != NULL && error->code == 0 && error->message[0] == '\0');
	*opened = (struct opened){ thing, atomic_fetch_add(&thing->opens, 1) };
	if (thing->wait_for)
		sct_until(sct_threads_waiting() == thing->wait_for);
	if (thing->also) {
		thing->also_rc = sc_resource_acquire(thing->also, &other, NULL);
		sc_resource_release(thing->also, &other);
	}
	if (thing->fail || thing->give_nothing) {
		if (thing->set_and_fail)
			*instance = &thing->fail;
		if (!thing->say_nothing && thing->fail) {
			error->os_errno = 5;
			error->http_status = 503;
			strcpy(error->message, "nobody answers");
		}
		free(opened);
		return thing->fail;
	}
	sct_check(opened->number < OPENS_MAX);
	atomic_store(&thing->is_open[opened->number], true);
	atomic_fetch_add(&thing->open_now, 1);
	*instance = opened;
	return 0;
}

static void close_thing(void *instance)
{
	struct opened *opened = instance;
	size_t len = strlen(closed);

	sct_check(atomic_exchange(&opened->thing->is_open[opened->number], false));
	atomic_fetch_sub(&opened->thing->open_now, 1);
	atomic_fetch_add(&opened->thing->closes, 1);
	if (len + 1 < sizeof closed && opened->thing->name)
		closed[len] = opened->thing->name;
	free(opened);
}

static struct thing things[4];
static struct sc_resource resources[4];

static int set_up(void **state)
{
	static const char names[] = "abcd";

	(void)state;
	memset(closed, 0, sizeof closed);
	for (size_t i = 0; i < 4; i++) {
		memset(&things[i], 0, sizeof things[i]);
		things[i].name = names[i];
		sc_resource_init(&resources[i], open_thing, close_thing, &things[i]);
	}
	return 0;
}

/* fini closes what is still open, and everything opened was closed once. */
static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		sc_resource_fini(&resources[i]);
		assert_int_equal(things[i].open_now, 0);
	}
	return 0;
}

static struct sc_held acquire(int i, int expected)
{
	struct sc_error error = { .code = 77 };
	struct sc_held held = { 0 };

	assert_int_equal(sc_resource_acquire(&resources[i], &held, &error), expected);
	assert_non_null(held.instance);
	assert_int_equal(error.code, 77);
	assert_true(((struct opened *)held.instance)->thing == &things[i]);
	return held;
}

/* Releases a copy, so that a test can release the same handle once too often. */
static void release(int i, struct sc_held held)
{
	sc_resource_release(&resources[i], &held);
	assert_null(held.instance);
	sc_resource_release(&resources[i], &held);
}

/* ---- One thread ---- */

static void opens_at_first_use_and_stays_open(void **state)
{
	(void)state;
	assert_int_equal(things[0].opens, 0);
	struct sc_held first = acquire(0, SC_LOADED);
	assert_ptr_equal(acquire(0, SC_HIT).instance, first.instance);
	release(0, first);
	release(0, first);
	assert_ptr_equal(acquire(0, SC_HIT).instance, first.instance);
	release(0, first);
	assert_int_equal(things[0].opens, 1);
	assert_int_equal(things[0].closes, 0);
	/* Another resource has its own instance. */
	assert_int_equal(things[1].opens, 0);
}

static int number;

static int open_number(void *context, void **instance, struct sc_error *error)
{
	(void)context;
	(void)error;
	*instance = &number;
	return 0;
}

static void a_static_one_without_a_closer(void **state)
{
	static struct sc_resource resource = SC_RESOURCE_INIT(open_number, NULL, NULL);
	struct sc_held held;

	(void)state;
	assert_int_equal(sc_resource_acquire(&resource, &held, NULL), SC_LOADED);
	assert_ptr_equal(held.instance, &number);
	sc_resource_reset(&resource);
	sc_resource_release(&resource, &held);
	assert_int_equal(sc_resource_acquire(&resource, &held, NULL), SC_LOADED);
	sc_resource_release(&resource, &held);
	sc_resource_close_all();
	assert_int_equal(sc_resource_acquire(&resource, &held, NULL), SC_LOADED);
	sc_resource_release(&resource, &held);
	sc_resource_fini(&resource);
}

static void without_an_opener(void **state)
{
	struct sc_resource resource = SC_RESOURCE_INIT(NULL, NULL, NULL);
	struct sc_error error = { 0 };
	struct sc_held held = { .instance = &number };

	(void)state;
	assert_int_equal(sc_resource_acquire(&resource, &held, &error), SC_E_INVAL);
	assert_null(held.instance);
	assert_int_equal(error.code, SC_E_INVAL);
	sc_resource_release(&resource, NULL);
	sc_resource_reset(&resource);
	sc_resource_fini(&resource);
}

static void assert_open_fails(int user_code, const char *message)
{
	struct sc_error error = { 0 };
	struct sc_held held = { .instance = &number };

	assert_int_equal(sc_resource_acquire(&resources[0], &held, &error), SC_E_OPEN);
	assert_null(held.instance);
	assert_int_equal(error.code, SC_E_OPEN);
	assert_int_equal(error.user_code, user_code);
	assert_string_equal(error.message, message);
	assert_int_equal(error.os_errno, strcmp(message, "nobody answers") == 0 ? 5 : 0);
	assert_int_equal(error.http_status, strcmp(message, "nobody answers") == 0 ? 503 : 0);
	held.instance = &number;
	assert_int_equal(sc_resource_acquire(&resources[0], &held, NULL), SC_E_OPEN);
	assert_null(held.instance);
}

static void a_failure_is_reported_and_tried_again(void **state)
{
	(void)state;
	things[0].fail = -12;
	assert_open_fails(-12, "nobody answers");
	things[0].say_nothing = true;
	assert_open_fails(-12, "the opener failed with -12");
	/* A pointer that a failed open has set is not used as an instance. */
	things[0].set_and_fail = true;
	assert_open_fails(-12, "the opener failed with -12");
	things[0].fail = 0;
	things[0].set_and_fail = false;
	things[0].give_nothing = true;
	assert_open_fails(0, "the opener gave nothing");
	assert_int_equal(things[0].opens, 8);
	things[0].give_nothing = false;
	release(0, acquire(0, SC_LOADED));
	assert_int_equal(things[0].opens, 9);
}

static void reset_closes_an_unreferenced_instance_at_once(void **state)
{
	(void)state;
	sc_resource_reset(&resources[0]);
	release(0, acquire(0, SC_LOADED));
	sc_resource_reset(&resources[0]);
	assert_int_equal(things[0].closes, 1);
	sc_resource_reset(&resources[0]);
	assert_int_equal(things[0].closes, 1);
	release(0, acquire(0, SC_LOADED));
}

static void reset_leaves_the_closing_to_the_last_holder(void **state)
{
	(void)state;
	struct sc_held first = acquire(0, SC_LOADED);
	assert_ptr_equal(acquire(0, SC_HIT).instance, first.instance);
	sc_resource_reset(&resources[0]);
	assert_true(things[0].is_open[0]);
	struct sc_held second = acquire(0, SC_LOADED);
	assert_ptr_not_equal(second.instance, first.instance);
	sc_resource_reset(&resources[0]);
	struct sc_held third = acquire(0, SC_LOADED);
	assert_int_equal(things[0].open_now, 3);

	release(0, first);
	assert_true(things[0].is_open[0]);
	release(0, first);
	assert_false(things[0].is_open[0]);
	assert_true(things[0].is_open[1]);
	release(0, third);
	assert_true(things[0].is_open[2]);
	release(0, second);
	assert_false(things[0].is_open[1]);
	assert_true(things[0].is_open[2]);
}

static void releasing_once_too_often_does_nothing(void **state)
{
	(void)state;
	struct sc_held opened = acquire(0, SC_LOADED);
	release(0, opened);
	release(0, opened);
	release(0, (struct sc_held){ .instance = &number });
	sc_resource_release(&resources[0], NULL);
	assert_int_equal(things[0].open_now, 1);
	/* The reference count did not become negative. */
	assert_ptr_equal(acquire(0, SC_HIT).instance, opened.instance);
	sc_resource_reset(&resources[0]);
	assert_true(things[0].is_open[0]);
	release(0, opened);
	assert_false(things[0].is_open[0]);
}

/* ---- Several resources ---- */

static void closes_the_last_opened_first(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		release(i, acquire(i, SC_LOADED));
	/* Closing follows the order of opening, not of use. */
	release(0, acquire(0, SC_HIT));
	sc_resource_reset(&resources[1]);
	release(1, acquire(1, SC_LOADED));
	assert_string_equal(closed, "b");
	sc_resource_close_all();
	assert_string_equal(closed, "bbdca");
	sc_resource_close_all();
	assert_string_equal(closed, "bbdca");
}

static void shutdown_closes_all(void **state)
{
	(void)state;
	release(2, acquire(2, SC_LOADED));
	release(3, acquire(3, SC_LOADED));
	sc_cache_hooks()->shutdown(NULL);
	assert_string_equal(closed, "dc");
}

static void a_referenced_instance_is_closed_on_its_last_release(void **state)
{
	(void)state;
	struct sc_held a = acquire(0, SC_LOADED), b = acquire(1, SC_LOADED),
		       c = acquire(2, SC_LOADED);
	release(2, c);
	release(0, a);
	sc_resource_close_all();
	assert_string_equal(closed, "ca");
	/* It was reset nevertheless. */
	struct sc_held b2 = acquire(1, SC_LOADED);
	assert_ptr_not_equal(b2.instance, b.instance);
	release(1, b);
	assert_string_equal(closed, "cab");
	release(1, b2);
}

static void an_opener_may_use_other_resources(void **state)
{
	(void)state;
	things[0].also = &resources[1];
	things[1].also = &resources[2];
	release(0, acquire(0, SC_LOADED));
	assert_int_equal(things[0].also_rc, SC_LOADED);
	assert_int_equal(things[1].also_rc, SC_LOADED);
	/* A resource that another one needs is opened before it and closed after it. */
	sc_resource_close_all();
	assert_string_equal(closed, "abc");
}

static void an_opener_that_acquires_its_own_resource_is_a_cycle(void **state)
{
	(void)state;
	things[0].also = &resources[0];
	release(0, acquire(0, SC_LOADED));
	assert_int_equal(things[0].also_rc, SC_E_CYCLE);
	assert_int_equal(things[0].opens, 1);

	things[1].also = &resources[2];
	things[2].also = &resources[1];
	release(1, acquire(1, SC_LOADED));
	assert_int_equal(things[1].also_rc, SC_LOADED);
	assert_int_equal(things[2].also_rc, SC_E_CYCLE);
}

static void close_and_open_again(void *instance)
{
	close_thing(instance);
	if (things[0].opens < 20) {
		struct sc_held again;
		assert_int_equal(sc_resource_acquire(&resources[0], &again, NULL), SC_LOADED);
		sc_resource_release(&resources[0], &again);
	}
}

/* A closer that opens something leaves it open; closing all comes to an end. */
static void a_closer_may_open(void **state)
{
	(void)state;
	sc_resource_init(&resources[0], open_thing, close_and_open_again, &things[0]);
	release(0, acquire(0, SC_LOADED));
	sc_resource_close_all();
	assert_int_equal(things[0].opens, 2);
	assert_int_equal(things[0].closes, 1);
	while (things[0].open_now)
		sc_resource_close_all();
}

static void a_resource_may_end_before_the_process(void **state)
{
	struct sc_held held;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct sc_resource *resource = malloc(sizeof *resource);
		assert_non_null(resource);
		sc_resource_init(resource, open_thing, close_thing, &things[3]);
		assert_int_equal(sc_resource_acquire(resource, &held, NULL), SC_LOADED);
		sc_resource_release(resource, &held);
		sc_resource_fini(resource);
		assert_int_equal(things[3].open_now, 0);
		free(resource);
		sc_resource_close_all();
	}
}

/* ---- Many threads ---- */

static void acquire_with_others(unsigned thread, void *arg)
{
	atomic_uint *loaded = arg;
	struct sc_held held;

	(void)thread;
	int rc = sc_resource_acquire(&resources[0], &held, NULL);
	sct_check(rc == SC_LOADED || rc == SC_HIT);
	atomic_fetch_add(loaded, rc == SC_LOADED);
	sct_check(((struct opened *)held.instance)->number == 0);
	sc_resource_release(&resources[0], &held);
}

static void many_threads_open_once(void **state)
{
	atomic_uint loaded = 0;

	(void)state;
	things[0].wait_for = THREADS - 1;
	sct_threads_run(THREADS, acquire_with_others, &loaded);
	assert_int_equal(things[0].opens, 1);
	assert_int_equal(loaded, 1);
}

static void acquire_in_vain(unsigned thread, void *arg)
{
	struct sc_error error = { 0 };
	struct sc_held held = { .instance = &number };

	(void)arg;
	/* `error` may be NULL. */
	bool asks = thread != 1;
	sct_check(sc_resource_acquire(&resources[0], &held, asks ? &error : NULL) == SC_E_OPEN);
	sct_check(held.instance == NULL);
	if (!asks)
		return;
	sct_check(error.code == SC_E_OPEN && error.user_code == -3);
	sct_check(strcmp(error.message, "nobody answers") == 0);
}

static void all_waiters_get_the_failure_of_an_open(void **state)
{
	(void)state;
	things[0].wait_for = THREADS - 1;
	things[0].fail = -3;
	sct_threads_run(THREADS, acquire_in_vain, NULL);
	assert_int_equal(things[0].opens, 1);
	things[0].wait_for = 0;
	things[0].fail = 0;
	release(0, acquire(0, SC_LOADED));
}

static atomic_bool opening, too_late;

static int open_late(void *context, void **instance, struct sc_error *error)
{
	(void)error;
	atomic_store(&opening, true);
	sct_until(atomic_load(&too_late));
	*instance = context;
	return 0;
}

static void acquire_with_a_deadline(unsigned thread, void *arg)
{
	struct sc_resource *resource = arg;
	struct sc_error error = { 0 };
	struct sc_held held = { 0 };

	sct_until(thread == 0 || atomic_load(&opening));
	if (thread == 0) {
		sct_check(sc_resource_acquire(resource, &held, &error) == SC_LOADED);
	} else if (thread == 1) {
		sct_until(sct_threads_waiting() == 1);
		sct_invocation_begin(20);
		sct_check(sc_resource_acquire(resource, &held, &error) == SC_E_DEADLINE);
		sct_check(error.code == SC_E_DEADLINE && held.instance == NULL);
		sct_invocation_end(0);
		atomic_store(&too_late, true);
	} else {
		/* It waits before thread 1 does, which waits for that. */
		sct_invocation_begin(SC_NO_DEADLINE);
		sct_check(sc_resource_acquire(resource, &held, &error) == SC_HIT);
		sct_invocation_end(0);
	}
	sc_resource_release(resource, &held);
}

static void waiting_for_an_open_ends_at_the_deadline(void **state)
{
	struct sc_resource resource = SC_RESOURCE_INIT(open_late, NULL, &number);

	(void)state;
	opening = too_late = false;
	sct_threads_run(3, acquire_with_a_deadline, &resource);
	sc_resource_fini(&resource);
}

static void use_and_reset(unsigned thread, void *arg)
{
	uint64_t random = thread + 1;

	(void)arg;
	for (int i = 0; i < 500; i++) {
		int which = (int)sct_below(&random, 4);
		struct sc_error error;
		struct sc_held held;
		int rc = sc_resource_acquire(&resources[which], &held, &error);
		sct_check(rc == SC_LOADED || rc == SC_HIT);
		struct opened *opened = held.instance;
		sct_check(opened->thing == &things[which]);
		sct_check(atomic_load(&things[which].is_open[opened->number]));
		if (sct_below(&random, 10) == 0)
			sc_resource_reset(&resources[which]);
		if (sct_below(&random, 100) == 0)
			sc_resource_close_all();
		sct_check(atomic_load(&things[which].is_open[opened->number]));
		sc_resource_release(&resources[which], &held);
	}
}

static void no_holder_sees_a_closed_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		things[i].name = '\0';
	sct_threads_run(THREADS, use_and_reset, NULL);
	for (size_t i = 0; i < 4; i++) {
		assert_true(things[i].opens > 10);
		assert_in_range(things[i].open_now, 0, 1);
		assert_int_equal(things[i].opens, things[i].closes + things[i].open_now);
	}
}

#define resource_case(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		resource_case(opens_at_first_use_and_stays_open),
		resource_case(a_static_one_without_a_closer),
		resource_case(without_an_opener),
		resource_case(a_failure_is_reported_and_tried_again),
		resource_case(reset_closes_an_unreferenced_instance_at_once),
		resource_case(reset_leaves_the_closing_to_the_last_holder),
		resource_case(releasing_once_too_often_does_nothing),
		resource_case(closes_the_last_opened_first),
		resource_case(shutdown_closes_all),
		resource_case(a_referenced_instance_is_closed_on_its_last_release),
		resource_case(an_opener_may_use_other_resources),
		resource_case(an_opener_that_acquires_its_own_resource_is_a_cycle),
		resource_case(a_closer_may_open),
		resource_case(a_resource_may_end_before_the_process),
		resource_case(many_threads_open_once),
		resource_case(all_waiters_get_the_failure_of_an_open),
		resource_case(waiting_for_an_open_ends_at_the_deadline),
		resource_case(no_holder_sees_a_closed_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
