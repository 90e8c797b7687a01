/* Several threads use few keys of one cache in every way there is, and write down when each call began
 * and ended and which value it saw. Afterwards history.c proves that one cache can have been behind
 * it: no read saw a value older than a put that was complete, another key's, one that was torn,
 * expired, or removed before.
 *
 * A value says which key, thread and call it is from, and all its bytes follow from that and its
 * length. Time is the stamps' clock, so that it passes with what happens.
 *
 * A failing run prints its seed: SC_TEST_SEED=n SC_TEST_OPERATIONS=n runs just that one, with the same
 * calls on each thread, though not with the same turns. */
#include "cache/cache_fixture.h"
#include "cache/history.h"
#include "support/random.h"
#include "support/threads.h"

#include "base/hash.h"
#include "cache/handle.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#define THREADS    6
#define HELD_MAX   2
#define VALUE_MAX  4096 /* on top of its head */
#define CLOCK_BITS 8    /* as many stamps are a millisecond */

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

/* Where the tool looks for synchronisation that is missing, the clock must not bring its own. */
#ifdef UNDER_TSAN
#define STAMP_ORDER memory_order_relaxed
#define OPERATIONS  800 /* it is slow, and finds what it finds without a race that is lost */
#else
#define STAMP_ORDER memory_order_seq_cst
#define OPERATIONS  2500
#endif

/* What a scenario is like. */
enum trait {
	ROOMY = 1,  /* nothing is evicted, so nothing may be missing */
	CLEARS = 2, /* now and then all keys go */
	RACES = 4,  /* nothing but gets and puts, and more of them */
	RESIZES = 8 /* and is maintained */
};

struct scenario {
	const char *name;
	struct sc_cache_options options;
	unsigned hot, cold; /* keys: four of five calls go to the hot ones */
	size_t value_max;
	unsigned traits;
};

#define OPTIONS(...)                                                                               \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), __VA_ARGS__                               \
	}

static const struct scenario scenarios[] = {
	{ "one key", OPTIONS(.max_bytes = 1 << 20), 1, 0, VALUE_MAX, ROOMY | CLEARS },
	{ "one key, short values", OPTIONS(.max_bytes = 1 << 20), 1, 0, 60, ROOMY | CLEARS },
	{ "written over while it is read", OPTIONS(.max_bytes = 1 << 20), 1, 0, 1000,
		ROOMY | RACES },
	{ "moved while it is read", OPTIONS(.max_bytes = 16 << 10), 30, 0, 1000, RACES },
	{ "room for all", OPTIONS(.max_bytes = 8 << 20), 4, 60, VALUE_MAX, ROOMY | CLEARS },
	{ "room for all, lru", OPTIONS(.max_bytes = 8 << 20, .policy = SC_POLICY_LRU), 4, 60,
		VALUE_MAX, ROOMY | CLEARS },
	{ "bytes", OPTIONS(.max_bytes = 96 << 10), 8, 200, VALUE_MAX, CLEARS },
	{ "bytes, lru", OPTIONS(.max_bytes = 96 << 10, .policy = SC_POLICY_LRU), 8, 200, VALUE_MAX,
		CLEARS },
	{ "short values", OPTIONS(.max_bytes = 16 << 10, .entry_bytes = 64), 8, 400, 100, 0 },
	{ "entries", OPTIONS(.max_bytes = 8 << 20, .max_entries = 12), 8, 40, VALUE_MAX, 0 },
	{ "one entry", OPTIONS(.max_bytes = 8 << 20, .max_entries = 1), 2, 0, 500, 0 },
	{ "pins in the way", OPTIONS(.max_bytes = 28 << 10), 6, 0, VALUE_MAX, 0 },
	{ "resized", OPTIONS(.max_bytes = 64 << 10, .grow_bytes = 128 << 10), 8, 100, VALUE_MAX,
		CLEARS | RESIZES },
	{ "idle time", OPTIONS(.max_bytes = 8 << 20, .idle_ms = 2), 8, 100, 900, RESIZES },
	{ "time to live", OPTIONS(.max_bytes = 96 << 10, .ttl_ms = 3), 8, 100, 900, 0 },
};

