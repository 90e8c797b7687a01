/* Main: who goes next, what it takes to push somebody out, and what costs and sizes have to do with it. */
#include "engine/main_queue.h"

#include "engine/balance.h"
#include "engine/capacity.h"
#include "engine/evict.h"
#include "engine/queue.h"
#include "engine/use_count.h"
#include "engine/uses.h"
#include "engine/worth.h"

#define JUDGED        16u              /* entries of main that are looked at before they go */
#define MORE_GOES     (SCI_OCTAVE / 4) /* to be worth more, each time that twice as much has to go */
#define DEARER        (SCI_OCTAVE / 2) /* than the price, to be spared */
#define COST_FOLLOWS  64
#define PRICE_RISE    (SCI_OCTAVE / 16)
#define PRICE_FOLLOWS 16 /* the part of the difference to what goes */

/* As long as all costs are the same they say nothing. */
void sci_main_learn_cost(struct sci_shard *shard, struct sci_demand demand)
{
	int32_t cost =
		sci_cost_for(shard, demand.cost, demand.load, sci_capacity_is_of_bytes(shard));

	if (!shard->has_costs) {
		shard->has_costs = 1;
		shard->price = shard->usual_cost = cost;
	}
	/* Recency knows nothing of costs. */
	if (cost != shard->usual_cost) {
		shard->costs_differ = 1;
		shard->keeps_recent = 0;
	}
	shard->usual_cost += (cost - shard->usual_cost) / COST_FOLLOWS;
}

int32_t sci_main_worth_of(const struct sci_shard *shard, sci_place place)
{
	const struct sci_record *record = sci_record_at(shard, place);
	unsigned uses = sci_uses_now(shard, sci_slot_uses(*sci_index_slot(shard, place)));

	if (!shard->costs_differ)
		return sci_worth(shard, uses, 0, 0, false);
	return sci_worth(shard, uses, sci_record_worth(record).cost, sci_record_load(record),
		sci_capacity_is_of_bytes(shard));
}

static sci_place unpinned(const struct sci_shard *shard, sci_place place)
{
	while (place && sci_record_is_pinned(sci_record_at(shard, place)))
		place = sci_record_at(shard, place)->newer;
	return place;
}

/* Give an entry of main another lap, if it deserves one. */
static bool spare(struct sci_shard *shard, sci_place place)
{
	sci_slot *slot = sci_index_slot(shard, place);

	sci_uses_recount(shard, slot);
	unsigned mark = sci_slot_mark(*slot);
	if (mark) {
		sci_uses_add(shard, slot, mark - 1);
		sci_balance_move(shard, -SCI_BALANCE_STEP);
	} else if (shard->costs_differ && sci_main_worth_of(shard, place) > shard->price + DEARER) {
		shard->price += PRICE_RISE;
	} else {
		return false;
	}
	sci_queue_renew(shard, SCI_MAIN, place);
	return true;
}

/* The entry of main, from this one on, that has to go next, after second chances. */
static sci_place not_spared(struct sci_shard *shard, sci_place place, unsigned *chances)
{
	place = unpinned(shard, place);
	while (place && *chances > 0) {
		sci_place next = unpinned(shard, sci_record_at(shard, place)->newer);
		if (!spare(shard, place))
			break;
		--*chances;
		place = next ? next : place;
	}
	return place;
}

sci_place sci_main_victim(struct sci_shard *shard)
{
	unsigned chances = SCI_CHANCES;

	return not_spared(shard, shard->queue[SCI_MAIN].oldest, &chances);
}

void sci_main_evict(struct sci_shard *shard, sci_place place)
{
	if (shard->costs_differ)
		shard->price += (sci_main_worth_of(shard, place) - shard->price) / PRICE_FOLLOWS;
	sci_evict(shard, place);
}

/* How often one goes into the other: the doublings. */
static int doublings(struct sci_demand whole, struct sci_demand part)
{
	uint64_t times = part.load ? whole.load / part.load : 0;

	return times ? 63 - __builtin_clzll(times) : 0;
}

static bool covers(struct sci_demand much, struct sci_demand need)
{
	return much.load >= need.load && much.entries >= need.entries;
}

static void add_entry(const struct sci_shard *shard, struct sci_demand *sum, sci_place place)
{
	sum->load += sci_record_load(sci_record_at(shard, place));
	sum->entries++;
}

/* Let so much of main go, or all of it. */
static void let_go(struct sci_shard *shard, unsigned judged, struct sci_demand need)
{
	struct sci_demand gone = { 0 };

	while (judged > 0 || !covers(gone, need)) {
		sci_place place = judged > 0 ? unpinned(shard, shard->queue[SCI_MAIN].oldest)
					     : sci_main_victim(shard);
		if (!place)
			break;
		add_entry(shard, &gone, place);
		sci_main_evict(shard, place);
		judged -= judged > 0;
	}
}

/* Let so much of main go for something of this worth, if it beats all of what has to go. */
bool sci_main_displace(struct sci_shard *shard, int32_t worth, struct sci_demand need)
{
	sci_place place = shard->queue[SCI_MAIN].oldest;
	unsigned chances = SCI_CHANCES, judged = 0;
	struct sci_demand seen = { 0 };
	int32_t most = worth - 1;

	while (!covers(seen, need) && judged < JUDGED) {
		place = not_spared(shard, place, &chances);
		if (!place)
			return false;
		int32_t resident = sci_main_worth_of(shard, place);
		/* The resident wins ties. */
		if (worth <= resident)
			return false;
		most = judged == 0 || resident > most ? resident : most;
		add_entry(shard, &seen, place);
		judged++;
		place = sci_record_at(shard, place)->newer;
	}
	if (!covers(seen, need) && worth <= most + MORE_GOES * doublings(need, seen))
		return false;
	let_go(shard, judged, need);
	return true;
}
