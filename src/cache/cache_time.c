/* A frozen process wakes up and cannot tell from one clock how long it slept: which clocks go on in a
 * freeze differs. So at each beginning of an invocation all three are read, and the most that any of
 * them saw pass since the last beginning is what has passed. CLOCK_BOOTTIME is the base, because it goes
 * on by itself when a machine is suspended; what others saw beyond it is added up in `beyond_ms`.
 *
 * In an invocation the time stands still for its thread: a hit compares two numbers and reads no clock. */
#include "cache/cache_time.h"

#include "base/clock.h"

#include <scopecache/hooks.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sci_clocks last; /* guarded by lock; all zero before the first invocation */
static _Atomic int64_t beyond_ms;

static _Thread_local struct {
	bool running;
	int64_t began_ms;
	int64_t deadline_mono_ms;
} invocation;

int64_t sci_cache_time_ms(void)
{
	if (invocation.running)
		return invocation.began_ms;
	return sci_boot_ms() + atomic_load_explicit(&beyond_ms, memory_order_relaxed);
}

int64_t sci_invocation_deadline_mono_ms(void)
{
	return invocation.running ? invocation.deadline_mono_ms : INT64_MAX;
}

void sci_cache_time_begin(int64_t remaining_ms)
{
	struct sci_clocks now = sci_clocks_read();

	pthread_mutex_lock(&lock);
	if (last.boot_ms) {
		int64_t elapsed_ms = sci_clocks_elapsed_ms(&last, &now);
		int64_t beyond = elapsed_ms - (now.boot_ms - last.boot_ms);
		if (beyond > 0)
			atomic_fetch_add_explicit(&beyond_ms, beyond, memory_order_relaxed);
	}
	last = now;
	pthread_mutex_unlock(&lock);

	invocation.running = true;
	invocation.began_ms = now.boot_ms + atomic_load_explicit(&beyond_ms, memory_order_relaxed);
	invocation.deadline_mono_ms =
		remaining_ms == SC_NO_DEADLINE ? INT64_MAX : now.mono_ms + remaining_ms;
}

void sci_cache_time_end(void)
{
	invocation.running = false;
}
