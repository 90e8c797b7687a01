/* The calls of the threads of a run, and the events that they record. */
#include "cache/striped_cache.h"
#include "cache/fetch_with_loader.h"
#include "cache/history_run.h"

#define KEY(key) SC_KEY("key", key)

static const unsigned char too_large[96 << 10];

/* What a value may live for, if it is not what the cache says: that ends too. */
struct terms {
	int64_t ttl_ms, tti_ms;
};

static int64_t some_time(struct sct_actor *player, int64_t usual_ms)
{
	return 1 + (int64_t)sct_below(&player->random, 2 * (uint64_t)usual_ms);
}

static struct terms some_terms(struct sct_actor *player, struct sc_put_options *options)
{
	struct terms terms = { sct_run.scenario->options.ttl_ms, sct_run.scenario->options.tti_ms };

	if (terms.ttl_ms && sct_below(&player->random, 3) == 0)
		options->ttl_ms = terms.ttl_ms = some_time(player, terms.ttl_ms);
	if (terms.tti_ms && sct_below(&player->random, 3) == 0)
		options->tti_ms = terms.tti_ms = some_time(player, terms.tti_ms);
	return terms;
}

/* `terms` are those of what is written. */
static void record(struct sct_actor *player, struct sct_event event, struct terms terms)
{
	if (event.end == 0)
		event.end = sct_stamp();
	if (event.kind == SCT_PUT || event.kind == SCT_LOAD) {
		event.idle = (uint64_t)terms.tti_ms << SCT_CLOCK_BITS;
		/* The first stamp at which what was stored before the end has expired. */
		if (terms.ttl_ms)
			event.expires = ((event.end >> SCT_CLOCK_BITS) + (uint64_t)terms.ttl_ms)
				<< SCT_CLOCK_BITS;
	}
	sct_check(player->count < player->room);
	player->events[player->count++] = event;
}

static const struct terms no_terms;

static bool is_object_next(struct sct_actor *player)
{
	return sct_run_has(SCT_OBJECTS) && sct_below(&player->random, 2);
}

/* ---- Holding ---- */

void sct_release_held(struct sct_held *held)
{
	if (held->value.holder)
		sct_check(sct_identify(held->value.data, held->value.len, held->key) == held->id);
	sc_value_release(&held->value);
}

static void hold(struct sct_actor *player, struct sc_value value, uint32_t key, uint64_t id)
{
	struct sct_held *held = &player->held[sct_below(&player->random, SCT_HELD_MAX)];

	sct_release_held(held);
	*held = (struct sct_held){ value, key, id };
	if (sct_below(&player->random, 3) == 0)
		sct_release_held(held);
}

/* ---- Writing ---- */

static bool can_be_too_large(void)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;

	return options->max_bytes <= sizeof too_large && options->grow_bytes <= sizeof too_large;
}

static int put_object(struct sct_actor *player, uint32_t key, uint64_t id, uint64_t weight,
	const struct sc_put_options *options)
{
	struct sc_object object = sct_make_object(player, id);

	if (weight)
		object.weight = weight;
	int rc = sc_cache_put_object(sct_run.cache, KEY(key), &object, options);
	if (rc < 0)
		sct_refuse_object(&object);
	return rc;
}

/* What is put is refused, and what was there before is gone all the same. */
static void put_too_large(struct sct_actor *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_DROP };
	int rc;

	if (is_object_next(player)) {
		uint64_t id = sct_new_id(player, key);
		event.start = sct_stamp();
		rc = put_object(player, key, id, sizeof too_large, NULL);
	} else {
		event.start = sct_stamp();
		rc = sc_cache_put(sct_run.cache, KEY(key), too_large, sizeof too_large);
	}
	sct_check(rc == SC_E_TOO_LARGE);
	record(player, event, no_terms);
}

/* Whether this key gets its empty value now. With objects, an empty value could not be told from
 * one. */
static bool is_empty_next(uint32_t key)
{
	unsigned turn = atomic_load(&sct_run.empty_put);

	return !sct_run_has(SCT_OBJECTS) && turn == key &&
		atomic_compare_exchange_strong(&sct_run.empty_put, &turn, turn + 1);
}

