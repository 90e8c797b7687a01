/* Two policies: exact LRU, and the adaptive policy.
 *
 * The adaptive policy has two queues, window and main, both swept from the oldest with second
 * chances (CLOCK: Corbato, 1968). New entries enter the window. An entry that leaves the window
 * must have more uses than main's next victim to take its place. Use counts outlive an entry in its
 * ghost (2Q: Johnson and Shasha, 1994; ARC: Megiddo and Modha, 2003), so a returning key is known,
 * and one-time keys lose each tie: scans change nothing. Counts halve regularly (TinyLFU ageing:
 * Einziger, Friedman and Manes, 2017).
 *
 * At first the window is the whole cache, LRU mode: an entry with a second chance is put back at
 * its rank of recency. Evidence decides how large the window is and whether it is the whole cache
 * (balance.c); recency.c provides it.
 *
 * Where bytes bind and sizes differ, the cache does not start in LRU mode. A value larger than the
 * window is offered to main at once, and is not stored if it loses: nothing is evicted before it
 * has won. With costs, what counts is the cost saved per unit of the binding bound (main_queue.c,
 * worth.h; GreedyDual-Size-Frequency: Cherkasova, 1998).
 *
 * A hit sets the reference bit in the slot, and writes nothing if it is set or the entry is fresh.
 * The policy reads and clears the bit under the lock (uses.c), for the entries it considers and in
 * a sweep at each miss. docs/policy.md has figures. */
#include "engine/policy.h"

#include "engine/balance.h"
#include "engine/capacity.h"
#include "engine/entry.h"
#include "engine/evict.h"
#include "engine/foreign_entry.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/main_queue.h"
#include "engine/queue.h"
#include "engine/recency.h"
#include "engine/segments.h"
#include "engine/touch.h"
#include "engine/use_count.h"
#include "engine/uses.h"
#include "engine/worth.h"

void sci_policy_start(struct sci_shard *shard, enum sci_policy policy)
{
	shard->policy = policy;
	sci_balance_start(shard);
	if (policy == SCI_POLICY_COUNTED)
		shard->ghost_lines = sci_ghosts_lines(shard->max_entries);
	shard->ghost_lines_used = shard->ghost_lines;
}

void sci_policy_removed(struct sci_shard *shard, sci_offset offset)
{
	if (shard->policy == SCI_POLICY_COUNTED)
		sci_recency_forget(shard, sci_slot_tick(*sci_slot_of(shard, offset)));
}

/* Give an entry of the window a second chance: in LRU mode at its rank of recency, else at the
 * front if it was used. */
static bool put_back(struct sci_shard *shard, sci_offset offset)
{
	sci_slot *slot = sci_slot_of(shard, offset);
	unsigned segment;

	sci_uses_recount(shard, slot);
	bool was_used = sci_slot_use_bits(*slot) > 0;
	if (was_used)
		sci_uses_add(shard, slot, 0);
	if (shard->balance.lru_mode) {
		segment = sci_segments_of_rank(shard, sci_recency_rank(shard, sci_slot_tick(*slot)),
			shard->recency.capacity);
		if (segment == SCI_SEGMENTS)
			return false;
	} else if (!was_used) {
		return false;
	} else {
		segment = sci_segments_newest(shard);
	}
	sci_balance_move(shard, SCI_BALANCE_STEP);
	sci_queue_remove(shard, offset);
	sci_queue_add_to_segment(shard, offset, segment);
	return true;
}

/* The next victim of the window, after second chances. */
static sci_offset window_victim(struct sci_shard *shard)
{
	sci_offset offset = sci_queue_oldest(shard, SCI_WINDOW);

	/* After the last chance it is the next one, whatever readers have noted of it. */
	for (unsigned chances = 0; offset && chances < SCI_CHANCES; chances++) {
		if (!put_back(shard, offset))
			break;
		offset = sci_queue_oldest(shard, SCI_WINDOW);
	}
	return offset;
}

