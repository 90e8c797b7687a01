/* Two policies: exact order of use, and the counted ghost.
 *
 * The counted ghost has two queues, the window and main, both swept from the oldest with second chances
 * (CLOCK). A new entry comes into the window; what leaves the window must beat the oldest of main in the
 * number of its uses to take its place. The count outlives the entry in a ghost (as in 2Q and ARC), so a key
 * that comes back again and again is known, and one that nobody saw before loses every tie: scans change
 * nothing. Counts halve from time to time, as in TinyLFU.
 *
 * The window begins as the whole cache, which then keeps what is recent, nearly as LRU does: what is given
 * another chance is put back by how recently it was used. How large the window is, and whether it is
 * the whole cache, follows evidence (balance.c), which comes from when keys were last used (recency.c).
 *
 * Where bytes are what is short, a value that is larger than the window is offered to main at once, and not
 * stored at all when it loses: nothing goes for it before it has won. Where costs were given, what counts is
 * the cost that is saved for the room that is taken (main_queue.c, worth.h).
 *
 * A hit writes one bit of the slot of the index, and nothing when it is set or the entry is fresh; the bit
 * is counted under the lock (uses.c): for entries that are looked at, and a few more at each miss. docs/policy.md
 * has figures. */
#include "engine/policy.h"

#include "engine/balance.h"
#include "engine/capacity.h"
#include "engine/eighths.h"
#include "engine/entry.h"
#include "engine/evict.h"
#include "engine/ghosts.h"
#include "engine/main_queue.h"
#include "engine/queue.h"
#include "engine/recency.h"
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
		sci_recency_forget(shard, sci_slot_tick(*sci_index_slot(shard, offset)));
}

/* Whether an entry of the window gets another chance; then it is put back. Where what is recent is kept, by
 * how recently it was used; else it is the newest again if it was used at all. */
static bool put_back(struct sci_shard *shard, sci_offset offset)
{
	sci_slot *slot = sci_index_slot(shard, offset);
	unsigned eighth = 0;

	sci_uses_recount(shard, slot);
	bool was_used = sci_slot_use_bits(*slot) > 0;
	if (was_used)
		sci_uses_add(shard, slot, 0);
	if (shard->keeps_recent) {
		eighth = sci_recency_eighth(shard, sci_slot_tick(*slot));
		if (eighth == SCI_EIGHTHS)
			return false;
	} else if (!was_used) {
		return false;
	}
	sci_balance_move(shard, SCI_BALANCE_STEP);
	sci_queue_remove(shard, offset);
	sci_queue_add_to_eighth(shard, offset, eighth);
	return true;
}

/* The entry that leaves the window next, after second chances. */
static sci_offset window_victim(struct sci_shard *shard)
{
	sci_eighths_balance(shard);
	sci_offset offset = sci_queue_oldest(shard, SCI_WINDOW);

	for (unsigned chances = 0; offset && chances < SCI_CHANCES; chances++) {
		if (!put_back(shard, offset))
			break;
		sci_eighths_balance(shard);
		offset = sci_queue_oldest(shard, SCI_WINDOW);
	}
	return offset;
}

/* What leaves the window is taken into main if there is room, or if it beats what has to go for it. */
static void offer_to_main(struct sci_shard *shard, sci_offset offset, struct sci_demand demand)
{
	uint64_t load = sci_record_load(sci_record_at(shard, offset));
	struct sci_demand need = sci_capacity_excess(shard, demand);

	/* It makes room for the rest of what is to come if it loses, and for as much if it wins. */
	need.load = need.load < load ? need.load : load;
	need.entries = need.entries > 0;
	if ((need.load || need.entries) &&
		!sci_main_displace(shard, sci_main_worth_of(shard, offset), need)) {
		sci_evict(shard, offset);
		return;
	}
	sci_slot *slot = sci_index_slot(shard, offset);
	sci_write(slot, sci_slot_with_use_bits(*slot, 0));
	sci_queue_renew(shard, SCI_MAIN, offset);
}

static void make_room_counted(struct sci_shard *shard, struct sci_demand demand)
{
	uint64_t target = sci_balance_target_for_now(shard);

	for (;;) {
		bool window_over = sci_balance_window_is_over(shard, demand, target);
		sci_offset offset = window_over ? window_victim(shard) : 0;
		if (offset) {
			offer_to_main(shard, offset, demand);
			continue;
		}
		/* A window whose entries are all pinned may be larger than its share. */
		if (!sci_capacity_is_exceeded(shard, demand))
			return;
		offset = sci_main_victim(shard);
		if (offset)
			sci_main_evict(shard, offset);
		else if (!sci_policy_evict(shard))
			return;
	}
}

