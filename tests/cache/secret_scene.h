/* What the tests of secret caches at the edges of the process share: a cache with one secret entry,
 * and madvise() and syscall() that refuse like an older kernel (ld --wrap). */
#ifndef SCT_SECRET_SCENE_H
#define SCT_SECRET_SCENE_H

#include "cache/handle.h"
#include "cache/secret_fixture.h"

#include <errno.h>
#include <sys/syscall.h>

enum { LEN = 16 * SCT_SECRET_BYTES };

static struct {
	struct sc_cache *cache;
	struct sct_secret_key key;
	struct sct_secret value, own_value;
	struct sc_value held;
	_Atomic int64_t now_ms;
	unsigned frees;
	bool refused[128]; /* by the advice of madvise() */
	bool may_not_lock;
} the;

int __real_madvise(void *address, size_t len, int advice);
int __wrap_madvise(void *address, size_t len, int advice);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

int __wrap_madvise(void *address, size_t len, int advice)
{
	if (!the.refused[advice])
		return __real_madvise(address, len, advice);
	errno = EINVAL;
	return -1;
}

long __wrap_syscall(long number, ...)
{
	long arguments[3];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 3; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number != SYS_mlock2 || !the.may_not_lock)
		return __real_syscall(number, arguments[0], arguments[1], arguments[2]);
	errno = EPERM;
	return -1;
}

static inline void open_with(struct sc_cache_options options)
{
	options.size = sizeof options;
	options.secret = 1;
	options.clock = sct_clock_of(&the.now_ms);
	if (!options.max_bytes)
		options.max_bytes = 256 << 10;
	the.cache = sct_cache_open(&options);
}

static inline int set_up(void **state)
{
	(void)state;
	memset(&the, 0, sizeof the);
	the.now_ms = 1000;
	the.key = sct_secret_key_draw(SCT_KEY_LONG);
	sct_secret_draw(&the.value);
	sct_secret_draw(&the.own_value);
	return 0;
}

static inline int put(void)
{
	return sct_secret_put(the.cache, &the.key, &the.value, LEN, NULL);
}

static inline void assert_entry_is_gone(void)
{
	sct_assert_gone(&the.key.secret);
	sct_assert_gone(&the.value);
}

static inline void count_free(void *pointer, void *context)
{
	(void)pointer;
	(void)context;
	the.frees++;
}

#endif
