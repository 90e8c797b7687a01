/* Two policies: exact order of use, and the counted ghost.
 *
 * The counted ghost has two queues, the window and main, both swept from the oldest with second chances.
 * A new entry comes into the window; what leaves the window without having been used again must beat the
 * oldest of main in the number of its uses to take its place. The count outlives the entry in a ghost, so
 * a key that comes back again and again is known, and one that nobody saw before loses every tie: scans
 * change nothing.
 *
 * The window's size follows two signs. A ghost that comes back while it is young says: a larger window
 * would have hit. An entry of main that was used during its lap says: main deserves its place. In a loop
 * no young ghost comes back, main stays as it is and keeps its share of the loop; in a stream where only
 * the recent matters main goes unused, and the window grows. The steps are small, because mostly the signs
 * say now this, now that; the more they have lately agreed the larger is each one that agrees with them, so
 * that a window of the wrong size does not stay so for the life of a process.
 *
 * Where bytes are what is short, a value that is larger than the window is offered to main at once, and not
 * stored at all when it loses: nothing goes for it before it has won. What has to go is looked at in main's
 * order, sixteen entries at most, each of which it has to beat; where still more would have to go, it has to
 * beat them by more.
 *
 * Where costs were given, what counts is the cost that is saved for the room that is taken (worth.h). An
 * entry of main that is worth more than what lately went is spared as one that was used is. The price of
 * staying rises each time that is done, and follows what goes, so that something goes.
 *
 * Main is filled at first with what came while there was room, and has beaten nobody. So until half as many
 * entries went as the cache holds a newcomer wins ties: what was used last is the best guess there is.
 *
 * A mark, up to three, counts the hits since the entry was last looked at. It is in the slot of the index
 * with all else that is known of an entry's use, so that a hit needs to write nothing else, and writes
 * nothing at all when the mark is full. A mark that a reader sets while the slot is being written may be
 * lost, which is no great loss. */
#include "engine/policy.h"

#include "engine/audit.h"
#include "engine/eighths.h"
#include "engine/entry.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/queue.h"
#include "engine/recency.h"
#include "engine/use_count.h"
#include "engine/worth.h"

#include <math.h>

#define CHANCES        16u /* second chances given in one step, at most */
#define SHARE_LEAST    0.01
#define SHARE_MOST     0.80
#define SHARE_AT_FIRST 0.2
#define GAIN           0.13 /* entries that the window grows by for a ghost that is near */
#define LOSS           0.04 /* entries that it shrinks by for a use in main */
#define LATELY         64   /* steps that are remembered */
#define AGREED         6    /* times larger is a step where those were alike */
#define AGEING         20u  /* uses for each entry before all counts halve */
#define RECOUNTED      16u  /* entries of the index at each miss */
#define SLIDE          32u  /* entries that leave the window at once, at most */
#define SELDOM         4u   /* uses of what only a cache of the recent would keep */
#define LEAVE_AT       5    /* times the patience: enough to cease to keep what is recent */
#define ENTER_SHARE    0.3  /* of the window, from which it may become the whole cache */
#define PATIENCE_MAX   64u
#define FREE_PART      (1 / 32.0)         /* of the log, at least */
#define JUDGED         16u                /* entries of main that are looked at before they go */
#define MORE_GOES      (SCI_OCTAVE / 4.0) /* to be worth more, each time that twice as much has to go */
#define DEARER         (SCI_OCTAVE / 2.0) /* than the price, to be spared */
#define COST_FOLLOWS   64
#define PRICE_RISE     (SCI_OCTAVE / 16.0)
#define PRICE_FOLLOWS  16 /* the part of the difference to what goes */

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
	shard->enter_at = 4 + (int32_t)square_root(4 * (uint64_t)entries);
}

void sci_policy_start(struct sci_shard *shard, enum sci_policy policy)
{
	shard->policy = policy;
	shard->window_share = SHARE_AT_FIRST;
	shard->usual_entries = shard->max_entries;
	if (policy == SCI_POLICY_COUNTED)
		shard->ghost_lines = sci_ghosts_lines(shard->max_entries);
	shard->ghost_lines_used = shard->ghost_lines;
	shard->keeps_recent = policy == SCI_POLICY_COUNTED;
	shard->leave_patience = shard->enter_patience = 1;
	shard->recency.inside_ticks = shard->recency.near_ticks = 1;
	fit_recency(shard, shard->max_entries);
}