struct held {
	struct sc_value value;
	uint32_t key;
	uint64_t id;
};

/* One thread's own. */
struct player {
	unsigned number;
	uint64_t random, written;
	struct sct_event *events;
	size_t count, room;
	struct held held[HELD_MAX];
	unsigned char bytes[VALUE_MAX + 64];
};

static struct {
	const struct scenario *scenario;
	struct sc_cache *cache;
	long operations;
	uint64_t seed;
	atomic_uint empty_put; /* keys from this one on had no empty value yet */
	struct player players[THREADS];
} game;

static _Atomic uint64_t stamps;

static uint64_t stamp(void)
{
	return atomic_fetch_add_explicit(&stamps, 1, STAMP_ORDER) + 1;
}

static int64_t stamped_ms(void *context)
{
	(void)context;
	return (int64_t)(atomic_load_explicit(&stamps, STAMP_ORDER) >> CLOCK_BITS);
}

/* The first stamp at which what was stored before `end` has expired. */
static uint64_t expiry_of(uint64_t end)
{
	uint64_t ttl_ms = game.scenario->options.ttl_ms;

	return ttl_ms ? ((end >> CLOCK_BITS) + ttl_ms) << CLOCK_BITS : 0;
}

static void record(struct player *player, struct sct_event event)
{
	if (event.end == 0)
		event.end = stamp();
	if (event.kind == SCT_PUT || event.kind == SCT_LOAD)
		event.expires = expiry_of(event.end);
	sct_check(player->count < player->room);
	player->events[player->count++] = event;
}

/* ---- Values ---- */

struct head {
	uint64_t id, len;
};

/* Each key has one empty value at most: so that is a name too. */
static uint64_t empty_id(uint32_t key)
{
	return UINT64_MAX - key;
}

static uint64_t new_id(struct player *player, uint32_t key)
{
	return (uint64_t)key << 48 | (uint64_t)player->number << 40 | ++player->written;
}

static uint64_t word_at(uint64_t id, size_t i)
{
	uint64_t state = id * 31 + i;

	return sct_random(&state);
}

static size_t make_value(struct player *player, uint64_t id, unsigned char *bytes)
{
	/* Few lengths, so that values are also written over where they are. */
	size_t len = sct_below(&player->random, 4) * game.scenario->value_max / 4 +
		(sct_below(&player->random, 2) ? sct_below(&player->random, 17) : 0);
	struct head head = { id, len };

	memcpy(bytes, &head, sizeof head);
	for (size_t i = 0; i < len; i += sizeof id) {
		uint64_t word = word_at(id, i);
		memcpy(bytes + sizeof head + i, &word,
			len - i < sizeof word ? len - i : sizeof word);
	}
	return sizeof head + len;
}

/* Returns which value it is, having looked at all of it. */
static uint64_t identify(const void *data, size_t len, uint32_t key)
{
	const unsigned char *byte = data;
	struct head head;

	if (len == 0)
		return empty_id(key);
	sct_check(len >= sizeof head);
	memcpy(&head, data, sizeof head);
	sct_check(head.id >> 48 == key);
	sct_check(head.len == len - sizeof head);
	for (size_t i = 0; i < head.len; i += sizeof head.id) {
		uint64_t word = word_at(head.id, i);
		size_t part = head.len - i < sizeof word ? head.len - i : sizeof word;
		sct_check(memcmp(byte + sizeof head + i, &word, part) == 0);
	}
	return head.id;
}

static void let_go(struct held *held)
{
	if (held->value.holder)
		sct_check(identify(held->value.data, held->value.len, held->key) == held->id);
	sc_value_release(&held->value);
}

