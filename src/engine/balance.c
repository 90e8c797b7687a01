/* How large the window is, and whether it is the whole cache (LRU mode), decided by two counters
 * of evidence.
 *
 * The cache leaves LRU mode when pinned ghosts, which stand for half of it, return more than twice
 * as often as LRU's oldest quarter is hit.
 * It returns to LRU mode when an LRU cache of the same size would hit more. Each switch needs more
 * evidence than the one before. */
#include "engine/balance.h"

#include "engine/capacity.h"
#include "engine/ghosts.h"
#include "engine/use_count.h"

#define ONE_SHARE       (UINT64_C(1) << 32)
#define SHARE_LEAST     (uint32_t)(ONE_SHARE / 100)
#define SHARE_AT_FIRST  (uint32_t)(ONE_SHARE / 5)
#define ENTER_SHARE     (uint32_t)(ONE_SHARE * 3 / 10) /* needed to enter LRU mode */
#define GAIN            (SCI_BALANCE_ENTRY * 13 / 100) /* growth of the window for a near ghost */
#define GAIN_WITH_COSTS (GAIN / 4)                     /* what main keeps is worth more */
#define LATELY          64                             /* steps in the mean of recent steps */
#define AGREED                                                                                     \
	150 /* a step in the direction of the drift is larger by this factor times the drift */
#define RECOUNTED 16u /* entries of the index recounted at each miss */
#define SLIDE     32u /* entries that leave the window in one step, at most */
#define SELDOM    4u  /* more uses than this: LRU's tail is not what keeps the entry */
#define LEAVE_AT  6   /* times the patience: evidence needed to leave LRU mode */
#define STAY      2  /* a hit of LRU's tail, a quarter of the cache: pinned ghosts are half of it */
#define RETURNS   16 /* returned ghosts in their mean age */

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
	shard->balance.enter_at = 4 + (int32_t)square_root(4 * (uint64_t)entries);
	uint64_t lines = ((uint64_t)RECOUNTED * shard->buckets + entries / 2) / entries;
	shard->recount.lines = lines < 2        ? 2
		: lines > SCI_RECOUNT_LINES_MAX ? SCI_RECOUNT_LINES_MAX
						: (uint32_t)lines;
}

void sci_balance_start(struct sci_shard *shard)
{
	shard->balance.window_share = SHARE_AT_FIRST;
	shard->balance.usual_entries = shard->max_entries;
	shard->balance.lru_mode = 1;
	shard->balance.leave_patience = shard->balance.enter_patience = 1;
	shard->recency.inside_ticks = shard->recency.near_ticks = 1;
	fit_recency(shard, shard->max_entries);
}

/* A step in the direction of the drift is larger, so that the window reaches its size sooner. */
void sci_balance_move(struct sci_shard *shard, int32_t step)
{
	if (shard->balance.lru_mode)
		return;
	int32_t drift = shard->balance.drift + (step - shard->balance.drift) / LATELY;
	int64_t entries = step;

	shard->balance.drift = drift;
	if ((step > 0) == (drift > 0))
		entries += entries * AGREED * (drift < 0 ? -drift : drift) / SCI_BALANCE_ENTRY;
	int64_t share = shard->balance.window_share +
		entries * (int64_t)(ONE_SHARE / SCI_BALANCE_ENTRY) / shard->recency.capacity;

	shard->balance.window_share = share < SHARE_LEAST ? SHARE_LEAST
		: share > SCI_BALANCE_SHARE_MOST          ? SCI_BALANCE_SHARE_MOST
							  : (uint32_t)share;
}

static inline struct sci_window window_of(const struct sci_shard *shard)
{
	struct sci_window window = { .is_of_bytes = sci_capacity_is_of_bytes(shard) };
	uint64_t all = window.is_of_bytes ? shard->capacity_units : shard->max_entries;

	window.target = shard->balance.lru_mode ? all : all * shard->balance.window_share >> 32;
	return window;
}

struct sci_window sci_balance_window(const struct sci_shard *shard)
{
	return window_of(shard);
}