void sci_policy_measure(struct sci_shard *shard)
{
	uint32_t log_units = shard->log_bound - shard->log_start;
	double moved =
		shard->stored_units ? (double)shard->moved_units / (double)shard->stored_units : 0;

	shard->capacity_units =
		log_units - (uint32_t)(log_units * FREE_PART * (1 + (moved < 1 ? moved : 1)));
}

/* Which of the two bounds is nearer decides in what the window is measured. */
static bool bytes_bind(const struct sci_shard *shard)
{
	return sci_shard_load(shard) * shard->max_entries >
		(uint64_t)shard->entries * shard->capacity_units;
}

/* What the window may have, in entries or in units, whichever is short. */
static double window_target(const struct sci_shard *shard)
{
	double share = shard->keeps_recent ? 1 : shard->window_share;

	return share * (double)(bytes_bind(shard) ? shard->capacity_units : shard->max_entries);
}

/* Whether it has more, with what is to come. */
static bool window_is_over(const struct sci_shard *shard, struct sci_demand demand, double target)
{
	const struct sci_queue *window = &shard->queue[SCI_WINDOW];

	return (double)(bytes_bind(shard) ? window->load + demand.load
					  : window->entries + demand.entries) > target;
}

/* How many entries the cache holds when it is full. */
static double capacity_entries(const struct sci_shard *shard)
{
	if (shard->entries && bytes_bind(shard))
		return (double)shard->capacity_units / (double)sci_shard_load(shard) *
			(double)shard->entries;
	return (double)shard->max_entries;
}

/* Whether so many are at least so many times what the cache holds when it is full. Often asked, so nothing
 * is divided. */
static bool is_times(const struct sci_shard *shard, uint64_t count, double times)
{
	if (shard->entries && bytes_bind(shard))
		return (double)count * (double)sci_shard_load(shard) >=
			times * (double)shard->capacity_units * (double)shard->entries;
	return (double)count >= times * (double)shard->max_entries;
}

static void move_share(struct sci_shard *shard, double entries)
{
	if (shard->keeps_recent)
		return;
	float drift = shard->drift + ((float)entries - shard->drift) / LATELY;

	shard->drift = drift;
	if ((entries > 0) == (drift > 0))
		entries *= 1 + AGREED / LOSS * fabs((double)drift);
	double share = shard->window_share + entries / capacity_entries(shard);

	shard->window_share = share < SHARE_LEAST ? SHARE_LEAST
		: share > SHARE_MOST              ? SHARE_MOST
						  : share;
}

/* By how much the bounds would be exceeded. */
static struct sci_demand excess(const struct sci_shard *shard, struct sci_demand demand)
{
	uint64_t load = sci_shard_load(shard) + demand.load;
	uint64_t entries = (uint64_t)shard->entries + demand.entries;

	return (struct sci_demand){
		.load = load > shard->capacity_units ? load - shard->capacity_units : 0,
		.entries =
			entries > shard->max_entries ? (uint32_t)(entries - shard->max_entries) : 0,
	};
}

static bool over_capacity(const struct sci_shard *shard, struct sci_demand demand)
{
	struct sci_demand over = excess(shard, demand);

	return over.load || over.entries;
}

/* How many ghosts there are, and how far back recency reaches, goes by how many entries the cache holds. That
 * is known exactly only where entries are what is bounded: else it is corrected when it is wrong by an
 * eighth, and the ghosts when it is by a factor of two. */
static void fit(struct sci_shard *shard)
{
	uint32_t reach = shard->recency.capacity;

	if (is_times(shard, reach, 0.875) && !is_times(shard, reach, 1.125))
		return;
	double entries = capacity_entries(shard);
	fit_recency(shard, entries < 1 ? 1 : (uint32_t)entries);
	if (!is_times(shard, shard->usual_entries, 2) &&
		is_times(shard, (uint64_t)shard->usual_entries * 2, 1))
		return;
	shard->usual_entries = entries < 1 ? 1 : (uint32_t)entries;
	if (shard->ghost_lines)
		sci_ghosts_fit(shard, shard->usual_entries);
}

