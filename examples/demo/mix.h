/* A mix of events with a skewed distribution, as real ones have: a few users send many, most send
 * few. The same seed gives the same events, so that every row of the table has the same. */
#ifndef DEMO_MIX_H
#define DEMO_MIX_H

#include <stddef.h>
#include <stdint.h>

#define MIX_USERS       200u
#define MIX_PARAMS      3u
#define MIX_EVENT_BYTES 80

/* One event: {"user":"alice","param":"2024"}. */
struct mix_event {
	char text[MIX_EVENT_BYTES];
	size_t len;
};

struct mix {
	struct mix_event events[MIX_USERS * MIX_PARAMS];
	/* The cumulative share of the events up to and including each, as a part of 2^32. */
	uint32_t up_to[MIX_USERS * MIX_PARAMS];
};

/* Users and params are drawn independently, by Zipf's law: the k-th appears 1/k^skew as often as
 * the first. Their names are those of reports_create(). */
void mix_init(struct mix *mix, double skew);

/* The event of invocation `index` in the sequence of `seed`. */
const struct mix_event *mix_draw(const struct mix *mix, uint64_t seed, uint64_t index);

#endif
