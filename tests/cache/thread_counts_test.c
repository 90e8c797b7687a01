/* Counters without a lock: no count is lost with any number of threads, and a thread that ends
 * returns its slot to later threads. */
#include "support/cmocka.h"
#include "support/threads.h"

#include "cache/thread_counts.h"

#include <pthread.h>

#define COUNTS 1000u

static struct sci_thread_counts counts;
static pthread_key_t late;
static pthread_barrier_t all_there;
static atomic_uint with_own, with_shared;

static void count(void)
{
	for (unsigned i = 0; i < COUNTS; i++) {
		sci_thread_counts_hit(&counts);
		sci_thread_counts_miss(&counts);
		sci_thread_counts_miss(&counts);
	}
}

static void assert_counted(uint64_t threads)
{
	struct sci_thread_counts_sum sum = sci_thread_counts_sum(&counts);

	assert_int_equal(sum.hits, threads * COUNTS);
	assert_int_equal(sum.misses, threads * COUNTS * 2);
}

static void count_alone(unsigned number, void *arg)
{
	(void)number;
	(void)arg;
	count();
	atomic_fetch_add(sci_thread_counts_number ? &with_own : &with_shared, 1);
}

static int begin_anew(void **state)
{
	(void)state;
	counts = (struct sci_thread_counts){ 0 };
	with_own = with_shared = 0;
	return 0;
}

static void threads_in_sequence_each_get_a_slot(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		sct_threads_run(1, count_alone, NULL);
	assert_counted(100);
	assert_int_equal(with_own, 100);
}

static void count_together(unsigned number, void *arg)
{
	pthread_barrier_wait(&all_there);
	count_alone(number, arg);
	pthread_barrier_wait(&all_there);
}

static void threads_beyond_the_slots_share_one(void **state)
{
	enum { THREADS = 40 };

	(void)state;
	assert_int_equal(pthread_barrier_init(&all_there, NULL, THREADS), 0);
	sct_threads_run(THREADS, count_together, NULL);
	pthread_barrier_destroy(&all_there);
	assert_counted(THREADS);
	assert_in_range(with_own, 1, SCI_COUNTED_THREADS - 1);
	assert_int_equal(with_own + with_shared, THREADS);

	/* After their end, a new thread gets a slot of its own. */
	begin_anew(NULL);
	sct_threads_run(1, count_alone, NULL);
	assert_int_equal(with_own, 1);
}

static void count_late(void *value)
{
	(void)value;
	sci_thread_counts_hit(&counts);
}

static void count_early_and_late(unsigned number, void *arg)
{
	count_alone(number, arg);
	sct_check(pthread_setspecific(late, &counts) == 0);
}

/* The caller's own destructors may run before or after the slot is returned. */
static void a_thread_may_count_while_it_ends(void **state)
{
	(void)state;
	assert_int_equal(pthread_key_create(&late, count_late), 0);
	for (int i = 0; i < 100; i++)
		sct_threads_run(1, count_early_and_late, NULL);
	pthread_key_delete(late);
	assert_int_equal(sci_thread_counts_sum(&counts).hits, 100 * (COUNTS + 1));
	assert_int_equal(with_own, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(threads_in_sequence_each_get_a_slot, begin_anew),
		cmocka_unit_test_setup(threads_beyond_the_slots_share_one, begin_anew),
		cmocka_unit_test_setup(a_thread_may_count_while_it_ends, begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