static uint8_t one_more(const struct sci_shard *shard, uint8_t uses)
{
	unsigned count = sci_uses_now(shard, uses);

	return sci_uses_of(shard, count < SCI_USES_MAX ? count + 1 : count);
}

/* One use more of the entry in this slot, whose mark becomes what is given. */
static void use(struct sci_shard *shard, sci_slot *slot, unsigned mark)
{
	uint64_t seen = *slot;

	seen = sci_slot_with_uses(seen, one_more(shard, sci_slot_uses(seen)));
	sci_write(slot, sci_slot_with_mark(seen, mark));
	if (is_times(shard, ++shard->uses, AGEING)) {
		shard->uses = 0;
		shard->epoch++;
	}
}

static unsigned uses_now(const struct sci_shard *shard, uint64_t slot)
{
	return sci_uses_now(shard, sci_slot_uses(slot));
}

/* In which half of the window a use counts: in the younger it is expected. */
static bool marks_count(const struct sci_shard *shard, uint64_t slot)
{
	if (sci_slot_queue(slot) == SCI_MAIN || shard->keeps_recent)
		return true;
	return sci_record_eighth(sci_record_at(shard, sci_slot_place(slot))) >= SCI_EIGHTHS / 2;
}

/* A resident was touched: what that says of the two ways to keep. */
static void weigh_touch(struct sci_shard *shard, uint64_t slot, enum sci_reach reach)
{
	if (shard->keeps_recent) {
		if (reach == SCI_TAIL && uses_now(shard, slot) <= SELDOM && shard->leave > 0)
			shard->leave--;
	} else if (reach == SCI_FAR && shard->enter > -shard->enter_at * shard->enter_patience) {
		shard->enter--;
	}
}

/* What readers have noted of an entry is counted now. */
static void recount(struct sci_shard *shard, sci_slot *slot)
{
	uint64_t seen = *slot;
	uint32_t tick = sci_slot_tick(seen);

	if (!(seen & SCI_SLOT_TOUCHED)) {
		uint32_t capped = sci_recency_cap(shard, tick);
		if (capped != tick)
			sci_write(slot, sci_slot_with_tick(seen, capped));
		return;
	}
	if (sci_recency_age(shard, tick) == 0) {
		sci_write(slot, seen & ~SCI_SLOT_TOUCHED);
		return;
	}
	unsigned mark = sci_slot_mark(seen);
	if (mark < SCI_MARK_MAX && marks_count(shard, seen))
		seen = sci_slot_with_mark(seen, mark + 1);
	weigh_touch(shard, seen, sci_recency_touch(shard, tick));
	sci_write(slot, sci_slot_with_tick(seen, shard->tick));
}

/* Some entries of the index, wherever the last recount ended: so ticks are not far behind. */
static void recount_some(struct sci_shard *shard)
{
	uint32_t slots = shard->buckets * SCI_BUCKET_SLOTS, at = shard->recount_at;

	for (unsigned looked = 0, found = 0; looked < 2 * RECOUNTED && found < RECOUNTED;
		looked++) {
		sci_slot *slot = &sci_slots(shard)[at];
		at = at + 1 < slots ? at + 1 : 0;
		if (!*slot)
			continue;
		found++;
		recount(shard, slot);
	}
	shard->recount_at = at;
}

static void evict(struct sci_shard *shard, sci_place place)
{
	sci_slot *slot = sci_index_slot(shard, place);

	if (shard->ghost_lines) {
		recount(shard, slot);
		sci_ghosts_add(shard, sci_index_ghost_hash_of(shard, place), sci_slot_uses(*slot),
			sci_slot_tick(*slot));
	}
	sci_entry_detach(shard, place);
	shard->evictions++;
	sci_audit(shard);
}

void sci_policy_removed(struct sci_shard *shard, sci_place place)
{
	if (shard->policy == SCI_POLICY_COUNTED)
		sci_recency_forget(shard, sci_slot_tick(*sci_index_slot(shard, place)));
}

