/* How large the window is, and whether it is the whole cache: by evidence for either. */
#ifndef SCI_ENGINE_BALANCE_H
#define SCI_ENGINE_BALANCE_H

#include "engine/capacity.h"
#include "engine/ghosts.h"
#include "engine/recency.h"

/* The window moves by parts of an entry, of which an entry has so many. */
#define SCI_BALANCE_ENTRY (1 << 20)

/* The window grows by so much for a second chance in it, and shrinks by it for one in main. */
#define SCI_BALANCE_STEP (SCI_BALANCE_ENTRY / 25)

/* What the window's share is at most, times 2^32; but where what is recent is kept it is the whole cache. */
#define SCI_BALANCE_SHARE_MOST UINT32_C(3435973836)

/* Begin as a cache of what is recent: there is no evidence for anything else. */
void sci_balance_start(struct sci_shard *shard);

/* Go by how many entries the cache holds now. */
void sci_balance_fit(struct sci_shard *shard);

/* Move the window's target by so many parts of an entry. */
void sci_balance_move(struct sci_shard *shard, int32_t step);

/* What the window may have, in entries or in units; the same, but a little less than it has, where it has much
 * more: so nobody waits long. */
uint64_t sci_balance_target(const struct sci_shard *shard);
uint64_t sci_balance_target_for_now(const struct sci_shard *shard);

/* Whether it has more than that, with what is to come. */
bool sci_balance_window_is_over(const struct sci_shard *shard, struct sci_demand demand,
	uint64_t target);

/* Cease to keep what is recent, if that is done. */
void sci_balance_leave_recent(struct sci_shard *shard);

/* A resident was touched, or a ghost comes back, that was where `reach` says: what that says of the two ways to
 * keep. */
void sci_balance_weigh_touch(struct sci_shard *shard, uint64_t slot, enum sci_reach reach);
void sci_balance_weigh_ghost(struct sci_shard *shard, sci_ghost ghost, enum sci_reach reach);

#endif
