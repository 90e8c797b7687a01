/* The calls of the threads of a run, and the events that they record. */
#include "cache/striped_cache.h"
#include "cache/fetch_with_loader.h"
#include "cache/history_run.h"

#define KEY(key) SC_KEY("key", key)

static const unsigned char too_large[96 << 10];

/* The times of a value, which are the cache's or the put's own. */
struct terms {
	int64_t ttl_ms, tti_ms;
};

static int64_t some_time(struct sct_caller *caller, int64_t usual_ms)
{
	return 1 + (int64_t)sct_below(&caller->random, 2 * (uint64_t)usual_ms);
}

static struct terms some_terms(struct sct_caller *caller, struct sc_put_options *options)
{
	struct terms terms = { sct_run.scenario->options.ttl_ms, sct_run.scenario->options.tti_ms };

	if (terms.ttl_ms && sct_below(&caller->random, 3) == 0)
		options->ttl_ms = terms.ttl_ms = some_time(caller, terms.ttl_ms);
	if (terms.tti_ms && sct_below(&caller->random, 3) == 0)
		options->tti_ms = terms.tti_ms = some_time(caller, terms.tti_ms);
	return terms;
}

/* `terms` are the times of the written value. */
static void record(struct sct_caller *caller, struct sct_event event, struct terms terms)
{
	if (event.end == 0)
		event.end = sct_stamp();
	if (event.kind == SCT_PUT || event.kind == SCT_LOAD) {
		event.idle = (uint64_t)terms.tti_ms << SCT_CLOCK_BITS;
		/* The first stamp at which a value that was stored at the end has expired. */
		if (terms.ttl_ms)
			event.expires = ((event.end >> SCT_CLOCK_BITS) + (uint64_t)terms.ttl_ms)
				<< SCT_CLOCK_BITS;
	}
	sct_check(caller->count < caller->capacity);
	caller->events[caller->count++] = event;
}

static const struct terms no_terms;

static bool is_object_next(struct sct_caller *caller)
{
	return sct_run_has(SCT_OBJECTS) && sct_below(&caller->random, 2);
}

/* ---- Holding ---- */

void sct_release_held(struct sct_held *held)
{
	if (held->value.holder)
		sct_check(sct_identify(held->value.data, held->value.len, held->key) == held->id);
	sc_value_release(&held->value);
}

static void hold(struct sct_caller *caller, struct sc_value value, uint32_t key, uint64_t id)
{
	struct sct_held *held = &caller->held[sct_below(&caller->random, SCT_HELD_MAX)];

	sct_release_held(held);
	*held = (struct sct_held){ value, key, id };
	if (sct_below(&caller->random, 3) == 0)
		sct_release_held(held);
}

/* ---- Writing ---- */

static bool can_be_too_large(void)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;

	return options->max_bytes <= sizeof too_large && options->grow_bytes <= sizeof too_large;
}

static int put_object(struct sct_caller *caller, uint32_t key, uint64_t id, uint64_t weight,
	const struct sc_put_options *options)
{
	struct sc_object object = sct_make_object(caller, id);

	if (weight)
		object.weight = weight;
	int rc = sc_cache_put_object(sct_run.cache, KEY(key), &object, options);
	if (rc < 0)
		sct_refuse_object(&object);
	return rc;
}

/* The put is refused, and removes the old value. */
static void put_too_large(struct sct_caller *caller, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_DROP };
	int rc;

	if (is_object_next(caller)) {
		uint64_t id = sct_new_id(caller, key);
		event.start = sct_stamp();
		rc = put_object(caller, key, id, sizeof too_large, NULL);
	} else {
		event.start = sct_stamp();
		rc = sc_cache_put(sct_run.cache, KEY(key), too_large, sizeof too_large);
	}
	sct_check(rc == SC_E_TOO_LARGE);
	record(caller, event, no_terms);
}

/* Whether this put stores the key's only empty value. Not in runs with objects, because a lookup of
 * an object has a length of 0 too. */
