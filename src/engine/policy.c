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
 * the recent matters main goes unused, and the window grows.
 *
 * A cold cache knows nothing yet, and what was used last is the best guess there is: the window begins
 * large, and settles to its usual share while the cache fills a few times.
 *
 * A mark, up to three, counts the hits since the entry was last looked at. It is in the slot of the index
 * with all else that is known of an entry's use, so that a hit needs to write nothing else, and writes
 * nothing at all when the mark is full. A mark that a reader sets while the slot is being written may be
 * lost, which is no great loss. */
#include "engine/policy.h"

#include "engine/entry.h"
#include "engine/ghosts.h"
#include "engine/index.h"
#include "engine/queue.h"
#include "engine/use_count.h"

#define CHANCES        16u /* second chances given in one step, at most */
#define SHARE_LEAST    0.01
#define SHARE_MOST     0.80
#define SHARE_AT_FIRST 0.6
#define SHARE_SETTLED  0.2
#define SETTLING       4    /* cache-fulls of evictions in which the one becomes the other */
#define GAIN           0.1  /* entries that the window grows by for a young ghost */
#define LOSS           0.04 /* entries that it shrinks by for a use in main */
#define AGEING         32u  /* uses for each entry before all counts halve */
#define FREE_PART      16u  /* of the log */

void sci_policy_start(struct sci_shard *shard, enum sci_policy policy)
{
	shard->policy = policy;
	shard->window_share = SHARE_AT_FIRST;
	if (policy == SCI_POLICY_COUNTED)
		shard->ghost_lines = sci_ghosts_lines(shard->max_entries);
}

/* What the entries may take. A part of the log stays free, so that there is space that lies together
 * without moving much: in a log that is full to the brim, each byte stored would cost dozens moved. */
static uint32_t capacity_units(const struct sci_shard *shard)
{
	uint32_t log_units = shard->log_bound - shard->log_start;

	return log_units - log_units / FREE_PART;
}

/* Which of the two bounds is nearer decides in what the window is measured. */
static bool bytes_bind(const struct sci_shard *shard)
{
	return sci_shard_load(shard) * shard->max_entries >
		(uint64_t)shard->entries * capacity_units(shard);
}

/* The part of the capacity that the window takes, with what is to come. */
static double window_with(const struct sci_shard *shard, struct sci_demand demand)
{
	const struct sci_queue *window = &shard->queue[SCI_WINDOW];

	if (bytes_bind(shard))
		return (double)(window->load + demand.load) / (double)capacity_units(shard);
	return (double)(window->entries + demand.entries) / (double)shard->max_entries;
}

/* How many entries the cache holds when it is full. */
static double capacity_entries(const struct sci_shard *shard)
{
	if (shard->entries && bytes_bind(shard))
		return (double)capacity_units(shard) / (double)sci_shard_load(shard) *
			(double)shard->entries;
	return (double)shard->max_entries;
}

static void move_share(struct sci_shard *shard, double entries)
{
	double share = shard->window_share + entries / capacity_entries(shard);

	shard->window_share = share < SHARE_LEAST ? SHARE_LEAST
		: share > SHARE_MOST              ? SHARE_MOST
						  : share;
}

static bool over_capacity(const struct sci_shard *shard, struct sci_demand demand)
{
	return shard->entries + demand.entries > shard->max_entries ||
		sci_shard_load(shard) + demand.load > capacity_units(shard);
}

