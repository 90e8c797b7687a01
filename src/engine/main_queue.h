/* Main: its victims, and admission. */
#ifndef SCI_ENGINE_MAIN_QUEUE_H
#define SCI_ENGINE_MAIN_QUEUE_H

#include "engine/capacity.h"

/* Second chances in one step, at most: bounds the latency of a put. */
#define SCI_CHANCES 16u

/* Learn the cost of a put; costs count only once they differ. */
void sci_main_learn_cost(struct sci_shard *shard, struct sci_demand demand);

int32_t sci_main_worth_of(const struct sci_shard *shard, sci_offset offset);

/* The next victim of main, after second chances; 0 if there is none. */
sci_offset sci_main_victim(struct sci_shard *shard);
void sci_main_evict(struct sci_shard *shard, sci_offset offset);

/* Evict from main what this put needs, if its worth exceeds that of each victim. */
bool sci_main_displace(struct sci_shard *shard, int32_t worth, struct sci_demand need);

#endif