static void put(struct sct_actor *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_PUT };
	struct sc_put_options options = { .size = sizeof options };
	size_t len = 0;
	int rc;

	if (can_be_too_large() && sct_below(&player->random, 30) == 0) {
		put_too_large(player, key);
		return;
	}
	struct terms terms = some_terms(player, &options);
	bool is_empty = is_empty_next(key);
	event.value = is_empty ? sct_empty_id(key) : sct_new_id(player, key);
	if (is_object_next(player)) {
		event.start = sct_stamp();
		rc = put_object(player, key, event.value, 0, &options);
	} else {
		if (!is_empty)
			len = sct_make_value(player, event.value, player->bytes);
		event.start = sct_stamp();
		rc = sc_cache_put_with(sct_run.cache, KEY(key), player->bytes, len, &options);
	}
	sct_check(rc == SC_OK || rc == SC_E_NOMEM);
	/* Pins leave no room: then the key has nothing. */
	if (rc != SC_OK)
		event.kind = SCT_DROP;
	record(player, event, terms);
}

static void invalidate(struct sct_actor *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_DROP, .start = sct_stamp() };

	int rc = sc_cache_invalidate(sct_run.cache, KEY(key));
	sct_check(rc == SC_HIT || rc == SC_MISS);
	record(player, event, no_terms);
}

static void clear(struct sct_actor *player)
{
	struct sct_event event = { .key = SCT_ALL_KEYS, .kind = SCT_DROP, .start = sct_stamp() };

	sc_cache_clear(sct_run.cache);
	record(player, event, no_terms);
}

/* ---- Looking up ---- */

static void get(struct sct_actor *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_READ };
	/* A use that does not see which value it is cannot be written down. */
	bool is_whole = sct_run.scenario->options.tti_ms || sct_below(&player->random, 8);
	size_t len, capacity = is_whole ? sizeof player->bytes : 20;

	event.start = sct_stamp();
	int rc = sc_cache_get(sct_run.cache, KEY(key), player->bytes, capacity, &len);
	event.end = sct_stamp();
	if (rc == SC_E_INVAL && sct_run_has(SCT_OBJECTS)) {
		sct_check(len == 0);
		return;
	}
	sct_check(rc >= 0 || (rc == SC_E_TOO_LARGE && len > capacity));
	if (rc < 0)
		return;
	if (rc == SC_HIT)
		event.value = sct_identify(player->bytes, len, key);
	else
		event.kind = SCT_MISS;
	record(player, event, no_terms);
}

static void acquire(struct sct_actor *player, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_READ };
	struct sc_value value;

	event.start = sct_stamp();
	int rc = sc_cache_acquire(sct_run.cache, KEY(key), &value);
	event.end = sct_stamp();
	sct_check(rc == SC_HIT || rc == SC_MISS);
	if (rc == SC_HIT) {
		event.value = sct_identify(value.data, value.len, key);
		hold(player, value, key, event.value);
	} else {
		event.kind = SCT_MISS;
	}
	record(player, event, no_terms);
}

struct loading {
	struct sct_actor *player;
	struct sct_event event;
};

/* Returns the loader's result. The cache owns a given object, whatever the outcome of the load. */
static int give(struct sc_load *load, struct sct_actor *player, uint64_t id, bool is_object,
	const unsigned char *bytes, size_t len)
{
	if (!is_object)
		return sc_load_set_value(load, bytes, len);
	struct sc_object object = sct_make_object(player, id);
	return sc_load_set_object(load, &object);
}

static int load(struct sc_load *load, void *context)
{
	struct loading *loading = context;
	struct sct_actor *player = loading->player;
	uint32_t key = (uint32_t)sc_load_number(load, 1);
	unsigned char bytes[sizeof player->bytes];

	sct_check(key == loading->event.key);
	loading->event.loading = sct_stamp();
	loading->event.value = sct_new_id(player, key);
	bool is_object = is_object_next(player);
	size_t len = is_object ? 0 : sct_make_value(player, loading->event.value, bytes);
	switch (sct_below(&player->random, 12)) {
	case 0:
		sct_check(give(load, player, loading->event.value, is_object, bytes, len) == 0);
		return sc_load_fail(load, -1, "not this time");
	case 1:
		put(player, key);
		break;
	case 2:
		invalidate(player, key);
		break;
	case 3:
		sc_load_set_ttl_ms(load, -1);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		/* Time for others to come and wait, or to change the key. */
		for (int i = 0; i < 3; i++)
			sct_pause();
		break;
	default:
		break;
	}
	return give(load, player, loading->event.value, is_object, bytes, len);
}