/* One use more of the entry in this slot, whose mark becomes what is given. */
static void use(struct sci_shard *shard, sci_slot *slot, unsigned mark)
{
	uint64_t seen = *slot;
	unsigned count = sci_uses_now(shard, sci_slot_uses(seen));

	seen = sci_slot_with_uses(seen,
		sci_uses_of(shard, count < SCI_USES_MAX ? count + 1 : count));
	sci_write(slot, sci_slot_with_mark(seen, mark));
	if ((double)++shard->uses >= AGEING * capacity_entries(shard)) {
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
	if ((double)shard->evictions < SETTLING * capacity_entries(shard))
		move_share(shard, (SHARE_SETTLED - SHARE_AT_FIRST) / SETTLING);
}

/* The clock of the stamps goes on with each entry that comes into the window, and round in two
 * cache-fulls. */
static void stamp(struct sci_shard *shard, sci_place place)
{
	uint64_t tick = shard->max_entries / ((SCI_STAMP_MAX + 1) / 2) + 1;
	uint64_t half = shard->queue[SCI_WINDOW].entries / 2;
	sci_slot *slot = sci_index_slot(shard, place);

	sci_write(slot, sci_slot_with_stamp(*slot, (uint32_t)(shard->windowed / tick)));
	shard->windowed++;
	sci_write(&shard->young, (uint32_t)((shard->windowed - half) / tick) & SCI_STAMP_MAX);
}

/* Whether an entry is in the younger half of the window. Hits there tell nothing: what was just used is
 * often used again at once, and then no more. */
static bool is_young(const struct sci_shard *shard, uint32_t stamp_of_entry)
{
	return ((stamp_of_entry - sci_read(&shard->young)) & SCI_STAMP_MAX) <= SCI_STAMP_MAX / 2;
}

/* The entry of main that has to go next, after second chances. */
static sci_place main_victim(struct sci_shard *shard)
{
	sci_place place = sci_queue_oldest(shard, SCI_MAIN);

	for (unsigned chances = 0; place && chances < CHANCES; chances++) {
		sci_slot *slot = sci_index_slot(shard, place);
		if (!sci_slot_mark(*slot))
			break;
		use(shard, slot, sci_slot_mark(*slot) - 1);
		move_share(shard, -LOSS);
		sci_queue_renew(shard, SCI_MAIN, place);
		place = sci_queue_oldest(shard, SCI_MAIN);
	}
	return place;
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

static unsigned uses_now(const struct sci_shard *shard, sci_place place)
{
	return sci_uses_now(shard, sci_slot_uses(*sci_index_slot(shard, place)));
}

/* What leaves the window is taken into main if there is room, or if it beats what has to go for it. */
static void offer_to_main(struct sci_shard *shard, sci_place place, struct sci_demand demand)
{
	while (over_capacity(shard, demand)) {
		sci_place resident = main_victim(shard);
		if (!resident || uses_now(shard, place) <= uses_now(shard, resident)) {
			evict(shard, place);
			return;
		}
		evict(shard, resident);
	}
	sci_slot *slot = sci_index_slot(shard, place);
	sci_write(slot, sci_slot_with_mark(*slot, 0));
	sci_queue_renew(shard, SCI_MAIN, place);
}

static void make_room_counted(struct sci_shard *shard, struct sci_demand demand)
{
	for (;;) {
		bool window_over = window_with(shard, demand) > shard->window_share;
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
			evict(shard, place);
		else if (!sci_policy_evict(shard))
			return;
	}
}

bool sci_policy_evict(struct sci_shard *shard)
{
	sci_place place = 0;

	if (shard->policy == SCI_POLICY_COUNTED) {
		bool from_window =
			window_with(shard, (struct sci_demand){ 0, 1 }) > shard->window_share;
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
	else
		sci_policy_mark(shard, slot, seen);
}

void sci_policy_mark(const struct sci_shard *shard, sci_slot *slot, uint64_t seen)
{
	if (sci_slot_mark(seen) == SCI_MARK_MAX ||
		(sci_slot_queue(seen) == SCI_WINDOW && is_young(shard, sci_slot_stamp(seen))))
		return;
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
	struct sci_ghost ghost;

	if (shard->policy == SCI_POLICY_LRU)
		return (struct sci_legacy){ .queue = SCI_MAIN };
	if (!sci_ghosts_take(shard, sci_index_ghost_hash(shard, hash), &ghost))
		return (struct sci_legacy){ .queue = SCI_WINDOW, .uses = sci_uses_of(shard, 0) };
	if ((double)ghost.age < capacity_entries(shard) / 2)
		move_share(shard, GAIN * (1 - shard->window_share));
	return (struct sci_legacy){ .queue = SCI_WINDOW, .uses = ghost.uses };
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
