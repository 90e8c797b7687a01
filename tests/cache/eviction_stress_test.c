/* Threads mark entries of an eviction order while another thread changes it. */
#include "support/cmocka.h"

#include "support/random.h"
#include "support/threads.h"

#include <scopecache/eviction.h>

#include <stdatomic.h>

#define ENTRIES    64u
#define INSERTIONS 20000u

struct scene {
	struct sc_eviction *order;
	atomic_uint inserted;
};

static void insert_all(struct scene *scene)
{
	uint32_t number, victim;
	unsigned resident = 0;

	for (uint64_t key = 0; key < INSERTIONS; key++) {
		uint64_t hash = key % 100;
		sct_check(sc_eviction_insert(scene->order, sct_random(&hash), 0, &number) == 0);
		resident += number != SC_EVICTION_NONE;
		while (sc_eviction_victim(scene->order, &victim))
			resident--;
		sct_check(resident <= ENTRIES);
		atomic_fetch_add(&scene->inserted, 1);
	}
}

static void mark_or_insert(unsigned thread, void *arg)
{
	struct scene *scene = arg;
	uint64_t random = thread;

	if (thread == 0)
		insert_all(scene);
	while (atomic_load(&scene->inserted) < INSERTIONS)
		sc_eviction_mark(scene->order, (uint32_t)sct_below(&random, ENTRIES));
}

static void entries_are_marked_while_others_are_inserted(void **state)
{
	struct scene scene = { .inserted = 0 };

	(void)state;
	assert_int_equal(
		sc_eviction_open(&scene.order, SC_EVICTION_OPTIONS(.max_entries = ENTRIES)), 0);
	sct_threads_run(3, mark_or_insert, &scene);
	sc_eviction_close(scene.order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_marked_while_others_are_inserted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