static void fetch(struct sct_actor *player, uint32_t key)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;
	struct loading loading = { player, { .key = key, .kind = SCT_MISS } };
	struct sct_event *event = &loading.event;
	struct sc_value value;

	event->start = sct_stamp();
	int rc = sct_fetch(sct_run.cache, KEY(key), load, &loading, &value, NULL);
	event->end = sct_stamp();
	sct_check(rc == SC_HIT || rc == SC_LOADED || rc == SC_E_LOAD);
	if (rc > 0) {
		uint64_t id = sct_identify(value.data, value.len, key);
		event->kind = rc == SC_HIT ? SCT_READ : event->loading ? SCT_LOAD : SCT_AWAIT;
		sct_check(event->kind != SCT_LOAD || id == event->value);
		event->value = id;
		hold(player, value, key, id);
	}
	record(player, *event, (struct terms){ options->ttl_ms, options->tti_ms });
}

/* ---- Upkeep ---- */

/* From a quarter of what the cache may grow to, to all of it. */
static void resize(struct sct_actor *player)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;
	uint64_t bytes = 0, entries = 0, least = sct_run_has(SCT_STRIPED) ? SCT_STRIPES : 1;

	if (options->grow_bytes)
		bytes = options->grow_bytes / 4 +
			sct_below(&player->random, options->grow_bytes / 4 * 3);
	if (options->grow_entries)
		entries = least + sct_below(&player->random, options->grow_entries - least + 1);
	sct_check(sc_cache_resize(sct_run.cache, entries, bytes, NULL) == 0);
}

static void maintain(struct sct_actor *player)
{
	int rc = sc_cache_maintain(sct_run.cache, sct_below(&player->random, 2));

	sct_check(rc == 0 || rc == 1);
}

static void look_at_figures(void)
{
	struct sc_cache_stats stats = { .size = sizeof stats };

	sct_check(sc_cache_read_stats(sct_run.cache, &stats) == 0);
	sct_check(stats.bytes <= stats.max_bytes + stats.pinned_bytes);
	sct_check(stats.pinned_bytes <= stats.bytes);
	sct_check(!stats.max_entries || stats.entries <= stats.max_entries);
}

/* ---- Turns ---- */

void sct_play(struct sct_actor *player)
{
	const struct sct_scenario *scenario = sct_run.scenario;
	uint64_t what = sct_below(&player->random, 1000);
	bool is_hot = scenario->cold == 0 || sct_below(&player->random, 5) > 0;
	uint32_t key = is_hot
		? (uint32_t)sct_below(&player->random, scenario->hot)
		: scenario->hot + (uint32_t)sct_below(&player->random, scenario->cold);

	if (sct_run_has(SCT_RACES))
		what = what < 600 ? 0 : 700;
	/* Of an object it says only that it is there. */
	if (what < 300 && !(sct_run_has(SCT_OBJECTS) && scenario->options.tti_ms))
		get(player, key);
	else if (what < 450)
		acquire(player, key);
	else if (what < 650)
		fetch(player, key);
	else if (what < 940)
		put(player, key);
	else if (what < 985)
		invalidate(player, key);
	else if (what < 988 && sct_run_has(SCT_RESIZES))
		resize(player);
	else if (what < 990 && sct_run_has(SCT_RESIZES))
		maintain(player);
	else if (what < 998 || !sct_run_has(SCT_CLEARS))
		look_at_figures();
	else
		clear(player);
	/* With more threads than processors, each would do all its work in one go. */
	if (sct_below(&player->random, 6) == 0)
		sct_pause();
}

void sct_maintain_at_random(struct sct_actor *player)
{
	switch (sct_below(&player->random, 8)) {
	case 0:
	case 1:
	case 2:
	case 3:
		resize(player);
		break;
	case 4:
	case 5:
		maintain(player);
		break;
	case 6:
		if (sct_run_has(SCT_CLEARS)) {
			clear(player);
			break;
		}
		/* fall through */
	default:
		look_at_figures();
		break;
	}
	for (uint64_t yields = sct_below(&player->random, 8); yields > 0; yields--)
		sct_pause();
}
