/* All lengths are whole milliseconds, so that rounding hides nothing. */
#include "cache/jumping_clocks.h"

#include "support/random.h"

#include <string.h>
#include <time.h>

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static struct {
	const struct sct_clock_rules *rules;
	uint64_t *random;
	int64_t true_ms, shown_ms[SCT_CLOCKS];
	int64_t jumped_ms;
	/* The last reading of all clocks, the cache's time then, and what was set back since. */
	int64_t read_true_ms, read_ms[SCT_CLOCKS], time_ms;
	int64_t read_small_ms, read_jumped_ms;
	bool is_set_back[SCT_CLOCKS];
	bool in_invocation;
	int64_t invocation_ms;
} now;

static int64_t greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t magnitude(int64_t a)
{
	return a < 0 ? -a : a;
}

static int64_t below(int64_t bound)
{
	return (int64_t)sct_below(now.random, (uint64_t)bound);
}

/* ---- Reading ---- */

static int64_t counted(int clock)
{
	return now.shown_ms[clock] - now.read_ms[clock];
}

static int64_t most_counted(void)
{
	int64_t most_ms = greater(counted(SCT_BOOT), counted(SCT_MONO));

	return greater(0, greater(counted(SCT_REAL), most_ms));
}

static void note_reading(void)
{
	for (int clock = 0; clock < SCT_CLOCKS; clock++) {
		int64_t apart_ms = magnitude(counted(clock) - counted(SCT_BOOT));
		if (apart_ms <= SCT_NOISE_MS)
			now.read_small_ms += apart_ms;
		now.is_set_back[clock] = false;
	}
	now.time_ms += most_counted();
	memcpy(now.read_ms, now.shown_ms, sizeof now.shown_ms);
	now.read_true_ms = now.true_ms;
	now.read_jumped_ms = now.jumped_ms;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	bool is_coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
	bool is_real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	int64_t ms = now.shown_ms[is_real         ? SCT_REAL
			: clock == CLOCK_BOOTTIME ? SCT_BOOT
						  : SCT_MONO];

	/* The library reads this one only together with the others. */
	if (clock == CLOCK_REALTIME)
		note_reading();
	if (is_coarse)
		ms -= now.true_ms % now.rules->tick_ms;
	*time = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	return 0;
}

/* ---- What happens ---- */

void sct_clocks_start(const struct sct_clock_rules *rules, uint64_t *random)
{
	memset(&now, 0, sizeof now);
	now.rules = rules;
	now.random = random;
	now.true_ms = now.read_true_ms = 100000;
	now.shown_ms[SCT_REAL] = INT64_C(1800000000000);
	now.shown_ms[SCT_BOOT] = now.shown_ms[SCT_MONO] = 100000;
	memcpy(now.read_ms, now.shown_ms, sizeof now.shown_ms);
}

void sct_clocks_pass(int64_t ms)
{
	now.true_ms += ms;
	for (int clock = 0; clock < SCT_CLOCKS; clock++)
		now.shown_ms[clock] += ms;
}

static int64_t draw_length(int64_t most_ms)
{
	if (now.rules->small && below(2))
		return 1 + below(SCT_NOISE_MS);
	return SCT_NOISE_MS + 1 + below(most_ms);
}

void sct_clocks_freeze(void)
{
	int64_t ms = draw_length(below(4) ? 100 : 2000);
	bool counts[SCT_CLOCKS];

	for (int clock = 0; clock < SCT_CLOCKS; clock++)
		counts[clock] = clock == now.rules->witness || below(2);
	counts[SCT_BOOT] |= !counts[SCT_MONO] && !counts[SCT_REAL];
	now.true_ms += ms;
	for (int clock = 0; clock < SCT_CLOCKS; clock++)
		now.shown_ms[clock] += counts[clock] ? ms : 0;
}

static void set(enum sct_clock clock, int64_t by_ms)
{
	now.shown_ms[clock] += by_ms;
	now.jumped_ms += magnitude(by_ms);
	now.is_set_back[clock] |= by_ms < 0;
}

/* Not all clocks are set back between two readings: then no clock shows what has passed. */
static bool may_be_set_back(enum sct_clock clock)
{
	int others = 0;

	for (int other = 0; other < SCT_CLOCKS; other++)
		others += other != (int)clock && now.is_set_back[other];
	return (int)clock != now.rules->witness && others < SCT_CLOCKS - 1;
}

void sct_clocks_jump(void)
{
	enum sct_clock clock = (enum sct_clock)below(SCT_CLOCKS);

	if (now.rules->most_jump == 0)
		return;
	int64_t by_ms = draw_length(now.rules->most_jump);
	set(clock, below(2) && may_be_set_back(clock) ? -by_ms : by_ms);
}

int64_t sct_clocks_true_ms(void)
{
	return now.true_ms;
}

int64_t sct_clocks_jumped_ms(void)
{
	return now.jumped_ms;
}

/* ---- Invocations ---- */

void sct_clocks_invocation_begun(void)
{
	now.in_invocation = true;
	now.invocation_ms = now.time_ms;
}

void sct_clocks_invocation_updated(void)
{
	now.invocation_ms = greater(now.invocation_ms, now.time_ms + counted(SCT_BOOT));
}

void sct_clocks_invocation_ended(void)
{
	now.in_invocation = false;
}

bool sct_clocks_in_invocation(void)
{
	return now.in_invocation;
}

/* ---- Moments ---- */

static struct sct_moment moment(int64_t least_ms, int64_t most_ms)
{
	int64_t passed_ms = now.true_ms - now.read_true_ms;

	if (now.rules->own_clock)
		return (struct sct_moment){ now.true_ms, now.true_ms, now.true_ms, 0, 0, 0, 0 };
	return (struct sct_moment){
		.true_ms = now.true_ms,
		.least_ms = least_ms,
		.most_ms = most_ms,
		.behind_ms = greater(passed_ms - (least_ms - now.time_ms), 0),
		.ahead_ms = greater(most_ms - now.time_ms - passed_ms, 0),
		.small_ms = now.read_small_ms,
		.jumped_ms = now.read_jumped_ms,
	};
}

struct sct_moment sct_moment_of_lookup(void)
{
	int64_t seen_ms = greater(counted(SCT_MONO), counted(SCT_REAL));
	int64_t apart_ms = magnitude(counted(SCT_MONO) - counted(SCT_REAL));

	if (now.in_invocation)
		return moment(now.invocation_ms, now.invocation_ms);
	/* Where they differ by more, all clocks are read. */
	if (apart_ms > SCT_NOISE_MS)
		apart_ms = 0;
	return moment(now.time_ms + seen_ms - apart_ms - (now.rules->tick_ms - 1),
		now.time_ms + most_counted());
}

struct sct_moment sct_moment_of_store(void)
{
	int64_t ms = now.in_invocation ? now.invocation_ms : now.time_ms + counted(SCT_BOOT);

	return moment(ms, ms);
}

int64_t sct_moment_ignored_ms(const struct sct_moment *since, const struct sct_moment *at)
{
	return at->small_ms ? 2 * SCT_NOISE_MS + at->small_ms - since->small_ms : 0;
}

bool sct_moment_is_before(const struct sct_moment *since, int64_t limit_ms,
	const struct sct_moment *at)
{
	return at->least_ms - since->most_ms - sct_moment_ignored_ms(since, at) < limit_ms;
}

bool sct_moment_has_reached(const struct sct_moment *since, int64_t limit_ms, int64_t most_ms,
	const struct sct_moment *at)
{
	return most_ms - since->least_ms + (at->small_ms ? SCT_NOISE_MS : 0) >= limit_ms;
}