/* Move what leaves the window to main, if there is room or it is worth more than main's victims;
 * else evict it. */
static void offer_to_main(struct sci_shard *shard, sci_offset offset, struct sci_demand demand)
{
	struct sci_demand need = sci_capacity_excess(shard, demand);

	/* If it loses, it frees its own size of what the put needs; if it wins, main must free
	 * that. */
	if (need.load) {
		uint64_t load = sci_record_load(sci_record_at(shard, offset));
		need.load = need.load < load ? need.load : load;
	}
	need.entries = need.entries > 0;
	if ((need.load || need.entries) &&
		!sci_main_displace(shard, sci_main_worth_of(shard, offset), need)) {
		sci_evict(shard, offset);
		return;
	}
	sci_slot *slot = sci_slot_of(shard, offset);
	sci_write(slot, sci_slot_with_use_bits(*slot, 0));
	sci_queue_renew(shard, SCI_MAIN, offset);
}

/* Returns whether there is room. */
static bool make_room_counted(struct sci_shard *shard, struct sci_demand demand)
{
	struct sci_window window = sci_balance_window_for_now(shard);

	for (;;) {
		sci_offset offset = 0;
		if (sci_balance_window_is_over(shard, window, demand))
			offset = window_victim(shard);
		if (offset) {
			offer_to_main(shard, offset, demand);
			continue;
		}
		/* Pinned entries may keep the window above its target. */
		if (!sci_capacity_is_exceeded(shard, demand))
			return true;
		offset = sci_main_victim(shard);
		if (offset)
			sci_main_evict(shard, offset);
		else if (!sci_policy_evict(shard))
			return false;
	}
}

bool sci_policy_evict(struct sci_shard *shard)
{
	sci_offset offset = 0;

	if (shard->policy == SCI_POLICY_COUNTED) {
		bool from_window = sci_balance_window_is_over(shard, sci_balance_window(shard),
			(struct sci_demand){ .entries = 1 });
		offset = from_window ? window_victim(shard) : sci_main_victim(shard);
	}
	if (!offset)
		offset = sci_queue_oldest(shard, SCI_MAIN);
	if (!offset)
		offset = sci_queue_oldest(shard, SCI_WINDOW);
	if (offset)
		sci_evict(shard, offset);
	return offset != 0;
}

void sci_policy_evict_entry(struct sci_shard *shard, sci_offset offset)
{
	sci_evict(shard, offset);
}

/* Whether bytes bind and the value is larger than the window's target. */
static bool exceeds_window(const struct sci_shard *shard, struct sci_demand demand)
{
	return sci_capacity_is_of_bytes(shard) &&
		demand.load > (uint64_t)shard->capacity_units * shard->balance.window_share >> 32;
}

/* Such a value does not pass through the window, because it would evict all others there. LRU
 * would let it, since it ignores sizes: so the cache leaves LRU mode. */
static bool admit_past_window(struct sci_shard *shard, struct sci_demand demand,
	struct sci_inherited *inherited)
{
	uint8_t uses = sci_uses_one_more(shard, inherited->uses);
	int32_t worth = sci_worth(shard, sci_uses_now(shard, uses), demand.cost, demand.load, true);

	sci_balance_leave_lru_mode(shard);
	if (sci_main_displace(shard, worth, sci_capacity_excess(shard, demand))) {
		inherited->queue = SCI_MAIN;
		return true;
	}
	sci_ghosts_add(shard, inherited->ghost_hash, uses, shard->tick);
	return false;
}

/* A value of more than so many times the mean size. */
#define LARGE 4u

/* LRU ignores sizes: where bytes bind and they differ, a cache does not start in LRU mode. Later
 * only evidence counts. */
static void learn_size(struct sci_shard *shard, struct sci_demand demand)
{
	if (shard->balance.lru_mode && !shard->balance.has_left &&
		sci_capacity_is_of_bytes(shard) &&
		demand.load * shard->entries > LARGE * sci_shard_load(shard))
		sci_balance_leave_lru_mode(shard);
}