static void hold(struct player *player, struct sc_value value, uint32_t key, uint64_t id)
{
	struct held *held = &player->held[sct_below(&player->random, HELD_MAX)];

	let_go(held);
	*held = (struct held){ value, key, id };
	if (sct_below(&player->random, 3) == 0)
		let_go(held);
}

/* ---- Calls ---- */

#define KEY(key) SC_KEY("key", key)

static const unsigned char too_large[96 << 10];

/* The value is refused, and what was there before is gone all the same. */
static void put_too_large(struct player *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_DROP, .start = stamp() };

	int rc = sc_cache_put(game.cache, KEY(key), too_large, sizeof too_large);
	sct_check(rc == SC_E_TOO_LARGE);
	record(player, event);
}

static void put(struct player *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_PUT };
	unsigned turn = atomic_load(&game.empty_put);
	size_t len = 0;

	if (!(game.scenario->traits & RESIZES) &&
		game.scenario->options.max_bytes <= sizeof too_large &&
		sct_below(&player->random, 30) == 0) {
		put_too_large(player, key);
		return;
	}
	if (turn == key && atomic_compare_exchange_strong(&game.empty_put, &turn, turn + 1)) {
		event.value = empty_id(key);
	} else {
		event.value = new_id(player, key);
		len = make_value(player, event.value, player->bytes);
	}
	event.start = stamp();
	int rc = sc_cache_put(game.cache, KEY(key), player->bytes, len);
	sct_check(rc == SC_OK || rc == SC_E_NOMEM);
	/* Pins leave no room: then the key has nothing. */
	if (rc != SC_OK)
		event.kind = SCT_DROP;
	record(player, event);
}

static void get(struct player *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_READ };
	size_t len, capacity = sct_below(&player->random, 8) ? sizeof player->bytes : 20;

	event.start = stamp();
	int rc = sc_cache_get(game.cache, KEY(key), player->bytes, capacity, &len);
	event.end = stamp();
	sct_check(rc >= 0 || (rc == SC_E_TOO_LARGE && len > capacity));
	if (rc < 0)
		return;
	if (rc == SC_HIT)
		event.value = identify(player->bytes, len, key);
	else
		event.kind = SCT_MISS;
	record(player, event);
}

static void acquire(struct player *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_READ };
	struct sc_value value;

	event.start = stamp();
	int rc = sc_cache_acquire(game.cache, KEY(key), &value);
	event.end = stamp();
	sct_check(rc == SC_HIT || rc == SC_MISS);
	if (rc == SC_HIT) {
		event.value = identify(value.data, value.len, key);
		hold(player, value, key, event.value);
	} else {
		event.kind = SCT_MISS;
	}
	record(player, event);
}

static void invalidate(struct player *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_DROP, .start = stamp() };

	int rc = sc_cache_invalidate(game.cache, KEY(key));
	sct_check(rc == SC_HIT || rc == SC_MISS);
	record(player, event);
}

static void clear(struct player *player)
{
	struct sct_event event = { .key = SCT_ALL_KEYS, .kind = SCT_DROP, .start = stamp() };

	sc_cache_clear(game.cache);
	record(player, event);
}

struct loading {
	struct player *player;
	struct sct_event event;
};

static int load(struct sc_load *load, void *context)
{
	struct loading *loading = context;
	struct player *player = loading->player;
	uint32_t key = (uint32_t)sc_load_number(load, 1);
	unsigned char bytes[sizeof player->bytes];

	sct_check(key == loading->event.key);
	loading->event.loading = stamp();
	loading->event.value = new_id(player, key);
	size_t len = make_value(player, loading->event.value, bytes);
	switch (sct_below(&player->random, 12)) {
	case 0:
		return sc_load_fail(load, -1, "not this time");
	case 1:
		put(player, key);
		break;
	case 2:
		invalidate(player, key);
		break;
	case 3:
		sc_load_ttl_ms(load, 0);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		/* Time for others to come and wait, or to change the key. */
		for (int i = 0; i < 3; i++)
			sched_yield();
		break;
	default:
		break;
	}
	return sc_load_value(load, bytes, len);
}