static double worth_of(const struct sci_shard *shard, sci_place place)
{
	const struct sci_record *record = sci_record_at(shard, place);
	unsigned uses = sci_uses_now(shard, sci_slot_uses(*sci_index_slot(shard, place)));

	if (!shard->costs_differ)
		return sci_worth(shard, uses, 0, 0, false);
	return sci_worth(shard, uses, sci_record_worth(record).cost, sci_record_load(record),
		bytes_bind(shard));
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

	recount(shard, slot);
	unsigned mark = sci_slot_mark(*slot);
	if (mark) {
		use(shard, slot, mark - 1);
		move_share(shard, -LOSS);
	} else if (shard->costs_differ && worth_of(shard, place) > shard->price + DEARER) {
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

static sci_place main_victim(struct sci_shard *shard)
{
	unsigned chances = CHANCES;

	return not_spared(shard, shard->queue[SCI_MAIN].oldest, &chances);
}

static void evict_from_main(struct sci_shard *shard, sci_place place)
{
	if (shard->costs_differ)
		shard->price += (worth_of(shard, place) - shard->price) / PRICE_FOLLOWS;
	evict(shard, place);
}

/* Whether an entry of the window gets another chance; then it is put back. Where what is recent is kept, by
 * how recently it was used; else it is the newest again if it was used at all. */
static bool put_back(struct sci_shard *shard, sci_place place)
{
	sci_slot *slot = sci_index_slot(shard, place);
	unsigned eighth = 0;

	recount(shard, slot);
	bool was_used = sci_slot_mark(*slot) > 0;
	if (was_used)
		use(shard, slot, 0);
	if (shard->keeps_recent) {
		eighth = sci_recency_eighth(shard, sci_slot_tick(*slot));
		if (eighth == SCI_EIGHTHS)
			return false;
	} else if (!was_used) {
		return false;
	}
	move_share(shard, LOSS);
	sci_queue_remove(shard, place);
	sci_queue_add_to_eighth(shard, place, eighth);
	return true;
}

/* The entry that leaves the window next, after second chances. */
static sci_place window_victim(struct sci_shard *shard)
{
	sci_eighths_balance(shard);
	sci_place place = sci_queue_oldest(shard, SCI_WINDOW);

	for (unsigned chances = 0; place && chances < CHANCES; chances++) {
		if (!put_back(shard, place))
			break;
		sci_eighths_balance(shard);
		place = sci_queue_oldest(shard, SCI_WINDOW);
	}
	return place;
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
					     : main_victim(shard);
		if (!place)
			break;
		add_entry(shard, &gone, place);
		evict_from_main(shard, place);
		judged -= judged > 0;
	}
}

/* Let so much of main go for something of this worth, if it beats all of what has to go. */
static bool displace(struct sci_shard *shard, double worth, struct sci_demand need)
{
	sci_place place = shard->queue[SCI_MAIN].oldest;
	unsigned chances = CHANCES, judged = 0;
	struct sci_demand seen = { 0 };
	double most = worth - 1;

	while (!covers(seen, need) && judged < JUDGED) {
		place = not_spared(shard, place, &chances);
		if (!place)
			return false;
		double resident = worth_of(shard, place);
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

/* What leaves the window is taken into main if there is room, or if it beats what has to go for it. */
static void offer_to_main(struct sci_shard *shard, sci_place place, struct sci_demand demand)
{
	uint64_t load = sci_record_load(sci_record_at(shard, place));
	struct sci_demand need = excess(shard, demand);

	/* It makes room for the rest of what is to come if it loses, and for as much if it wins. */
	need.load = need.load < load ? need.load : load;
	need.entries = need.entries > 0;
	if ((need.load || need.entries) && !displace(shard, worth_of(shard, place), need)) {
		evict(shard, place);
		return;
	}
	sci_slot *slot = sci_index_slot(shard, place);
	sci_write(slot, sci_slot_with_mark(*slot, 0));
	sci_queue_renew(shard, SCI_MAIN, place);
}

/* Where the target has become much smaller the window follows a little at a time: nobody waits long. */
static double target_for_now(const struct sci_shard *shard)
{
	const struct sci_queue *window = &shard->queue[SCI_WINDOW];
	double target = window_target(shard);
	double size = (double)(bytes_bind(shard) ? window->load : window->entries);
	double slide = bytes_bind(shard) && window->entries ? SLIDE * size / (double)window->entries
							    : SLIDE;

	return target > size - slide ? target : size - slide;
}

static void make_room_counted(struct sci_shard *shard, struct sci_demand demand)
{
	double target = target_for_now(shard);

	for (;;) {
		bool window_over = window_is_over(shard, demand, target);
		sci_place place = window_over ? window_victim(shard) : 0;
		if (place) {
			offer_to_main(shard, place, demand);
			continue;
		}
		/* A window whose entries are all pinned may be larger than its share. */
		if (!over_capacity(shard, demand))
			return;
		place = main_victim(shard);
		if (place)
			evict_from_main(shard, place);
		else if (!sci_policy_evict(shard))
			return;
	}
}

bool sci_policy_evict(struct sci_shard *shard)
{
	sci_place place = 0;

	if (shard->policy == SCI_POLICY_COUNTED) {
		bool from_window = window_is_over(shard, (struct sci_demand){ .entries = 1 },
			window_target(shard));
		place = from_window ? window_victim(shard) : main_victim(shard);
	}
	if (!place)
		place = sci_queue_oldest(shard, SCI_MAIN);
	if (!place)
		place = sci_queue_oldest(shard, SCI_WINDOW);
	if (place)
		evict(shard, place);
	return place != 0;
}

void sci_policy_evict_entry(struct sci_shard *shard, sci_place place)
{
	evict(shard, place);
}

/* Whether what is to come is larger than the window, and bytes are what is short. */
static bool is_giant(const struct sci_shard *shard, struct sci_demand demand)
{
	return bytes_bind(shard) && !shard->keeps_recent &&
		(double)demand.load > shard->window_share * (double)shard->capacity_units;
}

/* A newcomer that does not go through the window, because it would push all others out of it. */
static bool admit_giant(struct sci_shard *shard, struct sci_demand demand,
	struct sci_legacy *legacy)
{
	unsigned uses = sci_uses_now(shard, legacy->uses);

	uses = uses < SCI_USES_MAX ? uses + 1 : uses;
	double worth = sci_worth(shard, uses, demand.cost, demand.load, true);
	if (displace(shard, worth, excess(shard, demand))) {
		legacy->queue = SCI_MAIN;
		return true;
	}
	sci_ghosts_add(shard, legacy->ghost_hash, sci_uses_of(shard, uses), shard->tick);
	return false;
}

/* As long as all costs are the same they say nothing. */
static void learn_cost(struct sci_shard *shard, struct sci_demand demand)
{
	double cost = sci_cost_for(shard, demand.cost, demand.load, bytes_bind(shard));

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

bool sci_policy_admit(struct sci_shard *shard, struct sci_demand demand, struct sci_legacy *legacy)
{
	if (shard->policy != SCI_POLICY_COUNTED)
		return true;
	fit(shard);
	if (demand.cost)
		learn_cost(shard, demand);
	return legacy->replaces || !is_giant(shard, demand) || admit_giant(shard, demand, legacy);
}

void sci_policy_make_room(struct sci_shard *shard, struct sci_demand demand)
{
	if (shard->policy == SCI_POLICY_COUNTED)
		make_room_counted(shard, demand);
	while (over_capacity(shard, demand) && sci_policy_evict(shard))
		;
	/* Where pinned entries alone reach the bound on entries, they go, though their bytes stay. */
	while (shard->entries + demand.entries > shard->max_entries)
		evict(shard,
			shard->queue[SCI_MAIN].oldest ? shard->queue[SCI_MAIN].oldest
						      : shard->queue[SCI_WINDOW].oldest);
}

void sci_policy_hit(struct sci_shard *shard, sci_slot *slot)
{
	uint64_t seen = *slot;

	if (shard->policy == SCI_POLICY_LRU)
		sci_queue_renew(shard, SCI_MAIN, sci_slot_place(seen));
	else if (sci_policy_wants_touch(shard, seen))
		sci_policy_touch(slot, seen);
}

/* So often it is tried to note a touch in a slot that others write to. */
#define TRIES 3

void sci_policy_touch(sci_slot *slot, uint64_t seen)
{
	sci_place place = sci_slot_place(seen);

	/* When another entry is there, this is no news of it. */
	for (int i = 0; i < TRIES && sci_slot_place(seen) == place; i++)
		if (atomic_compare_exchange_strong_explicit(slot, &seen, seen | SCI_SLOT_TOUCHED,
			    memory_order_relaxed, memory_order_relaxed))
			return;
}

struct sci_legacy sci_policy_legacy(uint64_t slot)
{
	return (struct sci_legacy){
		.queue = sci_slot_queue(slot),
		.uses = sci_slot_uses(slot),
		.tick = sci_slot_tick(slot),
		.replaces = true,
	};
}

static uint16_t times(uint16_t patience, unsigned factor)
{
	return (uint16_t)(patience * factor < PATIENCE_MAX ? patience * factor : PATIENCE_MAX);
}

static void cease_to_keep_recent(struct sci_shard *shard)
{
	shard->keeps_recent = 0;
	shard->window_share = SHARE_AT_FIRST;
	shard->drift = 0;
	shard->enter = 0;
	if (shard->has_left)
		shard->enter_patience = times(shard->enter_patience, 2);
	shard->has_left = 1;
}

static void begin_to_keep_recent(struct sci_shard *shard)
{
	shard->keeps_recent = 1;
	shard->leave = 0;
	shard->leave_patience = times(shard->leave_patience, 4);
}

/* A ghost comes back: what that says of the two ways to keep, and of the window. */
static void weigh_ghost(struct sci_shard *shard, sci_ghost ghost, enum sci_reach reach)
{
	if (shard->keeps_recent) {
		/* What is used often would have been kept by main. */
		if (sci_ghost_is_pinned(ghost) && ++shard->leave > LEAVE_AT * shard->leave_patience)
			cease_to_keep_recent(shard);
	} else if (reach != SCI_FAR) {
		/* A cache of what is recent would have it. */
		if (++shard->enter > shard->enter_at * shard->enter_patience &&
			shard->window_share >= ENTER_SHARE && !shard->costs_differ)
			begin_to_keep_recent(shard);
		move_share(shard, GAIN * (1 - shard->window_share));
	}
}

struct sci_legacy sci_policy_newcomer(struct sci_shard *shard, uint64_t hash)
{
	struct sci_legacy legacy = { .queue = SCI_MAIN };

	if (shard->policy == SCI_POLICY_LRU)
		return legacy;
	recount_some(shard);
	legacy.queue = SCI_WINDOW;
	legacy.ghost_hash = sci_index_ghost_hash(shard, hash);
	sci_ghost *ghost = sci_ghosts_find(shard, legacy.ghost_hash);
	if (ghost) {
		legacy.uses = sci_ghost_uses(*ghost);
		weigh_ghost(shard, *ghost, sci_recency_touch(shard, sci_ghost_tick(*ghost)));
		*ghost = sci_ghost_is_pinned(*ghost)
			? sci_ghost_renewed(*ghost, one_more(shard, legacy.uses), shard->tick)
			: 0;
	} else {
		legacy.uses = sci_uses_of(shard, 0);
		sci_recency_touch_new(shard);
	}
	legacy.tick = shard->tick;
	return legacy;
}

void sci_policy_entered(struct sci_shard *shard, sci_place place, struct sci_legacy legacy)
{
	sci_slot *slot = sci_index_slot(shard, place);

	sci_write(slot, sci_slot_with_uses(*slot, legacy.uses));
	if (shard->policy == SCI_POLICY_COUNTED && !legacy.replaces) {
		use(shard, slot, 0);
		sci_write(slot, sci_slot_with_tick(*slot, legacy.tick));
	} else if (shard->policy == SCI_POLICY_COUNTED) {
		sci_write(slot, *slot | SCI_SLOT_TOUCHED);
	}
	sci_queue_add(shard, legacy.queue, place);
}
