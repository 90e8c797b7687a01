/* Main: who goes next, and what it takes to push somebody out. */
#ifndef SCI_ENGINE_MAIN_QUEUE_H
#define SCI_ENGINE_MAIN_QUEUE_H

#include "engine/capacity.h"

/* How many second chances are given in one step, at most. */
#define SCI_CHANCES 16u

/* The cost of something that comes, learned: as long as all are the same they say nothing. */
void sci_main_learn_cost(struct sci_shard *shard, struct sci_demand demand);

int32_t sci_main_worth_of(const struct sci_shard *shard, sci_offset offset);

/* The entry of main that has to go next, after second chances; 0 if there is none. */
sci_offset sci_main_victim(struct sci_shard *shard);
void sci_main_evict(struct sci_shard *shard, sci_offset offset);

/* Let so much of main go for something of this worth, if it beats all of what has to go. */
bool sci_main_displace(struct sci_shard *shard, int32_t worth, struct sci_demand need);

#endif
