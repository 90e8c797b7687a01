/* A pseudo-random number selects an event by the cumulative sum of all shares. The number is a hash
 * of the index, not the next of a sequence, so that invocations may be sent in any order. */
#include "demo/mix.h"

#include "reports/reports.h"

#include <math.h>
#include <stdio.h>

#define EVENTS (MIX_USERS * MIX_PARAMS)

static double weight(unsigned index, double skew)
{
	return 1 / pow(index + 1, skew);
}

static void name_event(struct mix_event *event, unsigned user, unsigned param)
{
	char user_name[REPORTS_NAME_BYTES], param_name[REPORTS_NAME_BYTES];

	event->len = (size_t)snprintf(event->text, sizeof event->text,
		"{\"user\":\"%s\",\"param\":\"%s\"}", reports_user_name(user, user_name),
		reports_param_name(param, param_name));
}

void mix_init(struct mix *mix, double skew)
{
	double sum = 0, running = 0;

	for (unsigned i = 0; i < EVENTS; i++)
		sum += weight(i / MIX_PARAMS, skew) * weight(i % MIX_PARAMS, skew);
	for (unsigned i = 0; i < EVENTS; i++) {
		running += weight(i / MIX_PARAMS, skew) * weight(i % MIX_PARAMS, skew) / sum;
		mix->up_to[i] = running < 1 ? (uint32_t)(running * UINT32_MAX) : UINT32_MAX;
		name_event(&mix->events[i], i / MIX_PARAMS, i % MIX_PARAMS);
	}
	/* Rounding may have left the sum below 1. */
	mix->up_to[EVENTS - 1] = UINT32_MAX;
}

/* The finaliser of splitmix64: every bit of the result depends on every bit of the argument. */
static uint64_t scramble(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

const struct mix_event *mix_draw(const struct mix *mix, uint64_t seed, uint64_t index)
{
	uint32_t drawn = (uint32_t)(scramble(scramble(seed) ^ index) >> 32);
	size_t low = 0, high = EVENTS - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (drawn <= mix->up_to[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return &mix->events[low];
}