static bool is_empty_next(uint32_t key)
{
	unsigned turn = atomic_load(&sct_run.empty_put);

	return !sct_run_has(SCT_OBJECTS) && turn == key &&
		atomic_compare_exchange_strong(&sct_run.empty_put, &turn, turn + 1);
}

static void put(struct sct_caller *caller, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_PUT };
	struct sc_put_options options = { .size = sizeof options };
	size_t len = 0;
	int rc;

	if (can_be_too_large() && sct_below(&caller->random, 30) == 0) {
		put_too_large(caller, key);
		return;
	}
	struct terms terms = some_terms(caller, &options);
	bool is_empty = is_empty_next(key);
	event.value = is_empty ? sct_empty_id(key) : sct_new_id(caller, key);
	if (is_object_next(caller)) {
		event.start = sct_stamp();
		rc = put_object(caller, key, event.value, 0, &options);
	} else {
		if (!is_empty)
			len = sct_make_value(caller, event.value, caller->bytes);
		event.start = sct_stamp();
		rc = sc_cache_put_with(sct_run.cache, KEY(key), caller->bytes, len, &options);
	}
	sct_check(rc == SC_OK || rc == SC_E_NOMEM);
	/* Pins left no space: then the put removed the old value. */
	if (rc != SC_OK)
		event.kind = SCT_DROP;
	record(caller, event, terms);
}

static void invalidate(struct sct_caller *caller, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_DROP, .start = sct_stamp() };

	int rc = sc_cache_invalidate(sct_run.cache, KEY(key));
	sct_check(rc == SC_HIT || rc == SC_MISS);
	record(caller, event, no_terms);
}

static void clear(struct sct_caller *caller)
{
	struct sct_event event = { .key = SCT_ALL_KEYS, .kind = SCT_DROP, .start = sct_stamp() };

	sc_cache_clear(sct_run.cache);
	record(caller, event, no_terms);
}

/* ---- Looking up ---- */

static void get(struct sct_caller *caller, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_READ };
	/* A lookup with a short buffer is a use, but cannot be recorded, because it does not read
	 * the value's identity. */
	bool is_whole = sct_run.scenario->options.tti_ms || sct_below(&caller->random, 8);
	size_t len, capacity = is_whole ? sizeof caller->bytes : 20;

	event.start = sct_stamp();
	int rc = sc_cache_get(sct_run.cache, KEY(key), caller->bytes, capacity, &len);
	event.end = sct_stamp();
	if (rc == SC_E_INVAL && sct_run_has(SCT_OBJECTS)) {
		sct_check(len == 0);
		return;
	}
	sct_check(rc >= 0 || (rc == SC_E_TOO_LARGE && len > capacity));
	if (rc < 0)
		return;
	if (rc == SC_HIT)
		event.value = sct_identify(caller->bytes, len, key);
	else
		event.kind = SCT_MISS;
	record(caller, event, no_terms);
}

static void acquire(struct sct_caller *caller, uint32_t key)
{
	struct sct_event event = { .key = key, .kind = SCT_READ };
	struct sc_value value;

	event.start = sct_stamp();
	int rc = sc_cache_acquire(sct_run.cache, KEY(key), &value);
	event.end = sct_stamp();
	sct_check(rc == SC_HIT || rc == SC_MISS);
	if (rc == SC_HIT) {
		event.value = sct_identify(value.data, value.len, key);
		hold(caller, value, key, event.value);
	} else {
		event.kind = SCT_MISS;
	}
	record(caller, event, no_terms);
}

struct loading {
	struct sct_caller *caller;
	struct sct_event event;
};

/* Returns the loader's result. The cache owns a given object, whatever the outcome of the load. */
static int give(struct sc_load *load, struct sct_caller *caller, uint64_t id, bool is_object,
	const unsigned char *bytes, size_t len)
{
	if (!is_object)
		return sc_load_set_value(load, bytes, len);
	struct sc_object object = sct_make_object(caller, id);
	return sc_load_set_object(load, &object);
}

