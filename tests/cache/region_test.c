/* Population of pages in batches, and the behaviour without MADV_POPULATE_WRITE. The test replaces
 * madvise() (ld --wrap). */
#include "cache/cache_fixture.h"
#include "cache/resident_memory.h"

#include <errno.h>
#include <sys/mman.h>

#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, which headers may lack */
#define MIB            (UINT64_C(1) << 20)

static unsigned batches;
static size_t largest;
static bool is_unknown;

int __real_madvise(void *address, size_t len, int advice);
int __wrap_madvise(void *address, size_t len, int advice);

int __wrap_madvise(void *address, size_t len, int advice)
{
	if (advice == POPULATE_WRITE) {
		batches++;
		largest = len > largest ? len : largest;
		if (is_unknown) {
			errno = EINVAL;
			return -1;
		}
	}
	return __real_madvise(address, len, advice);
}

static int begin_anew(void **state)
{
	(void)state;
	batches = 0;
	largest = 0;
	is_unknown = false;
	return 0;
}

static void fill(struct sc_cache *cache, uint64_t from, uint64_t to)
{
	char value[1000] = { 0 };

	for (uint64_t key = from; key < to; key++)
		assert_int_equal(sc_cache_put(cache, SC_KEY(key), value, sizeof value), SC_OK);
}

static void a_small_cache_populates_nothing(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 * MIB, .entry_bytes = 1 << 20));

	(void)state;
	fill(cache, 0, 60);
	assert_int_equal(batches, 0);
	sc_cache_close(cache);
}

static void batches_grow_with_the_cache(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 8 * MIB, .entry_bytes = 1000));

	(void)state;
	fill(cache, 0, 300);
	assert_in_range(largest, 1, 64 << 10);
	/* Never more than an eighth beyond the used bytes, rounded up to a page. */
	assert_true(sct_resident(cache) <= sct_stats(cache).bytes * 9 / 8 + (256 << 10));
	fill(cache, 300, 20000);
	assert_int_equal(largest, 128 << 10);
	assert_in_range(batches, 8 * MIB / largest / 2, 8 * MIB / 4096);
	/* A full cache has all its pages, and populates no more. */
	unsigned before = batches;
	fill(cache, 20000, 40000);
	assert_int_equal(batches, before);
	assert_true(sct_resident(cache) <= 8 * MIB);
	sc_cache_close(cache);
}

static void without_batches_in_the_kernel_it_tries_once(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 8 * MIB, .entry_bytes = 1000));
	char value[1000];
	size_t len;

	(void)state;
	is_unknown = true;
	fill(cache, 0, 5000);
	assert_int_equal(batches, 1);
	for (uint64_t key = 0; key < 5000; key++)
		assert_int_equal(sc_cache_get(cache, SC_KEY(key), value, sizeof value, &len),
			SC_HIT);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_small_cache_populates_nothing, begin_anew),
		cmocka_unit_test_setup(batches_grow_with_the_cache, begin_anew),
		cmocka_unit_test_setup(without_batches_in_the_kernel_it_tries_once, begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
