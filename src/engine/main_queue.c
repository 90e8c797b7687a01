/* Main keeps what is used often: its victims, admission by worth, and what costs and sizes mean
 * for both. */
#include "engine/main_queue.h"

#include "engine/balance.h"
#include "engine/capacity.h"
#include "engine/evict.h"
#include "engine/queue.h"
#include "engine/use_count.h"
#include "engine/uses.h"
#include "engine/worth.h"

#define VICTIMS_COMPARED 16u /* victims of one put whose worth is compared */
#define WORTH_A_DOUBLING                                                                           \
	(SCI_OCTAVE / 4) /* more worth needed for each doubling of what is evicted */
#define SPARED_ABOVE      (SCI_OCTAVE / 2) /* above the inflation: then an entry is spared */
#define COST_FOLLOWS      64
#define INFLATION_RISE    (SCI_OCTAVE / 16)
#define INFLATION_FOLLOWS 16 /* divisor of the steps of the inflation */

#define OCTAVES(sixteenths) ((sixteenths)*SCI_OCTAVE / 16)

const int32_t sci_worth_of_uses[SCI_USES_MAX + 1] = { OCTAVES(-16), OCTAVES(0), OCTAVES(16),
	OCTAVES(24), OCTAVES(32), OCTAVES(36), OCTAVES(40), OCTAVES(44), OCTAVES(48), OCTAVES(50),
	OCTAVES(52), OCTAVES(54), OCTAVES(56), OCTAVES(58), OCTAVES(60), OCTAVES(62) };

/* Costs count only once they differ. */
void sci_main_learn_cost(struct sci_shard *shard, struct sci_demand demand)
{
	int32_t cost =
		sci_cost_for(shard, demand.cost, demand.load, sci_capacity_is_of_bytes(shard));

	if (!shard->costs.are_known) {
		shard->costs.are_known = 1;
		shard->costs.inflation = shard->costs.usual = cost;
	}
	/* LRU ignores costs. */
	if (cost != shard->costs.usual) {
		shard->costs.differ = 1;
		shard->balance.lru_mode = 0;
	}
	shard->costs.usual += (cost - shard->costs.usual) / COST_FOLLOWS;
}

int32_t sci_main_worth_with_cost(const struct sci_shard *shard, const struct sci_record *record,
	unsigned uses)
{
	return sci_worth(shard, uses, sci_record_worth(record).cost, sci_record_load(record),
		sci_capacity_is_of_bytes(shard));
}

static sci_offset unpinned(const struct sci_shard *shard, sci_offset offset)
{
	while (offset && sci_record_is_pinned(sci_record_at(shard, offset)))
		offset = sci_record_at(shard, offset)->newer;
	return offset;
}

/* Give an entry of main a second chance, if it has use bits or is worth more than what main
 * evicts. */
static bool spare(struct sci_shard *shard, sci_offset offset)
{
	sci_slot *slot = sci_slot_of(shard, offset);

	sci_uses_recount(shard, slot);
	unsigned use_bits = sci_slot_use_bits(*slot);
	if (use_bits) {
		sci_uses_add(shard, slot, use_bits - 1);
		sci_balance_move(shard, -SCI_BALANCE_STEP);
	} else if (shard->costs.differ &&
		sci_main_worth_of(shard, offset) > shard->costs.inflation + SPARED_ABOVE) {
		shard->costs.inflation += INFLATION_RISE;
	} else {
		return false;
	}
	sci_queue_renew(shard, SCI_MAIN, offset);
	return true;
}

/* The next victim of main, from this entry on, after second chances. */
static sci_offset not_spared(struct sci_shard *shard, sci_offset offset, unsigned *chances)
{
	offset = unpinned(shard, offset);
	while (offset && *chances > 0) {
		sci_offset next = unpinned(shard, sci_record_at(shard, offset)->newer);
		if (!spare(shard, offset))
			break;
		--*chances;
		offset = next ? next : offset;
	}
	return offset;
}

sci_offset sci_main_victim(struct sci_shard *shard)
{
	unsigned chances = SCI_CHANCES;

	return not_spared(shard, shard->queue[SCI_MAIN].oldest, &chances);
}

void sci_main_evict(struct sci_shard *shard, sci_offset offset)
{
	if (shard->costs.differ)
		shard->costs.inflation +=
			(sci_main_worth_of(shard, offset) - shard->costs.inflation) /
			INFLATION_FOLLOWS;
	sci_evict(shard, offset);
}

/* log2 of how many times `part` goes into `whole`. */
static int doublings(struct sci_demand whole, struct sci_demand part)
{
	uint64_t times = part.load ? whole.load / part.load : 0;

	return times ? 63 - __builtin_clzll(times) : 0;
}

static bool covers(struct sci_demand much, struct sci_demand need)
{
	return much.load >= need.load && much.entries >= need.entries;
}

static void add_entry(const struct sci_shard *shard, struct sci_demand *sum, sci_offset offset)
{
	sum->load += sci_record_load(sci_record_at(shard, offset));
	sum->entries++;
}

/* Evict from main until the need is covered, first the entries that were judged. */
static void evict_victims(struct sci_shard *shard, unsigned judged, struct sci_demand need)
{
	struct sci_demand gone = { 0 };

	while (judged > 0 || !covers(gone, need)) {
		sci_offset offset = judged > 0 ? unpinned(shard, shard->queue[SCI_MAIN].oldest)
					       : sci_main_victim(shard);
		if (!offset)
			break;
		add_entry(shard, &gone, offset);
		sci_main_evict(shard, offset);
		judged -= judged > 0;
	}
}

/* What a resident of main is worth beside a newcomer. The newcomer was just used; the resident may
 * be about to be, unless it has been idle for longer than keys need to return (LIRS compares the
 * same times: Jiang and Zhang, 2002). Until then that use counts already: else, in a loop, each key
 * that misses would replace one that is due later. */
static int32_t worth_of_resident(const struct sci_shard *shard, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	uint64_t slot = sci_slots(shard)[sci_record_slot(record)];
	unsigned uses = sci_uses_now(shard, sci_slot_uses(slot));

	if (uses < SCI_USES_MAX && sci_balance_may_return(shard, sci_slot_tick(slot)))
		uses++;
	return sci_main_worth(shard, record, uses);
}

/* Evict from main for a put of this worth, if it exceeds the worth of each victim. */
bool sci_main_displace(struct sci_shard *shard, int32_t worth, struct sci_demand need)
{
	sci_offset offset = shard->queue[SCI_MAIN].oldest;
	unsigned chances = SCI_CHANCES, judged = 0;
	struct sci_demand seen = { 0 };
	int32_t most = worth - 1;

	while (!covers(seen, need) && judged < VICTIMS_COMPARED) {
		offset = not_spared(shard, offset, &chances);
		if (!offset)
			return false;
		int32_t resident = worth_of_resident(shard, offset);
		/* The resident wins ties. */
		if (worth <= resident)
			return false;
		most = judged == 0 || resident > most ? resident : most;
		add_entry(shard, &seen, offset);
		judged++;
		offset = sci_record_at(shard, offset)->newer;
	}
	if (!covers(seen, need) && worth <= most + WORTH_A_DOUBLING * doublings(need, seen))
		return false;
	evict_victims(shard, judged, need);
	return true;
}
