/* A cache that keeps what is recent leaves that when the ghosts that are pinned come back more often than its own
 * oldest quarter is hit; and goes back to it when such a cache would hit more. Each change of mind takes more
 * evidence than the last. */
#include "engine/balance.h"

#include "engine/capacity.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/use_count.h"

#define ONE_SHARE      (UINT64_C(1) << 32)
#define SHARE_LEAST    (uint32_t)(ONE_SHARE / 100)
#define SHARE_AT_FIRST (uint32_t)(ONE_SHARE / 5)
#define ENTER_SHARE    (uint32_t)(ONE_SHARE * 3 / 10) /* from which the window may become all */
#define GAIN           (SCI_BALANCE_ENTRY * 13 / 100) /* that the window grows by for a near ghost */
#define LATELY         64                             /* steps that are remembered */
#define AGREED         150 /* times the drift: by so much larger is a step of the same sign */
#define RECOUNTED      16u /* entries of the index at each miss */
#define SLIDE          32u /* entries that leave the window at once, at most */
#define SELDOM         4u  /* uses of what only a cache of the recent would keep */
#define LEAVE_AT       6   /* times the patience: enough to cease to keep what is recent */
#define PATIENCE_MAX   64u

static uint32_t square_root(uint64_t number)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit /= 2)
		if ((root + bit) * (root + bit) <= number)
			root += bit;
	return (uint32_t)root;
}

static void fit_recency(struct sci_shard *shard, uint32_t entries)
{
	sci_recency_fit(shard, entries);
	shard->enter_at = 4 + (int32_t)square_root(4 * (uint64_t)entries);
	uint64_t lines = ((uint64_t)RECOUNTED * shard->buckets + entries - 1) / entries;
	shard->recount_lines = lines < 2        ? 2
		: lines > SCI_RECOUNT_LINES_MAX ? SCI_RECOUNT_LINES_MAX
						: (uint32_t)lines;
}

void sci_balance_start(struct sci_shard *shard)
{
	shard->window_share = SHARE_AT_FIRST;
	shard->usual_entries = shard->max_entries;
	shard->keeps_recent = 1;
	shard->leave_patience = shard->enter_patience = 1;
	shard->recency.inside_ticks = shard->recency.near_ticks = 1;
	fit_recency(shard, shard->max_entries);
}

/* A step into the direction of the drift is larger, so that the window soon is where it is going. */
void sci_balance_move(struct sci_shard *shard, int32_t step)
{
	if (shard->keeps_recent)
		return;
	int32_t drift = shard->drift + (step - shard->drift) / LATELY;
	int64_t entries = step;

	shard->drift = drift;
	if ((step > 0) == (drift > 0))
		entries += entries * AGREED * (drift < 0 ? -drift : drift) / SCI_BALANCE_ENTRY;
	int64_t share = shard->window_share +
		entries * (int64_t)(ONE_SHARE / SCI_BALANCE_ENTRY) / shard->recency.capacity;

	shard->window_share = share < SHARE_LEAST ? SHARE_LEAST
		: share > SCI_BALANCE_SHARE_MOST  ? SCI_BALANCE_SHARE_MOST
						  : (uint32_t)share;
}

uint64_t sci_balance_target(const struct sci_shard *shard)
{
	uint64_t all = sci_capacity_is_of_bytes(shard) ? shard->capacity_units : shard->max_entries;

	return shard->keeps_recent ? all : all * shard->window_share >> 32;
}

bool sci_balance_window_is_over(const struct sci_shard *shard, struct sci_demand demand,
	uint64_t target)
{
	const struct sci_queue *window = &shard->queue[SCI_WINDOW];

	return (sci_capacity_is_of_bytes(shard) ? window->load + demand.load
						: window->entries + demand.entries) > target;
}

uint64_t sci_balance_target_for_now(const struct sci_shard *shard)
{
	const struct sci_queue *window = &shard->queue[SCI_WINDOW];
	uint64_t target = sci_balance_target(shard), size = window->entries, slide = SLIDE;

	if (sci_capacity_is_of_bytes(shard)) {
		size = window->load;
		if (target + slide < size)
			slide = SLIDE * size / window->entries;
	}
	return target + slide < size ? size - slide : target;
}

/* How many ghosts there are, and how far back recency reaches, goes by how many entries the cache holds. That
 * is known exactly only where entries are what is bounded: else it is corrected when it is wrong by an
 * eighth, and the ghosts when it is by a factor of two. */
void sci_balance_fit(struct sci_shard *shard)
{
	if (sci_capacity_is_about(shard, shard->recency.capacity))
		return;
	uint32_t entries = sci_capacity_entries(shard);
	fit_recency(shard, entries);
	if (entries > shard->usual_entries / 2 && entries / 2 < shard->usual_entries)
		return;
	shard->usual_entries = entries;
	if (shard->ghost_lines)
		sci_ghosts_fit(shard, entries);
}

/* A resident was touched: what that says of the two ways to keep. */
void sci_balance_weigh_touch(struct sci_shard *shard, uint64_t slot, enum sci_reach reach)
{
	if (shard->keeps_recent) {
		if (reach == SCI_TAIL && sci_uses_now(shard, sci_slot_uses(slot)) <= SELDOM &&
			shard->leave > 0)
			shard->leave--;
	} else if (reach == SCI_FAR && shard->enter > -shard->enter_at * shard->enter_patience) {
		shard->enter--;
	}
}

static uint16_t times(uint16_t patience, unsigned factor)
{
	return (uint16_t)(patience * factor < PATIENCE_MAX ? patience * factor : PATIENCE_MAX);
}

static void cease_to_keep_recent(struct sci_shard *shard)
{
	shard->keeps_recent = 0;
	shard->window_share = SHARE_AT_FIRST;
	shard->drift = 0;
	shard->enter = 0;
	if (shard->has_left)
		shard->enter_patience = times(shard->enter_patience, 2);
	shard->has_left = 1;
}

static void begin_to_keep_recent(struct sci_shard *shard)
{
	shard->keeps_recent = 1;
	shard->leave = 0;
	shard->leave_patience = times(shard->leave_patience, 4);
}

void sci_balance_leave_recent(struct sci_shard *shard)
{
	if (shard->keeps_recent)
		cease_to_keep_recent(shard);
}

/* A ghost comes back: what that says of the two ways to keep, and of the window. */
void sci_balance_weigh_ghost(struct sci_shard *shard, sci_ghost ghost, enum sci_reach reach)
{
	if (shard->keeps_recent) {
		/* What is used often would have been kept by main. */
		if (sci_ghost_is_pinned(ghost) && ++shard->leave > LEAVE_AT * shard->leave_patience)
			cease_to_keep_recent(shard);
	} else if (reach != SCI_FAR && !shard->costs_differ) {
		/* A cache of what is recent would have it; but that knows nothing of costs. */
		if (++shard->enter > shard->enter_at * shard->enter_patience &&
			shard->window_share >= ENTER_SHARE)
			begin_to_keep_recent(shard);
		uint64_t main_share = ONE_SHARE - shard->window_share;
		sci_balance_move(shard, (int32_t)(GAIN * main_share >> 32));
	}
}
