/* Tests that run out of memory lean on support/allocation.h: each way to get memory fails once, in
 * turn. */
#include "support/allocation.h"

#include "support/cmocka.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define WAYS  7
#define BYTES 4096

/* Which ways have failed, and how often all of them were tried. */
static unsigned failures[WAYS], runs;

/* The compiler must not know that nobody uses the memory, or it leaves allocating out. */
static void *volatile blocks[WAYS];

static void get_memory_in_all_ways(void *arg)
{
	void *aligned = NULL;

	(void)arg;
	runs++;
	blocks[0] = malloc(BYTES);
	blocks[1] = calloc(BYTES, 1);
	blocks[2] = realloc(NULL, BYTES);
	blocks[3] = aligned_alloc(64, BYTES);
	blocks[4] = posix_memalign(&aligned, 64, BYTES) == 0 ? aligned : NULL;
	blocks[5] = strdup("text");
	blocks[6] = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < WAYS - 1; i++) {
		failures[i] += blocks[i] == NULL;
		free(blocks[i]);
	}
	if (blocks[6] == MAP_FAILED)
		failures[6]++;
	else
		munmap(blocks[6], BYTES);
}

static void each_way_fails_once(void **state)
{
	(void)state;
	sct_fail_each_allocation(get_memory_in_all_ways, NULL);
	for (size_t i = 0; i < WAYS; i++)
		assert_int_equal(failures[i], 1);
	assert_int_equal(runs, WAYS + 1);
	assert_false(sct_allocation_failed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
