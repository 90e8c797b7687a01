/* Cache time: milliseconds that include the time in which the process was frozen.
 *
 * No single clock advances through every kind of freeze. So all three clocks are read when the
 * first cache opens and when an invocation begins, and the largest elapsed time of the three
 * counts. CLOCK_BOOTTIME is the base, because it advances while a machine is suspended; `beyond_ms`
 * is the sum of what the other clocks measured beyond it.
 *
 * Clocks are read one after another and rounded down to milliseconds, so they differ slightly even
 * without a freeze. Adding such differences at every invocation would make time run fast. So a
 * difference up to NOISE_MS is not added; the next reading is compared with the same old reading.
 *
 * During an invocation the time of its thread is constant between updates, so a hit reads no
 * clock. Outside an invocation a hit reads the coarse clocks: cache time is CLOCK_MONOTONIC plus
 * its lag at the last reading of all clocks. When the difference between wall clock and
 * CLOCK_MONOTONIC changes, as it does after a suspend, all clocks are read again.
 *
 * `lock` guards the reading that the next one is compared with; no other lock is taken under it. */
#include "cache/cache_time.h"

#include "base/clock.h"
#include "base/lock.h"
#include "cache/fork.h"

#include <scopecache/cache.h>

#include <stdatomic.h>
#include <stdbool.h>

#define NOISE_MS 10

static struct sci_lock lock = SCI_LOCK_INIT;
static bool started SCI_GUARDED_BY(lock);
/* The reading that the next one is compared with. */
static struct sci_clocks compared SCI_GUARDED_BY(lock);
static _Atomic int64_t beyond_ms;

/* At the last reading of all clocks: how far cache time and CLOCK_REALTIME were ahead of
 * CLOCK_MONOTONIC, in ms. Both are read without the lock; the worst effect of a pair from two
 * readings is one more reading. */
static _Atomic int64_t time_ahead_ms, real_ahead_ms;

static _Thread_local struct {
	bool running;
	int64_t now_ms; /* at its begin or its last update */
	int64_t deadline_mono_ms;
} invocation;

static int64_t cache_time_at(int64_t boot_ms)
{
	return boot_ms + atomic_load_explicit(&beyond_ms, memory_order_relaxed);
}

int64_t sci_cache_time_ms(void)
{
	if (invocation.running)
		return invocation.now_ms;
	return cache_time_at(sci_boot_ms());
}

int64_t sci_invocation_deadline_mono_ms(void)
{
	return invocation.running ? invocation.deadline_mono_ms : INT64_MAX;
}

/* Read the clocks, and add the time that the base missed. The clocks are read under the lock, so
 * that no reading is compared with a later one. */
static struct sci_clocks bring_up_to_date(void)
{
	sci_lock_take(&lock);
	struct sci_clocks now = sci_clocks_read();
	if (!started)
		compared = now;
	started = true;

	int64_t passed_ms = now.boot_ms - compared.boot_ms;
	int64_t gap_ms = sci_clocks_elapsed_ms(&compared, &now) - passed_ms;
	bool stepped_back = now.real_ms - compared.real_ms < passed_ms - NOISE_MS;
	if (gap_ms > NOISE_MS)
		atomic_fetch_add_explicit(&beyond_ms, gap_ms, memory_order_relaxed);
	if (gap_ms > NOISE_MS || stepped_back)
		compared = now;
	atomic_store_explicit(&time_ahead_ms, cache_time_at(now.boot_ms) - now.mono_ms,
		memory_order_relaxed);
	atomic_store_explicit(&real_ahead_ms, now.real_ms - now.mono_ms, memory_order_relaxed);
	sci_lock_let_go(&lock);
	return now;
}

SCI_UNCHECKED void sci_cache_time_fork(enum sci_fork_stage stage)
{
	if (stage == SCI_FORK_BEFORE)
		sci_lock_take(&lock);
	else
		sci_lock_let_go(&lock);
}

int64_t sci_cache_time_coarse_ms(void)
{
	if (invocation.running)
		return invocation.now_ms;
	struct sci_coarse_clocks now = sci_clocks_read_coarse();
	int64_t parted_ms = now.real_ms - now.mono_ms -
		atomic_load_explicit(&real_ahead_ms, memory_order_relaxed);
	if (parted_ms > NOISE_MS || parted_ms < -NOISE_MS)
		bring_up_to_date();
	return now.mono_ms + atomic_load_explicit(&time_ahead_ms, memory_order_relaxed);
}

void sci_cache_time_start(void)
{
	bring_up_to_date();
}

static int64_t deadline_of(int64_t mono_ms, int64_t remaining_ms)
{
	if (remaining_ms < 0)
		remaining_ms = 0;
	return remaining_ms < INT64_MAX - mono_ms ? mono_ms + remaining_ms : INT64_MAX;
}

void sci_cache_time_begin(int64_t remaining_ms)
{
	struct sci_clocks now = bring_up_to_date();

	invocation.running = true;
	invocation.now_ms = cache_time_at(now.boot_ms);
	invocation.deadline_mono_ms = deadline_of(now.mono_ms, remaining_ms);
}

void sci_cache_time_advance(void)
{
	if (!invocation.running)
		return;
	int64_t now_ms = cache_time_at(sci_boot_ms());
	if (now_ms > invocation.now_ms)
		invocation.now_ms = now_ms;
}

int64_t sc_time_coarse_ms(void)
{
	return sci_cache_time_coarse_ms();
}

void sc_time_update(void)
{
	bring_up_to_date();
	sci_cache_time_advance();
}

int64_t sc_ttl_until(int64_t epoch_ms)
{
	int64_t ttl_ms;

	/* Overflows only for an expiry time far in the past. */
	if (__builtin_sub_overflow(epoch_ms, sci_real_ms(), &ttl_ms))
		return -1;
	return ttl_ms ? ttl_ms : -1;
}

void sci_cache_time_end(void)
{
	invocation.running = false;
}
