/* Without a free pthread key no destructor can return a thread's slot, so no thread gets one. */
#include "support/cmocka.h"
#include "support/threads.h"

#include "cache/thread_counts.h"

#include <pthread.h>

static struct sci_thread_counts counts;

static void count(unsigned number, void *arg)
{
	(void)number;
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		sci_thread_counts_hit(&counts);
		sci_thread_counts_miss(&counts);
	}
	sct_check(sci_thread_counts_number == 0);
}

static void all_share_one(void **state)
{
	pthread_key_t key;

	(void)state;
	while (pthread_key_create(&key, NULL) == 0)
		;
	sct_threads_run(4, count, NULL);
	assert_int_equal(sci_thread_counts_sum(&counts).hits, 4000);
	assert_int_equal(sci_thread_counts_sum(&counts).misses, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_share_one) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