struct sci_window sci_balance_window_for_now(const struct sci_shard *shard)
{
	const struct sci_queue *queue = &shard->queue[SCI_WINDOW];
	struct sci_window window = window_of(shard);
	uint64_t size = window.is_of_bytes ? queue->load : queue->entries, slide = SLIDE;

	if (window.target + slide < size) {
		if (window.is_of_bytes)
			slide = SLIDE * size / queue->entries;
		if (window.target + slide < size)
			window.target = size - slide;
	}
	return window;
}

/* The number of entries that the cache holds sets the number of ghosts and the reach of recency.
 * It is exact only where entries are bounded; otherwise it is corrected when it is off by an
 * eighth, and the ghosts when it is off by a factor of two. */
void sci_balance_fit(struct sci_shard *shard)
{
	if (shard->recency.capacity == shard->max_entries && !sci_capacity_is_of_bytes(shard))
		return;
	if (sci_capacity_is_about(shard, shard->recency.capacity))
		return;
	uint32_t entries = sci_capacity_entries(shard);
	fit_recency(shard, entries);
	if (entries > shard->balance.usual_entries / 2 &&
		entries / 2 < shard->balance.usual_entries)
		return;
	shard->balance.usual_entries = entries;
	if (shard->ghost_lines)
		sci_ghosts_fit(shard, entries);
}

void sci_balance_learn_return(struct sci_shard *shard, uint32_t age)
{
	int32_t mean = (int32_t)shard->balance.return_age, now = (int32_t)(age * SCI_BALANCE_TICK);

	shard->balance.return_age = (uint32_t)(mean ? mean + (now - mean) / RETURNS : now);
}

/* Count a touch of an entry as evidence for or against LRU mode. */
void sci_balance_weigh_touch(struct sci_shard *shard, uint64_t slot, enum sci_reach reach)
{
	if (shard->balance.lru_mode) {
		if (reach == SCI_TAIL && sci_uses_now(shard, sci_slot_uses(slot)) <= SELDOM)
			shard->balance.leave =
				shard->balance.leave > STAY ? shard->balance.leave - STAY : 0;
	} else if (reach == SCI_FAR &&
		shard->balance.enter > -shard->balance.enter_at * shard->balance.enter_patience) {
		shard->balance.enter--;
	}
}

static uint16_t times(uint16_t patience, unsigned factor)
{
	return (uint16_t)(patience * factor < SCI_BALANCE_PATIENCE_MAX ? patience * factor
								       : SCI_BALANCE_PATIENCE_MAX);
}

static void leave_lru_mode(struct sci_shard *shard)
{
	shard->balance.lru_mode = 0;
	shard->balance.window_share = SHARE_AT_FIRST;
	shard->balance.drift = 0;
	shard->balance.enter = 0;
	if (shard->balance.has_left)
		shard->balance.enter_patience = times(shard->balance.enter_patience, 2);
	shard->balance.has_left = 1;
}

static void enter_lru_mode(struct sci_shard *shard)
{
	shard->balance.lru_mode = 1;
	shard->balance.leave = 0;
	shard->balance.leave_patience = times(shard->balance.leave_patience, 4);
}

void sci_balance_leave_lru_mode(struct sci_shard *shard)
{
	if (shard->balance.lru_mode)
		leave_lru_mode(shard);
}

/* Count the return of a ghost as evidence for or against LRU mode, and for a larger window. */
void sci_balance_weigh_ghost(struct sci_shard *shard, bool is_pinned, enum sci_reach reach)
{
	if (shard->balance.lru_mode) {
		/* A cache that keeps what is used often would have hit. */
		if (is_pinned && ++shard->balance.leave > LEAVE_AT * shard->balance.leave_patience)
			leave_lru_mode(shard);
	} else if (reach != SCI_FAR) {
		/* LRU would have hit. But LRU ignores costs. */
		if (!shard->costs.differ &&
			++shard->balance.enter >
				shard->balance.enter_at * shard->balance.enter_patience &&
			shard->balance.window_share >= ENTER_SHARE)
			enter_lru_mode(shard);
		uint64_t gain = shard->costs.differ ? GAIN_WITH_COSTS : GAIN;
		uint64_t main_share = ONE_SHARE - shard->balance.window_share;
		sci_balance_move(shard, (int32_t)(gain * main_share >> 32));
	}
}