static void fetch(struct player *player, uint32_t key)
{
	struct loading loading = { player, { .key = key, .kind = SCT_MISS } };
	struct sct_event *event = &loading.event;
	struct sc_value value;

	event->start = stamp();
	int rc = sc_cache_fetch(game.cache, KEY(key), load, &loading, &value, NULL);
	event->end = stamp();
	sct_check(rc == SC_HIT || rc == SC_LOADED || rc == SC_E_LOAD);
	if (rc > 0) {
		uint64_t id = identify(value.data, value.len, key);
		event->kind = rc == SC_HIT ? SCT_READ : event->loading ? SCT_LOAD : SCT_AWAIT;
		sct_check(event->kind != SCT_LOAD || id == event->value);
		event->value = id;
		hold(player, value, key, id);
	}
	record(player, *event);
}

static void resize(struct player *player)
{
	uint64_t most = game.scenario->options.grow_bytes;

	if (most)
		sct_check(sc_cache_resize(game.cache, 0,
				  most / 2 + sct_below(&player->random, most / 2), NULL) == 0);
	int rc = sc_cache_maintain(game.cache, 0);
	sct_check(rc == 0 || rc == 1);
}

static void look_at_figures(void)
{
	struct sc_cache_stats stats = { .size = sizeof stats };

	sct_check(sc_cache_stats(game.cache, &stats) == 0);
	sct_check(stats.bytes <= stats.max_bytes + stats.pinned_bytes);
	sct_check(stats.pinned_bytes <= stats.bytes);
	sct_check(!stats.max_entries || stats.entries <= stats.max_entries);
}

static void play(struct player *player)
{
	const struct scenario *scenario = game.scenario;
	uint64_t what = sct_below(&player->random, 1000);
	bool is_hot = scenario->cold == 0 || sct_below(&player->random, 5) > 0;
	uint32_t key = is_hot
		? (uint32_t)sct_below(&player->random, scenario->hot)
		: scenario->hot + (uint32_t)sct_below(&player->random, scenario->cold);

	if (scenario->traits & RACES)
		what = what < 600 ? 0 : 700;
	if (what < 300)
		get(player, key);
	else if (what < 450)
		acquire(player, key);
	else if (what < 650)
		fetch(player, key);
	else if (what < 940)
		put(player, key);
	else if (what < 985)
		invalidate(player, key);
	else if (what < 990 && (scenario->traits & RESIZES))
		resize(player);
	else if (what < 998 || !(scenario->traits & CLEARS))
		look_at_figures();
	else
		clear(player);
	/* With more threads than processors, each would do all its work in one go. */
	if (sct_below(&player->random, 6) == 0)
		sched_yield();
}

static void take_part(unsigned number, void *arg)
{
	struct player *player = &game.players[number];

	(void)arg;
	for (long i = 0; i < game.operations; i++)
		play(player);
	for (size_t i = 0; i < HELD_MAX; i++)
		let_go(&player->held[i]);
}

/* ---- Before and after ---- */

static void start(const struct scenario *scenario, uint64_t seed, long operations)
{
	struct sc_cache_options options = scenario->options;
	const struct sc_clock clock = { stamped_ms, NULL };

	options.clock = &clock;
	memset(&game, 0, sizeof game);
	game.scenario = scenario;
	game.operations = operations * (scenario->traits & RACES ? 4 : 1);
	game.cache = sct_cache_open(&options);
	atomic_store(&stamps, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		struct player *player = &game.players[i];
		player->number = i;
		player->random = seed * THREADS + i;
		/* A loader may make one more. */
		player->room = (size_t)game.operations * 2;
		player->events = calloc(player->room, sizeof *player->events);
		assert_non_null(player->events);
	}
}

