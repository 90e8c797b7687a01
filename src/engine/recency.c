/* Two boundaries, of the whole cache and of its younger three quarters, are kept as a number of
 * ticks and the keys in them. A touch moves a key to the current tick; then the boundaries move in
 * until they hold no more keys than they may. They are exact to a tick. */
#include "engine/recency.h"

#define TICKS_A_CACHE 16u
#define INSIDE_MAX    (SCI_TICKS - 1)

static uint32_t keys_at(const struct sci_shard *shard, uint32_t age)
{
	return shard->recency.keys[(shard->tick - age) & (SCI_TICKS - 1)];
}

static void draw_in(struct sci_shard *shard)
{
	struct sci_recency *recency = &shard->recency;

	while (recency->inside_keys > recency->capacity && recency->inside_ticks > 1)
		recency->inside_keys -= keys_at(shard, --recency->inside_ticks);
	while (recency->near_keys > recency->near_capacity && recency->near_ticks > 1)
		recency->near_keys -= keys_at(shard, --recency->near_ticks);
	if (recency->near_ticks > recency->inside_ticks) {
		recency->near_ticks = recency->inside_ticks;
		recency->near_keys = recency->inside_keys;
	}
}

void sci_recency_fit(struct sci_shard *shard, uint32_t capacity)
{
	struct sci_recency *recency = &shard->recency;

	if (recency->capacity == capacity)
		return;
	recency->capacity = capacity;
	recency->near_capacity = capacity - (capacity >= 4 ? capacity / 4 : 1);
	recency->tick_touches = capacity >= TICKS_A_CACHE ? capacity / TICKS_A_CACHE : 1;
	recency->inside_ticks = recency->near_ticks = INSIDE_MAX;
	recency->inside_keys = 0;
	for (uint32_t age = 0; age < INSIDE_MAX; age++)
		recency->inside_keys += keys_at(shard, age);
	recency->near_keys = recency->inside_keys;
	draw_in(shard);
}

enum sci_reach sci_recency_reach(const struct sci_shard *shard, uint32_t tick)
{
	uint32_t age = sci_recency_age(shard, tick);

	return age < shard->recency.near_ticks      ? SCI_NEAR
		: age < shard->recency.inside_ticks ? SCI_TAIL
						    : SCI_FAR;
}

/* Start the next tick, and drop the oldest from the boundaries. */
static void advance(struct sci_shard *shard)
{
	struct sci_recency *recency = &shard->recency;

	if (recency->inside_ticks == INSIDE_MAX)
		recency->inside_keys -= keys_at(shard, INSIDE_MAX - 1);
	else
		recency->inside_ticks++;
	if (recency->near_ticks == INSIDE_MAX)
		recency->near_keys -= keys_at(shard, INSIDE_MAX - 1);
	else
		recency->near_ticks++;
	sci_write(&shard->tick, shard->tick + 1);
	recency->keys[shard->tick & (SCI_TICKS - 1)] = 0;
	recency->touches = 0;
}

static void count(struct sci_shard *shard)
{
	struct sci_recency *recency = &shard->recency;

	if (recency->touches >= recency->tick_touches)
		advance(shard);
	recency->touches++;
	recency->keys[shard->tick & (SCI_TICKS - 1)]++;
	draw_in(shard);
}

enum sci_reach sci_recency_touch(struct sci_shard *shard, uint32_t tick)
{
	struct sci_recency *recency = &shard->recency;
	enum sci_reach reach = sci_recency_reach(shard, tick);

	if (sci_recency_age(shard, tick) == 0)
		return reach;
	uint32_t *keys = &recency->keys[tick & (SCI_TICKS - 1)];
	bool is_counted = reach != SCI_FAR && *keys > 0;
	*keys -= is_counted;
	recency->inside_keys += !is_counted;
	recency->near_keys += !is_counted || reach != SCI_NEAR;
	count(shard);
	return reach;
}

void sci_recency_touch_new(struct sci_shard *shard)
{
	shard->recency.inside_keys++;
	shard->recency.near_keys++;
	count(shard);
}

void sci_recency_forget(struct sci_shard *shard, uint32_t tick)
{
	struct sci_recency *recency = &shard->recency;
	enum sci_reach reach = sci_recency_reach(shard, tick);
	uint32_t *keys = &recency->keys[tick & (SCI_TICKS - 1)];

	if (*keys == 0)
		return;
	--*keys;
	recency->inside_keys -= reach != SCI_FAR;
	recency->near_keys -= reach == SCI_NEAR;
}

uint32_t sci_recency_cap(struct sci_shard *shard, uint32_t tick)
{
	uint32_t capped = shard->tick - SCI_AGE_MAX;
	struct sci_recency *recency = &shard->recency;

	if (sci_recency_age(shard, tick) <= SCI_AGE_MAX)
		return tick;
	sci_recency_forget(shard, tick);
	recency->keys[capped & (SCI_TICKS - 1)]++;
	recency->inside_keys += sci_recency_reach(shard, capped) != SCI_FAR;
	recency->near_keys += sci_recency_reach(shard, capped) == SCI_NEAR;
	return capped & (SCI_TICKS - 1);
}

/* The keys of the last `age` ticks, in two pieces of the circle, so that the compiler can
 * vectorize. */
static uint64_t keys_newer_than(const struct sci_shard *shard, uint32_t age)
{
	const uint32_t *keys = shard->recency.keys;
	uint32_t upto = (shard->tick & (SCI_TICKS - 1)) + 1, newer = 0;
	uint32_t first = age < upto ? upto - age : 0;
	uint32_t rest = age < upto ? 0 : age - upto;

	for (uint32_t i = first; i < upto; i++)
		newer += keys[i];
	for (uint32_t i = SCI_TICKS - rest; i < SCI_TICKS; i++)
		newer += keys[i];
	return newer;
}

uint64_t sci_recency_rank(const struct sci_shard *shard, uint32_t tick)
{
	uint32_t age = sci_recency_age(shard, tick);

	return age < shard->recency.inside_ticks ? keys_newer_than(shard, age)
						 : shard->recency.capacity;
}