bool sci_policy_admit(struct sci_shard *shard, struct sci_demand demand,
	struct sci_inherited *inherited)
{
	if (shard->policy != SCI_POLICY_COUNTED)
		return true;
	sci_balance_fit(shard);
	learn_size(shard, demand);
	if (demand.cost)
		sci_main_learn_cost(shard, demand);
	return inherited->replaces || !exceeds_window(shard, demand) ||
		admit_past_window(shard, demand, inherited);
}

void sci_policy_make_room(struct sci_shard *shard, struct sci_demand demand)
{
	if (shard->policy == SCI_POLICY_COUNTED && make_room_counted(shard, demand))
		return;
	while (sci_capacity_is_exceeded(shard, demand) && sci_policy_evict(shard))
		;
	/* If pinned entries alone reach the bound on entries, they are evicted, though their bytes
	 * stay. */
	while (shard->entries + demand.entries > shard->max_entries)
		sci_evict(shard,
			shard->queue[SCI_MAIN].oldest ? shard->queue[SCI_MAIN].oldest
						      : shard->queue[SCI_WINDOW].oldest);
}

void sci_policy_hit(struct sci_shard *shard, sci_slot *slot)
{
	uint64_t seen = *slot;

	if (shard->policy == SCI_POLICY_LRU)
		sci_queue_renew(shard, SCI_MAIN, sci_slot_offset(seen));
	else if (sci_touch_is_wanted(shard, seen))
		sci_touch(slot, seen);
}

struct sci_inherited sci_policy_inherited(uint64_t slot)
{
	return (struct sci_inherited){
		.queue = sci_slot_queue(slot),
		.uses = sci_slot_uses(slot),
		.tick = sci_slot_tick(slot),
		.replaces = true,
	};
}

void sci_policy_newcomer(struct sci_shard *shard, uint64_t hash, struct sci_inherited *inherited)
{
	*inherited = (struct sci_inherited){ .queue = SCI_MAIN };
	if (shard->policy == SCI_POLICY_LRU)
		return;
	sci_uses_recount_some(shard);
	inherited->queue = SCI_WINDOW;
	inherited->ghost_hash = shard->foreign.marks
		? sci_foreign_ghost_hash(hash)
		: sci_index_ghost_hash(shard, hash, sci_index_home(shard, hash));
	struct sci_ghost ghost = sci_ghosts_find(shard, inherited->ghost_hash);
	if (ghost.line) {
		uint32_t age = sci_recency_age(shard, sci_ghost_tick(ghost));
		enum sci_reach reach = sci_recency_touch(shard, sci_ghost_tick(ghost));
		inherited->uses = sci_ghost_uses(ghost);
		if (reach == SCI_FAR)
			sci_balance_learn_return(shard, age);
		sci_balance_weigh_ghost(shard, sci_ghost_is_pinned(ghost), reach);
		if (sci_ghost_is_pinned(ghost))
			sci_ghost_renew(ghost, sci_uses_one_more(shard, inherited->uses),
				shard->tick);
		else
			sci_ghost_forget(ghost);
	} else {
		inherited->uses = sci_uses_of(shard, 0);
		sci_recency_touch_new(shard);
	}
	inherited->tick = shard->tick;
}

void sci_policy_entered(struct sci_shard *shard, sci_offset offset,
	const struct sci_inherited *inherited)
{
	sci_slot *slot = sci_slot_of(shard, offset);
	uint64_t seen = *slot;

	if (shard->policy == SCI_POLICY_COUNTED && !inherited->replaces) {
		seen = sci_slot_with_uses(seen, sci_uses_count(shard, inherited->uses));
		seen = sci_slot_with_tick(seen, inherited->tick);
	} else {
		seen = sci_slot_with_uses(seen, inherited->uses);
		if (shard->policy == SCI_POLICY_COUNTED)
			seen |= SCI_SLOT_TOUCHED;
	}
	sci_write(slot, seen);
	sci_queue_add(shard, inherited->queue, offset);
}
