/* The clocks of the process as a test sets them (ld --wrap=clock_gettime): they miss freezes and
 * are set, at random. Beside them the true time, which none of them need show, and what
 * docs/semantics.md promises of cache time ("How late"), computed from the clocks' readings alone:
 *
 * A reading of all clocks finds that as much time has passed since the reading before as the clock
 * counted that counted most. Between two of them time stands still in an invocation, and a load in
 * it adds what CLOCK_BOOTTIME counted; outside, a lookup adds what CLOCK_MONOTONIC or the wall
 * clock counted, the larger, and a put what CLOCK_BOOTTIME counted. */
#ifndef SCT_JUMPING_CLOCKS_H
#define SCT_JUMPING_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

/* A difference of the clocks that does not count. */
#define SCT_NOISE_MS 10

enum sct_clock { SCT_REAL, SCT_BOOT, SCT_MONO, SCT_CLOCKS };

struct sct_clock_rules {
	int witness;       /* a clock that counts all freezes and is never set back; -1: none */
	int64_t most_jump; /* of a clock that is set; 0: none is */
	bool small;        /* also freezes and jumps of up to SCT_NOISE_MS */
	bool own_clock;    /* the cache has a clock that shows the true time */
	int64_t tick_ms;   /* of the coarse clocks */
};

/* When something happened: truly, and by the cache's time, as far as that is promised. */
struct sct_moment {
	int64_t true_ms, least_ms, most_ms;
	int64_t behind_ms, ahead_ms; /* of the truth, since the last reading of all clocks */
	int64_t small_ms;  /* the sum of the small differences that were read until then */
	int64_t jumped_ms; /* the sum of the jumps that were read until then */
};

/* Begin a history in which nothing has happened yet. `rules` and `random` must stay valid. */
void sct_clocks_start(const struct sct_clock_rules *rules, uint64_t *random);

/* Time passes, and all clocks count it; a freeze, which some clocks count; a clock is set. */
void sct_clocks_pass(int64_t ms);
void sct_clocks_freeze(void);
void sct_clocks_jump(void);

int64_t sct_clocks_true_ms(void);

/* The sum of all jumps so far. */
int64_t sct_clocks_jumped_ms(void);

/* An invocation has begun; its time was updated, or a load ended in it; it has ended. */
void sct_clocks_invocation_begun(void);
void sct_clocks_invocation_updated(void);
void sct_clocks_invocation_ended(void);
bool sct_clocks_in_invocation(void);

/* Of a lookup, and of a put or the end of a load. */
struct sct_moment sct_moment_of_lookup(void);
struct sct_moment sct_moment_of_store(void);

/* Small differences of the clocks do not count, and a clock that lags by one hides as much of a
 * freeze that only it counts: how much later something may end for that. */
int64_t sct_moment_ignored_ms(const struct sct_moment *since, const struct sct_moment *now);

/* Whether by the cache's time less than this may have passed from `since` to `now`; and whether
 * this may have passed, where the latest time of a call was `most_ms`. */
bool sct_moment_is_before(const struct sct_moment *since, int64_t limit_ms,
	const struct sct_moment *now);
bool sct_moment_has_reached(const struct sct_moment *since, int64_t limit_ms, int64_t most_ms,
	const struct sct_moment *now);

#endif
