/* The size of the window, and LRU mode, in which the window is the whole cache. */
#ifndef SCI_ENGINE_BALANCE_H
#define SCI_ENGINE_BALANCE_H

#include "engine/capacity.h"
#include "engine/ghosts.h"
#include "engine/recency.h"

/* Steps of the window are in fractions of an entry: so many are one entry. */
#define SCI_BALANCE_ENTRY (1 << 20)

/* The window grows by this for a second chance in the window, and shrinks by it for one in main. */
#define SCI_BALANCE_STEP (SCI_BALANCE_ENTRY / 25)

/* The window's largest share, times 2^32, when it is not the whole cache. */
#define SCI_BALANCE_SHARE_MOST UINT32_C(3435973836)

/* The most that a switch of LRU mode needs as evidence. */
#define SCI_BALANCE_PATIENCE_MAX 64u
#define SCI_BALANCE_ENTER_AT_MAX (1 << 17)

/* Start in LRU mode: there is no evidence yet. */
void sci_balance_start(struct sci_shard *shard);

/* Adapt to the number of entries that the cache holds now. */
void sci_balance_fit(struct sci_shard *shard);

/* Move the window's target by so many fractions of an entry. */
void sci_balance_move(struct sci_shard *shard, int32_t step);

/* The window's size and target, in units if bytes bind, else in entries. */
struct sci_window {
	uint64_t target;
	bool is_of_bytes;
};

/* The target; and the same for one put: when the target has fallen far, the window follows in small
 * steps, which bounds the time of a put. */
struct sci_window sci_balance_window(const struct sci_shard *shard);
struct sci_window sci_balance_window_for_now(const struct sci_shard *shard);

/* Whether the window would exceed its target with this demand. */
static inline bool sci_balance_window_is_over(const struct sci_shard *shard,
	struct sci_window window, struct sci_demand demand)
{
	const struct sci_queue *queue = &shard->queue[SCI_WINDOW];

	return (window.is_of_bytes ? queue->load + demand.load : queue->entries + demand.entries) >
		window.target;
}

/* Leave LRU mode, if the cache is in it. */
void sci_balance_leave_lru_mode(struct sci_shard *shard);

/* Ages are averaged in fractions of a tick: so many are one tick. */
#define SCI_BALANCE_TICK 256u

/* Learn how old a far ghost was when its key returned. */
void sci_balance_learn_return(struct sci_shard *shard, uint32_t age);

/* Whether an entry last touched in this tick may still return: it has not been idle for much longer
 * than far ghosts are when their keys return. */
static inline bool sci_balance_may_return(const struct sci_shard *shard, uint32_t tick)
{
	uint32_t age = shard->balance.return_age;

	return sci_recency_age(shard, tick) * SCI_BALANCE_TICK <= age + age / 2;
}

/* Count a touch of an entry, or the return of a ghost, at distance `reach`, as evidence. */
void sci_balance_weigh_touch(struct sci_shard *shard, uint64_t slot, enum sci_reach reach);
void sci_balance_weigh_ghost(struct sci_shard *shard, bool is_pinned, enum sci_reach reach);

#endif
