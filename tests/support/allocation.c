/* The wrappers that the linker puts in front of the allocating functions (ld --wrap), and the loop
 * that makes them fail. The leak check covers the allocations of each run, by address. */
#include "support/allocation.h"

#include "support/cmocka.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define LIVE_MAX 65536
#define RUNS_MAX 100000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);
char *__real_strdup(const char *text);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t len);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t len);

/* Weak, so that a test program that does not wrap still links. */
#pragma weak __real_malloc
#pragma weak __real_calloc
#pragma weak __real_realloc
#pragma weak __real_free
#pragma weak __real_aligned_alloc
#pragma weak __real_posix_memalign
#pragma weak __real_strdup
#pragma weak __real_mmap
#pragma weak __real_munmap

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool armed, failed;
static long countdown;
static const void *live[LIVE_MAX];
static size_t live_count;

bool sct_allocation_must_fail(void)
{
	pthread_mutex_lock(&lock);
	bool fail = armed && countdown > 0 && --countdown == 0;
	failed |= fail;
	pthread_mutex_unlock(&lock);
	return fail;
}

static void *note_allocated(void *block)
{
	pthread_mutex_lock(&lock);
	if (armed && block && block != MAP_FAILED) {
		assert_true(live_count < LIVE_MAX);
		live[live_count++] = block;
	}
	pthread_mutex_unlock(&lock);
	return block;
}

static void note_freed(const void *block)
{
	pthread_mutex_lock(&lock);
	for (size_t i = live_count; i-- > 0;) {
		if (live[i] != block)
			continue;
		live[i] = live[--live_count];
		break;
	}
	pthread_mutex_unlock(&lock);
}

void *__wrap_malloc(size_t size)
{
	return sct_allocation_must_fail() ? NULL : note_allocated(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return sct_allocation_must_fail() ? NULL : note_allocated(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	if (sct_allocation_must_fail())
		return NULL;
	note_freed(old);
	return note_allocated(__real_realloc(old, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return sct_allocation_must_fail() ? NULL
					  : note_allocated(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
	int rc =
		sct_allocation_must_fail() ? ENOMEM : __real_posix_memalign(block, alignment, size);

	if (rc == 0)
		note_allocated(*block);
	return rc;
}

void __wrap_free(void *old)
{
	note_freed(old);
	__real_free(old);
}

char *__wrap_strdup(const char *text)
{
	return sct_allocation_must_fail() ? NULL : note_allocated(__real_strdup(text));
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return sct_allocation_must_fail()
		? MAP_FAILED
		: note_allocated(__real_mmap(addr, len, prot, flags, fd, offset));
}

int __wrap_munmap(void *addr, size_t len)
{
	note_freed(addr);
	return __real_munmap(addr, len);
}

int sct_allocation_failed(void)
{
	pthread_mutex_lock(&lock);
	bool any = failed;
	pthread_mutex_unlock(&lock);
	return any;
}

void sct_fail_each_allocation(void (*scenario)(void *arg), void *arg)
{
	long injected = 0;

	for (long nth = 1; nth < RUNS_MAX; nth++) {
		pthread_mutex_lock(&lock);
		armed = true;
		failed = false;
		countdown = nth;
		live_count = 0;
		pthread_mutex_unlock(&lock);

		scenario(arg);

		pthread_mutex_lock(&lock);
		armed = false;
		size_t leaked = live_count;
		bool hit = failed;
		pthread_mutex_unlock(&lock);
		if (leaked > 0)
			fail_msg("%zu blocks leaked when allocation %ld failed", leaked, nth);
		if (!hit)
			break;
		injected++;
	}
	if (injected == 0)
		fail_msg("no allocation was made to fail: the test tests nothing");
}
