/* How long environments live: limits that are fixed, or drawn for each environment. */
#ifndef SCI_LOCAL_LIFETIME_H
#define SCI_LOCAL_LIFETIME_H

#include <stdint.h>

/* From `least` to `most`, which are equal for a fixed time; both 0: no limit. */
struct sci_range_ms {
	int64_t least, most;
};

/* The limits of a function's environments. */
struct sci_lifetimes {
	struct sci_range_ms idle; /* since the last invocation */
	struct sci_range_ms age;  /* since the start */
};

/* Those of one environment; 0: no limit. */
struct sci_lifetime {
	int64_t idle_ms, age_ms;
};

/* The state of a generator of draws: any number. The same number gives the same draws. */
struct sci_draws {
	uint64_t state;
};

/* Draw a time, all of which are equally likely. */
int64_t sci_draw_ms(struct sci_draws *draws, const struct sci_range_ms *range);

/* Draw both limits. */
struct sci_lifetime sci_draw_lifetime(struct sci_draws *draws,
	const struct sci_lifetimes *lifetimes);

#endif
