/* Main: its victims, and admission. */
#ifndef SCI_ENGINE_MAIN_QUEUE_H
#define SCI_ENGINE_MAIN_QUEUE_H

#include "engine/capacity.h"
#include "engine/worth.h"

/* Second chances in one step, at most: bounds the latency of a put. */
#define SCI_CHANCES 16u

/* Learn the cost of a put; costs count only once they differ. */
void sci_main_learn_cost(struct sci_shard *shard, struct sci_demand demand);

/* The worth of an entry; the first function is for costs that differ. */
int32_t sci_main_worth_with_cost(const struct sci_shard *shard, const struct sci_record *record,
	unsigned uses);

static inline int32_t sci_main_worth(const struct sci_shard *shard, const struct sci_record *record,
	unsigned uses)
{
	return shard->costs.differ ? sci_main_worth_with_cost(shard, record, uses)
				   : sci_worth_of_uses[uses];
}

static inline int32_t sci_main_worth_of(const struct sci_shard *shard, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	uint64_t slot = sci_slots(shard)[sci_record_slot(record)];

	return sci_main_worth(shard, record, sci_uses_now(shard, sci_slot_uses(slot)));
}

/* The next victim of main, after second chances; 0 if there is none. */
sci_offset sci_main_victim(struct sci_shard *shard);
void sci_main_evict(struct sci_shard *shard, sci_offset offset);

/* Evict from main what this put needs, if its worth exceeds that of each victim. */
bool sci_main_displace(struct sci_shard *shard, int32_t worth, struct sci_demand need);

#endif
