/* A process that was frozen cannot tell from one clock how long: which clocks advance during a
 * freeze differs. So all three are read when the first cache is opened and at each beginning of an
 * invocation, and the longest difference is what has passed. CLOCK_BOOTTIME is the base, because
 * it advances while a machine is suspended; `beyond_ms` is the sum of what the others saw beyond
 * it.
 *
 * A clock that fell behind the base - the wall clock was set back, or CLOCK_MONOTONIC stood still -
 * is compared with the new reading from then on: else it would hide as much of a later freeze that
 * only it counts.
 *
 * Clocks that are read one after the other, and rounded to milliseconds, differ by a little
 * although nothing happened. Summed up at each invocation this would make time run fast, so a small
 * difference does not count: the comparison goes on from the same reading until the difference is
 * large enough.
 *
 * In an invocation time stands still for its thread between two updates: a hit compares two numbers
 * and reads no clock. Outside one a hit reads the coarse clocks. Cache time is CLOCK_MONOTONIC plus
 * what the last reading of all clocks found beyond it; all clocks are read again when the wall
 * clock departs from CLOCK_MONOTONIC, as it does when a machine wakes up. */
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
/* The next reading is compared with this one. */
static struct sci_clocks compared SCI_GUARDED_BY(lock);
static _Atomic int64_t beyond_ms;

/* How far the others were ahead of CLOCK_MONOTONIC at the last reading of all clocks. Read without
 * the lock: a torn pair causes one more reading at worst. */
static _Atomic int64_t time_ahead_ms, real_ahead_ms;

static _Thread_local struct {
	bool running;
	int64_t now_ms; /* at its beginning, or at the last update */
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

/* Read the clocks, and add what the base did not see. The reading is made under the lock: an older
 * one than that it is compared with would be wrong. */
static struct sci_clocks bring_up_to_date(void)
{
	sci_lock_acquire(&lock);
	struct sci_clocks now = sci_clocks_read();
	if (!started)
		compared = now;
	started = true;

	int64_t passed_ms = now.boot_ms - compared.boot_ms;
	int64_t gap_ms = sci_clocks_elapsed_ms(&compared, &now) - passed_ms;
	bool fell_behind = now.real_ms - compared.real_ms < passed_ms - NOISE_MS ||
		now.mono_ms - compared.mono_ms < passed_ms - NOISE_MS;
	if (gap_ms > NOISE_MS)
		atomic_fetch_add_explicit(&beyond_ms, gap_ms, memory_order_relaxed);
	if (gap_ms > NOISE_MS || fell_behind)
		compared = now;
	atomic_store_explicit(&time_ahead_ms, cache_time_at(now.boot_ms) - now.mono_ms,
		memory_order_relaxed);
	atomic_store_explicit(&real_ahead_ms, now.real_ms - now.mono_ms, memory_order_relaxed);
	sci_lock_release(&lock);
	return now;
}

SCI_UNCHECKED void sci_cache_time_fork(enum sci_fork_stage stage)
{
	if (stage == SCI_FORK_BEFORE)
		sci_lock_acquire(&lock);
	else
		sci_lock_release(&lock);
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

	/* Overflows only for an end far in the past. */
	if (__builtin_sub_overflow(epoch_ms, sci_real_ms(), &ttl_ms))
		return -1;
	return ttl_ms ? ttl_ms : -1;
}

void sci_cache_time_capture(uint64_t words[SCI_INVOCATION_WORDS])
{
	words[0] = invocation.running;
	words[1] = (uint64_t)invocation.now_ms;
	words[2] = (uint64_t)invocation.deadline_mono_ms;
}

void sci_cache_time_restore(const uint64_t words[SCI_INVOCATION_WORDS])
{
	invocation.running = words[0] != 0;
	invocation.now_ms = (int64_t)words[1];
	invocation.deadline_mono_ms = (int64_t)words[2];
}

void sci_cache_time_end(void)
{
	invocation.running = false;
}