static struct sct_event *collect(size_t *count)
{
	struct sct_event *events;

	*count = 0;
	for (unsigned i = 0; i < THREADS; i++)
		*count += game.players[i].count;
	events = calloc(*count, sizeof *events);
	assert_non_null(events);
	*count = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		memcpy(events + *count, game.players[i].events,
			game.players[i].count * sizeof *events);
		*count += game.players[i].count;
		free(game.players[i].events);
	}
	return events;
}

static void print_what_happened(const struct sct_event *events, size_t count,
	const struct sc_cache_stats *stats)
{
	size_t kinds[SCT_MISS + 1] = { 0 };

	for (size_t i = 0; i < count; i++)
		kinds[events[i].kind]++;
	printf("  %zu put, %zu dropped, %zu loaded, %zu read, %zu awaited, %zu missed; "
	       "%" PRIu64 " evicted, %" PRIu64 " forgotten, %" PRIu64 " rejected, "
	       "%" PRIu64 " bytes moved\n",
		kinds[SCT_PUT], kinds[SCT_DROP], kinds[SCT_LOAD], kinds[SCT_READ], kinds[SCT_AWAIT],
		kinds[SCT_MISS], stats->evictions, stats->forgotten, stats->rejected,
		stats->moved_bytes);
	assert_true(kinds[SCT_PUT] > 0 && kinds[SCT_READ] > 0);
	assert_true(
		(game.scenario->traits & RACES) || (kinds[SCT_LOAD] > 0 && kinds[SCT_MISS] > 0));
}

/* Under one hash for all keys only sixteen of them have a place. */
static bool all_hashes_are_one(void)
{
	return sci_hash("a", 1, 1) == sci_hash("b", 1, 2);
}

static void play_a_game(const struct scenario *scenario, uint64_t seed, long operations)
{
	struct sct_fault fault;
	size_t count;

	start(scenario, seed, operations);
	sct_threads_run(THREADS, take_part, NULL);
	struct sc_cache_stats stats = sct_stats(game.cache);
	assert_null(sci_shard_check(game.cache->shard));
	assert_int_equal(stats.pinned, 0);
	sc_cache_close(game.cache);

	struct sct_event *events = collect(&count);
	bool is_crowded = all_hashes_are_one() && scenario->hot + scenario->cold > 16;
	bool is_roomy = scenario->traits & ROOMY, is_lossless = is_roomy && !is_crowded;
	print_what_happened(events, count, &stats);
	assert_true(!is_lossless || stats.evictions + stats.forgotten + stats.rejected == 0);
	assert_true(is_roomy ||
		stats.evictions + stats.forgotten + stats.expired + stats.reclaimed > 0);
	assert_int_equal(stats.forgotten > 0, is_crowded && !scenario->options.max_entries);
	bool good = sct_history_check(events, count, is_lossless, &fault);
	free(events);
	if (!good) {
		sct_fault_print(&fault);
		fail_msg("%s", fault.what);
	}
}

static long number_from(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : otherwise;
}

static void one_cache_can_have_been_behind_it(void **state)
{
	const struct scenario *scenario = *state;
	long seed = number_from("SC_TEST_SEED", 1);
	long operations = number_from("SC_TEST_OPERATIONS", OPERATIONS);

	printf("%s: SC_TEST_SEED=%ld SC_TEST_OPERATIONS=%ld\n", scenario->name, seed, operations);
	play_a_game(scenario, (uint64_t)seed, operations);
}

int main(void)
{
	struct CMUnitTest tests[sizeof scenarios / sizeof scenarios[0]];

	for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
		tests[i] =
			(struct CMUnitTest){ scenarios[i].name, one_cache_can_have_been_behind_it,
				NULL, NULL, (void *)(uintptr_t)&scenarios[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
