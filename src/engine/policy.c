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
#include "engine/entry.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/queue.h"
#include "engine/use_count.h"
#include "engine/worth.h"

#include <math.h>

#define CHANCES        16u /* second chances given in one step, at most */
#define SHARE_LEAST    0.01
#define SHARE_MOST     0.80
#define SHARE_AT_FIRST 0.2
#define UNPROVEN       0.5        /* cache-fulls of evictions before those in main win ties */
#define GAIN           0.1        /* entries that the window grows by for a young ghost */
#define YOUNG          0.4        /* cache-fulls of ghosts made since its own */
#define LOSS           0.04       /* entries that it shrinks by for a use in main */
#define LATELY         64         /* steps that are remembered */
#define AGREED         6          /* times larger is a step where those were alike */
#define AGEING         32u        /* uses for each entry before all counts halve */
#define FREE_PART      (1 / 32.0) /* of the log, at least */
#define JUDGED         16u        /* entries of main that are looked at before they go */
#define MORE_GOES      (SCI_OCTAVE / 4.0) /* to be worth more, each time that twice as much has to go */
#define DEARER         (SCI_OCTAVE / 2.0) /* than the price, to be spared */
#define COST_FOLLOWS   64
#define PRICE_RISE     (SCI_OCTAVE / 16.0)
#define PRICE_FOLLOWS  16 /* the part of the difference to what goes */

