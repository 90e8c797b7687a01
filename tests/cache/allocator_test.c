/* A user's allocator: the library allocates and frees all heap memory with it. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"

#include <scopecache/memo.h>
#include <scopecache/process.h>
#include <scopecache/resource.h>

#include <stdlib.h>

/* A header with a magic number precedes each block, to detect a block of malloc() that is freed
 * here. */
struct block {
	union {
		int mark;
		max_align_t aligned;
	} first;
	unsigned char bytes[];
};

#define MARK 0x5CA110C8

struct arena {
	int live, given;
};

static void *take(size_t bytes, void *context)
{
	struct block *block = malloc(sizeof *block + bytes);
	struct arena *arena = context;

	assert_non_null(block);
	block->first.mark = MARK;
	arena->live++;
	arena->given++;
	return block->bytes;
}

static void give_back(void *memory, void *context)
{
	struct block *block =
		(struct block *)(void *)((char *)memory - offsetof(struct block, bytes));
	struct arena *arena = context;

	assert_int_equal(block->first.mark, MARK);
	block->first.mark = 0;
	arena->live--;
	free(block);
}

static struct arena arena;

static int open_a_thing(void *context, void **instance, struct sc_error *error)
{
	(void)error;
	*instance = context;
	return 0;
}

static int load(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, "abc", 3);
}

static void a_function_that_is_missing_is_refused(void **state)
{
	const struct sc_allocator only_takes = { .allocate = take },
				  only_frees = { .free = give_back };

	(void)state;
	assert_int_equal(sc_process_set_allocator(&only_takes), SC_E_INVAL);
	assert_int_equal(sc_process_set_allocator(&only_frees), SC_E_INVAL);
}

static void all_memory_comes_from_the_allocator_and_returns_to_it(void **state)
{
	const struct sc_allocator allocator = { take, give_back, &arena, { NULL, NULL } };
	struct sc_resource resource = SC_RESOURCE_INIT(open_a_thing, NULL, &arena);
	char long_key[1000] = { 0 };
	struct sc_value value, held;
	struct sc_held thing;

	(void)state;
	assert_int_equal(sc_process_set_allocator(&allocator), 0);
	struct sc_cache *cache = sct_cache_open(NULL);
	assert_int_equal(arena.live, 1);
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(long_key, sizeof long_key)), "x"), SC_OK);
	sct_assert_get(cache, SC_KEY(SC_BYTES(long_key, sizeof long_key)), "x");
	assert_int_equal(sct_fetch(cache, SC_KEY(2), load, NULL, &held, NULL), SC_LOADED);
	assert_int_equal(sct_fetch(cache, SC_KEY(2), load, NULL, &value, NULL), SC_HIT);
	sc_value_release(&value);
	assert_int_equal(sc_resource_acquire(&resource, &thing, NULL), SC_LOADED);
	sc_resource_release(&resource, &thing);
	sc_resource_fini(&resource);
	sc_cache_close(cache);
	/* The value that is still pinned. */
	assert_memory_equal(held.data, "abc", 3);
	assert_int_equal(arena.live, 1);
	sc_value_release(&held);
	assert_int_equal(arena.live, 0);
	assert_true(arena.given >= 7);
	assert_int_equal(sc_process_set_allocator(NULL), SC_E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_that_is_missing_is_refused),
		cmocka_unit_test(all_memory_comes_from_the_allocator_and_returns_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