static int load(struct sc_load *load, void *context)
{
	struct loading *loading = context;
	struct sct_caller *caller = loading->caller;
	uint32_t key = (uint32_t)sc_load_number(load, 1);
	unsigned char bytes[sizeof caller->bytes];

	sct_check(key == loading->event.key);
	loading->event.loading = sct_stamp();
	loading->event.value = sct_new_id(caller, key);
	bool is_object = is_object_next(caller);
	size_t len = is_object ? 0 : sct_make_value(caller, loading->event.value, bytes);
	switch (sct_below(&caller->random, 12)) {
	case 0:
		sct_check(give(load, caller, loading->event.value, is_object, bytes, len) == 0);
		return sc_load_fail(load, -1, "not this time");
	case 1:
		put(caller, key);
		break;
	case 2:
		invalidate(caller, key);
		break;
	case 3:
		sc_load_set_ttl_ms(load, -1);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		/* Give other threads time to wait for the load, or to change the key. */
		for (int i = 0; i < 3; i++)
			sct_pause();
		break;
	default:
		break;
	}
	return give(load, caller, loading->event.value, is_object, bytes, len);
}

static void fetch(struct sct_caller *caller, uint32_t key)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;
	struct loading loading = { caller, { .key = key, .kind = SCT_MISS } };
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
		hold(caller, value, key, id);
	}
	record(caller, *event, (struct terms){ options->ttl_ms, options->tti_ms });
}

/* ---- Upkeep ---- */

/* Resize to between a quarter and all of the cache's grow options. */
static void resize(struct sct_caller *caller)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;
	uint64_t bytes = 0, entries = 0, least = sct_run_has(SCT_STRIPED) ? SCT_STRIPES : 1;

	if (options->grow_bytes)
		bytes = options->grow_bytes / 4 +
			sct_below(&caller->random, options->grow_bytes / 4 * 3);
	if (options->grow_entries)
		entries = least + sct_below(&caller->random, options->grow_entries - least + 1);
	sct_check(sc_cache_resize(sct_run.cache, entries, bytes, NULL) == 0);
}

static void maintain(struct sct_caller *caller)
{
	int rc = sc_cache_maintain(sct_run.cache, sct_below(&caller->random, 2));

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

void sct_call_at_random(struct sct_caller *caller)
{
	const struct sct_scenario *scenario = sct_run.scenario;
	uint64_t what = sct_below(&caller->random, 1000);
	bool is_hot = scenario->cold == 0 || sct_below(&caller->random, 5) > 0;
	uint32_t key = is_hot
		? (uint32_t)sct_below(&caller->random, scenario->hot)
		: scenario->hot + (uint32_t)sct_below(&caller->random, scenario->cold);

	if (sct_run_has(SCT_RACES))
		what = what < 600 ? 0 : 700;
	/* A get of an object is a use, but does not tell which object. */
	if (what < 300 && !(sct_run_has(SCT_OBJECTS) && scenario->options.tti_ms))
		get(caller, key);
	else if (what < 450)
		acquire(caller, key);
	else if (what < 650)
		fetch(caller, key);
	else if (what < 940)
		put(caller, key);
	else if (what < 985)
		invalidate(caller, key);
	else if (what < 988 && sct_run_has(SCT_RESIZES))
		resize(caller);
	else if (what < 990 && sct_run_has(SCT_RESIZES))
		maintain(caller);
	else if (what < 998 || !sct_run_has(SCT_CLEARS))
		look_at_figures();
	else
		clear(caller);
	/* Without yielding, more threads than processors would run one after the other. */
	if (sct_below(&caller->random, 6) == 0)
		sct_pause();
}

void sct_maintain_at_random(struct sct_caller *caller)
{
	switch (sct_below(&caller->random, 8)) {
	case 0:
	case 1:
	case 2:
	case 3:
		resize(caller);
		break;
	case 4:
	case 5:
		maintain(caller);
		break;
	case 6:
		if (sct_run_has(SCT_CLEARS)) {
			clear(caller);
			break;
		}
		/* fall through */
	default:
		look_at_figures();
		break;
	}
	for (uint64_t yields = sct_below(&caller->random, 8); yields > 0; yields--)
		sct_pause();
}