void sci_policy_start(struct sci_shard *shard, enum sci_policy policy)
{
	shard->policy = policy;
	shard->window_share = SHARE_AT_FIRST;
	shard->usual_entries = shard->max_entries;
	if (policy == SCI_POLICY_COUNTED)
		shard->ghost_lines = sci_ghosts_lines(shard->max_entries);
	shard->ghost_lines_used = shard->ghost_lines;
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

/* Whether the window is over its share, with what is to come. */
static bool window_is_over(const struct sci_shard *shard, struct sci_demand demand)
{
	const struct sci_queue *window = &shard->queue[SCI_WINDOW];

	if (bytes_bind(shard))
		return (double)(window->load + demand.load) >
			shard->window_share * (double)shard->capacity_units;
	return (double)(window->entries + demand.entries) >
		shard->window_share * (double)shard->max_entries;
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

/* How many entries come into the window while the stamp stays the same. It goes round in two cache-fulls. */
static uint64_t stamp_tick(const struct sci_shard *shard)
{
	return shard->usual_entries / ((SCI_STAMP_MAX + 1) / 2) + 1;
}

/* How fast stamps and ghosts grow old, and how many ghosts there are, goes by how many entries the cache
 * holds. That is known exactly only where entries are what is bounded: else it is corrected when it is
 * wrong by a factor of two. */
static void fit(struct sci_shard *shard)
{
	if (!is_times(shard, shard->usual_entries, 2) &&
		is_times(shard, (uint64_t)shard->usual_entries * 2, 1))
		return;
	double entries = capacity_entries(shard);
	uint64_t stamps = shard->windowed / stamp_tick(shard);
	shard->usual_entries = entries < 1 ? 1 : (uint32_t)entries;
	shard->windowed = stamps * stamp_tick(shard);
	if (shard->ghost_lines)
		sci_ghosts_fit(shard, shard->usual_entries);
}

/* One use more of the entry in this slot, whose mark becomes what is given. */
static void use(struct sci_shard *shard, sci_slot *slot, unsigned mark)
{
	uint64_t seen = *slot;
	unsigned count = sci_uses_now(shard, sci_slot_uses(seen));

	seen = sci_slot_with_uses(seen,
		sci_uses_of(shard, count < SCI_USES_MAX ? count + 1 : count));
	sci_write(slot, sci_slot_with_mark(seen, mark));
	if (is_times(shard, ++shard->uses, AGEING)) {
		shard->uses = 0;
		shard->epoch++;
	}
}

static void evict(struct sci_shard *shard, sci_place place)
{
	if (shard->ghost_lines)
		sci_ghosts_add(shard, sci_index_ghost_hash_of(shard, place),
			sci_slot_uses(*sci_index_slot(shard, place)));
	sci_entry_detach(shard, place);
	shard->evictions++;
	sci_audit(shard);
}

/* The clock of the stamps goes on with each entry that comes into the window. */
static void stamp(struct sci_shard *shard, sci_place place)
{
	uint64_t tick = stamp_tick(shard);
	uint64_t half = shard->queue[SCI_WINDOW].entries / 2;
	sci_slot *slot = sci_index_slot(shard, place);

	sci_write(slot, sci_slot_with_stamp(*slot, (uint32_t)(shard->windowed / tick)));
	shard->windowed++;
	sci_write(&shard->young, sci_slots_young((uint32_t)((shard->windowed - half) / tick)));
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

/* The entry that leaves the window next, after second chances. */
static sci_place window_victim(struct sci_shard *shard)
{
	sci_place place = sci_queue_oldest(shard, SCI_WINDOW);

	for (unsigned chances = 0; place && chances < CHANCES; chances++) {
		sci_slot *slot = sci_index_slot(shard, place);
		if (!sci_slot_mark(*slot))
			break;
		use(shard, slot, 0);
		move_share(shard, LOSS);
		sci_queue_renew(shard, SCI_WINDOW, place);
		stamp(shard, place);
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

/* Whether something of this worth takes the place of a resident of main. */
static bool beats(const struct sci_shard *shard, double worth, double resident)
{
	if (worth == resident)
		return !is_times(shard, shard->evictions, UNPROVEN);
	return worth > resident;
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
		if (!beats(shard, worth, resident))
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

static void make_room_counted(struct sci_shard *shard, struct sci_demand demand)
{
	for (;;) {
		bool window_over = window_is_over(shard, demand);
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
		bool from_window = window_is_over(shard, (struct sci_demand){ .entries = 1 });
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
	return bytes_bind(shard) &&
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
	sci_ghosts_add(shard, legacy->ghost_hash, sci_uses_of(shard, uses));
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
	if (cost != shard->usual_cost)
		shard->costs_differ = 1;
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
	else if (sci_policy_wants_mark(shard, seen))
		sci_policy_mark(slot, seen);
}

void sci_policy_mark(sci_slot *slot, uint64_t seen)
{
	/* When the slot has changed since, its mark is no news of this entry. */
	atomic_compare_exchange_strong_explicit(slot, &seen,
		sci_slot_with_mark(seen, sci_slot_mark(seen) + 1), memory_order_relaxed,
		memory_order_relaxed);
}

struct sci_legacy sci_policy_legacy(uint64_t slot)
{
	return (struct sci_legacy){
		.queue = sci_slot_queue(slot),
		.uses = sci_slot_uses(slot),
		.replaces = true,
	};
}

struct sci_legacy sci_policy_newcomer(struct sci_shard *shard, uint64_t hash)
{
	struct sci_legacy legacy = { .queue = SCI_MAIN };
	struct sci_ghost ghost;

	if (shard->policy == SCI_POLICY_LRU)
		return legacy;
	legacy.queue = SCI_WINDOW;
	legacy.ghost_hash = sci_index_ghost_hash(shard, hash);
	if (!sci_ghosts_take(shard, legacy.ghost_hash, &ghost)) {
		legacy.uses = sci_uses_of(shard, 0);
		return legacy;
	}
	if (!is_times(shard, ghost.age, YOUNG))
		move_share(shard, GAIN * (1 - shard->window_share));
	legacy.uses = ghost.uses;
	return legacy;
}

void sci_policy_entered(struct sci_shard *shard, sci_place place, struct sci_legacy legacy)
{
	sci_slot *slot = sci_index_slot(shard, place);

	sci_write(slot, sci_slot_with_uses(*slot, legacy.uses));
	if (shard->policy == SCI_POLICY_COUNTED && !legacy.replaces)
		use(shard, slot, 0);
	sci_queue_add(shard, legacy.queue, place);
	if (legacy.queue == SCI_WINDOW)
		stamp(shard, place);
}