bool sci_policy_evict(struct sci_shard *shard)
{
	sci_offset offset = 0;

	if (shard->policy == SCI_POLICY_COUNTED) {
		bool from_window = sci_balance_window_is_over(shard,
			(struct sci_demand){ .entries = 1 }, sci_balance_target(shard));
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

/* Whether what is to come is larger than the window is, or would be, and bytes are what is short. */
static bool is_giant(const struct sci_shard *shard, struct sci_demand demand)
{
	return sci_capacity_is_of_bytes(shard) &&
		demand.load > (uint64_t)shard->capacity_units * shard->window_share >> 32;
}

/* A newcomer that does not go through the window, because it would push all others out of it. LRU, which knows
 * nothing of sizes, would let it: so the cache ceases to keep what is recent. */
static bool admit_giant(struct sci_shard *shard, struct sci_demand demand,
	struct sci_inherited *inherited)
{
	uint8_t uses = sci_uses_one_more(shard, inherited->uses);
	int32_t worth = sci_worth(shard, sci_uses_now(shard, uses), demand.cost, demand.load, true);

	sci_balance_leave_recent(shard);
	if (sci_main_displace(shard, worth, sci_capacity_excess(shard, demand))) {
		inherited->queue = SCI_MAIN;
		return true;
	}
	sci_ghosts_add(shard, inherited->ghost_hash, uses, shard->tick);
	return false;
}

bool sci_policy_admit(struct sci_shard *shard, struct sci_demand demand,
	struct sci_inherited *inherited)
{
	if (shard->policy != SCI_POLICY_COUNTED)
		return true;
	sci_balance_fit(shard);
	if (demand.cost)
		sci_main_learn_cost(shard, demand);
	return inherited->replaces || !is_giant(shard, demand) ||
		admit_giant(shard, demand, inherited);
}

void sci_policy_make_room(struct sci_shard *shard, struct sci_demand demand)
{
	if (shard->policy == SCI_POLICY_COUNTED)
		make_room_counted(shard, demand);
	while (sci_capacity_is_exceeded(shard, demand) && sci_policy_evict(shard))
		;
	/* Where pinned entries alone reach the bound on entries, they go, though their bytes stay. */
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
	else if (sci_policy_wants_touch(shard, seen))
		sci_policy_touch(slot, seen);
}

/* So often it is tried to note a touch in a slot that others write to. */
#define TRIES 3

void sci_policy_touch(sci_slot *slot, uint64_t seen)
{
	sci_offset offset = sci_slot_offset(seen);

	/* When another entry is there, this is no news of it. */
	for (int i = 0; i < TRIES && sci_slot_offset(seen) == offset; i++)
		if (atomic_compare_exchange_strong_explicit(slot, &seen, seen | SCI_SLOT_TOUCHED,
			    memory_order_relaxed, memory_order_relaxed))
			return;
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

struct sci_inherited sci_policy_newcomer(struct sci_shard *shard, uint64_t hash)
{
	struct sci_inherited inherited = { .queue = SCI_MAIN };

	if (shard->policy == SCI_POLICY_LRU)
		return inherited;
	sci_uses_recount_some(shard);
	inherited.queue = SCI_WINDOW;
	inherited.ghost_hash = sci_index_ghost_hash(shard, hash);
	sci_ghost *ghost = sci_ghosts_find(shard, inherited.ghost_hash);
	if (ghost) {
		inherited.uses = sci_ghost_uses(*ghost);
		sci_balance_weigh_ghost(shard, *ghost,
			sci_recency_touch(shard, sci_ghost_tick(*ghost)));
		*ghost = sci_ghost_is_pinned(*ghost)
			? sci_ghost_renewed(*ghost, sci_uses_one_more(shard, inherited.uses),
				  shard->tick)
			: 0;
	} else {
		inherited.uses = sci_uses_of(shard, 0);
		sci_recency_touch_new(shard);
	}
	inherited.tick = shard->tick;
	return inherited;
}

void sci_policy_entered(struct sci_shard *shard, sci_offset offset, struct sci_inherited inherited)
{
	sci_slot *slot = sci_index_slot(shard, offset);

	sci_write(slot, sci_slot_with_uses(*slot, inherited.uses));
	if (shard->policy == SCI_POLICY_COUNTED && !inherited.replaces) {
		sci_uses_add(shard, slot, 0);
		sci_write(slot, sci_slot_with_tick(*slot, inherited.tick));
	} else if (shard->policy == SCI_POLICY_COUNTED) {
		sci_write(slot, *slot | SCI_SLOT_TOUCHED);
	}
	sci_queue_add(shard, inherited.queue, offset);
}
