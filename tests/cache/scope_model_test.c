/* Random histories of tenants and users in one cache, with tags and refused values, compared with a
 * table of who stored what. A value names its owner, so whatever crosses over is seen at once.
 * Nothing is evicted. */
#include "cache/tags.h"
#include "cache/cache_fixture.h"
#include "cache/handle.h"
#include "cache/scope_names.h"
#include "support/random.h"
#include "support/seeded_runs.h"

#include <scopecache/scope.h>

/* RETRY_MS: what sc_cache_reject() says of a cache without retry_after_ms. */
enum { KEYS = 5, DEPTH = 4, TAGS_OF_ENTRY_MAX = 3, RETRY_MS = 1000, DOUBLINGS_MAX = 5 };

struct config {
	const char *name;
	struct sc_cache_options options;
};

#define OPTIONS(...)                                                                               \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), .max_bytes = 32 << 20, __VA_ARGS__        \
	}

static const struct config configs[] = {
	{ "plain", OPTIONS(.max_entries = 1000) },
	{ "exact order", OPTIONS(.policy = SC_POLICY_LRU) },
	{ "stripes", OPTIONS(.concurrency = 4, .max_entries = 1 << 14) },
	{ "times", OPTIONS(.track_age = 1, .ttl_ms = 1 << 30) },
	{ "shared", OPTIONS(.shared = 1) },
	{ "tags", OPTIONS(.tags = 1, .max_entries = 1000) },
	{ "tags, stripes", OPTIONS(.tags = 1, .concurrency = 4, .max_entries = 1 << 14) },
	{ "tags, shared, exact order", OPTIONS(.tags = 1, .shared = 1, .policy = SC_POLICY_LRU) },
};

/* What a thread is in: a tenant, and in it a user; 0: none. */
struct place {
	int tenant, user;
	bool is_dead, has_dead_tenant; /* invalidated after they were entered */
};

/* What a key has in a scope. */
struct entry {
	uint64_t version; /* 0: nothing */
	unsigned tag_count;
	unsigned slots[TAGS_OF_ENTRY_MAX];
	bool may_remain; /* a tag ended it, but its space may not be free yet */
	uint64_t last;   /* what the source gave last */
	/* The value that was refused, 0: none; and how often the source gave it again. */
	uint64_t refused;
	unsigned failures;
	int64_t due_ms;
};

static struct {
	const struct config *config;
	struct sc_cache *cache;
	uint64_t random, versions;
	_Atomic int64_t now_ms;
	struct entry stored[TENANTS + 1][USERS + 1][KEYS];
	bool is_running; /* an invocation */
	struct place place, outer[DEPTH];
	struct sc_scope entered[DEPTH];
	int depth;
	struct sc_context captured;
	struct place captured_place;
	/* What the loader gives next, with which tags, and what it does before. */
	uint64_t given;
	unsigned given_count, loads;
	unsigned given_tags[TAGS_OF_ENTRY_MAX];
	bool loader_invalidates;
	unsigned hits, refused, dropped, ended, rejected, given_again;
} run;

static int below(uint64_t bound)
{
	return (int)sct_below(&run.random, bound);
}

static bool is_shared(void)
{
	return run.config->options.shared;
}

static bool has_tags(void)
{
	return run.config->options.tags;
}

static bool has_generations(void)
{
	return has_tags() || run.config->options.track_age;
}

static struct entry *slot(int key)
{
	return is_shared() ? &run.stored[0][0][key]
			   : &run.stored[run.place.tenant][run.place.user][key];
}

/* Whether this thread may use the cache now. */
static bool is_in_scope(void)
{
	return is_shared() || (!run.place.is_dead && (run.place.tenant || run.place.user));
}

static struct sc_key key_of(int key, struct sc_part parts[2])
{
	parts[0] = key % 2 ? sc_part_integer(key) : sc_part_text("a text of more than 16 bytes");
	parts[1] = sc_part_integer(key);
	return (struct sc_key){ parts, key % 2 ? 1 : 2 };
}

/* ---- Who it is ---- */

static void leave_all(void)
{
	run.depth = 0;
	run.place = (struct place){ 0 };
}

static void do_invocation(int key)
{
	const struct sc_hooks *hooks = sc_cache_hooks();
	struct sc_invocation_info info = { .size = sizeof info, .remaining_ms = 1000000 };

	(void)key;
	if (run.is_running)
		hooks->invocation_end(hooks->context, &info);
	leave_all();
	run.is_running = !run.is_running;
	if (!run.is_running)
		return;
	run.place.tenant = below(TENANTS + 1);
	info.tenant_id = tenant_name(run.place.tenant);
	hooks->invocation_begin(hooks->context, &info);
}

static void do_enter(int key)
{
	int user = below(USERS + 1);

	(void)key;
	if (run.depth == DEPTH)
		return;
	run.outer[run.depth] = run.place;
	int rc = sc_scope_enter(&run.entered[run.depth++], user_name(user));
	if (rc == 0) {
		assert_true(user > 0);
		run.place.user = user;
		run.place.is_dead = false;
		assert_false(run.place.has_dead_tenant);
		return;
	}
	assert_int_equal(rc, user ? SC_E_SCOPE : SC_E_INVAL);
	assert_true(user == 0 || run.place.has_dead_tenant);
	run.place.is_dead = true;
}

static void do_leave(int key)
{
	(void)key;
	if (run.depth == 0)
		return;
	sc_scope_leave(&run.entered[--run.depth]);
	run.place = run.outer[run.depth];
}

static void drop(struct place *place, int tenant, int user)
{
	if (place->tenant == tenant && (user == 0 || place->user == user))
		place->is_dead = true;
	place->has_dead_tenant |= tenant && place->tenant == tenant && user == 0;
}

static void do_drop(int key)
{
	int tenant = below(TENANTS + 1), user = below(USERS + 1);

	(void)key;
	if (below(10))
		return;
	sc_scope_invalidate(tenant_name(tenant), user_name(user));
	run.dropped++;
	drop(&run.place, tenant, user);
	drop(&run.captured_place, tenant, user);
	for (int i = 0; i < run.depth; i++)
		drop(&run.outer[i], tenant, user);
	for (int u = 0; u <= USERS && !is_shared(); u++)
		if (user == 0 || u == user)
			memset(run.stored[tenant][u], 0, sizeof run.stored[tenant][u]);
}

/* ---- What it does ---- */

/* Entries are forgotten if all keys have one hash. */
static bool may_be_missing(void)
{
	return sct_stats(run.cache).forgotten > 0;
}

/* A lookup did not find the key. What was refused stays so, unless that is forgotten too. */
static void missed(int key)
{
	assert_true(slot(key)->version == 0 || may_be_missing());
	slot(key)->version = 0;
	slot(key)->may_remain = false;
}

static void do_get(int key)
{
	struct sc_part parts[2];
	uint64_t found = 0;
	size_t len;

	int rc = sc_cache_get(run.cache, key_of(key, parts), &found, sizeof found, &len);
	if (!is_in_scope()) {
		assert_int_equal(rc, SC_E_SCOPE);
		run.refused++;
		return;
	}
	if (rc == SC_MISS)
		missed(key);
	assert_int_equal(found, slot(key)->version);
	run.hits += rc == SC_HIT;
}

/* ---- Tags ---- */

/* Two tags in one slot are the same tag. The process's secret decides which are. */
static unsigned slot_of_tag(unsigned tag)
{
	struct sci_entry_tags own = { 0 };

	assert_int_equal(sci_entry_tags_add(&own, run.cache, tag_name(tag)), 0);
	return own.slots[0];
}

static unsigned choose_tags(unsigned tags[TAGS_OF_ENTRY_MAX])
{
	unsigned count = has_tags() ? (unsigned)below(TAGS_OF_ENTRY_MAX + 1) : 0;

	for (unsigned i = 0; i < count; i++)
		tags[i] = (unsigned)below(TAGS);
	return count;
}

/* `version` is there now, with these tags. What was refused is forgotten. */
static void set(struct entry *entry, uint64_t version, const unsigned *tags, unsigned count)
{
	*entry = (struct entry){ .version = version, .last = entry->last, .tag_count = count };
	for (unsigned i = 0; i < count; i++)
		entry->slots[i] = slot_of_tag(tags[i]);
}

static bool has_slot(const struct entry *entry, unsigned slot)
{
	for (unsigned i = 0; i < entry->tag_count; i++)
		if (entry->slots[i] == slot)
			return true;
	return false;
}

/* In all scopes, whoever says it. */
static void invalidate_tag(unsigned tag)
{
	struct entry *entry = &run.stored[0][0][0];
	struct entry *end = entry + sizeof run.stored / sizeof *entry;

	assert_int_equal(sc_cache_invalidate_tag(run.cache, tag_name(tag)), 0);
	for (; entry < end; entry++) {
		if (entry->version == 0 || !has_slot(entry, slot_of_tag(tag)))
			continue;
		entry->version = 0;
		entry->may_remain = true;
		run.ended++;
	}
}

static void do_invalidate_tag(int key)
{
	(void)key;
	if (has_tags())
		invalidate_tag((unsigned)below(TAGS));
	else
		assert_int_equal(sc_cache_invalidate_tag(run.cache, "a"), SC_E_INVAL);
}

/* ---- Storing ---- */

static void do_put(int key)
{
	struct sc_part parts[2];
	unsigned tags[TAGS_OF_ENTRY_MAX];
	const char *names[TAGS_OF_ENTRY_MAX];
	unsigned count = choose_tags(tags);
	uint64_t version = ++run.versions;

	/* Also what was refused: who puts a value knows better. */
	if (is_in_scope() && slot(key)->refused && below(2))
		version = slot(key)->refused;
	for (unsigned i = 0; i < count; i++)
		names[i] = tag_name(tags[i]);
	int rc = sc_cache_put_with(run.cache, key_of(key, parts), &version, sizeof version,
		SC_PUT_OPTIONS(.tags = count ? names : NULL, .tag_count = count));
	assert_int_equal(rc, is_in_scope() ? SC_OK : SC_E_SCOPE);
	if (rc == SC_OK)
		set(slot(key), version, tags, count);
}

static int load(struct sc_load *load, void *context)
{
	(void)context;
	run.loads++;
	for (unsigned i = 0; i < run.given_count; i++)
		assert_int_equal(sc_load_add_tag(load, tag_name(run.given_tags[i])), 0);
	if (run.loader_invalidates)
		do_invalidate_tag(0);
	return sc_load_set_value(load, &run.given, sizeof run.given);
}

/* Whether a tag of what is loaded is invalidated during the load. */
static bool is_load_dead(unsigned ended_tag)
{
	for (unsigned i = 0; i < run.given_count; i++)
		if (slot_of_tag(run.given_tags[i]) == slot_of_tag(ended_tag))
			return true;
	return false;
}

/* The loader asks for the next random number first. */
static unsigned tag_of_loader(void)
{
	uint64_t random = run.random;

	return (unsigned)sct_below(&random, TAGS);
}

/* The wait doubles with each time that the source gives it again. */
static void given_again(struct entry *entry)
{
	unsigned doublings = entry->failures < DOUBLINGS_MAX ? entry->failures : DOUBLINGS_MAX;

	entry->failures++;
	entry->due_ms = run.now_ms + ((int64_t)RETRY_MS << doublings);
	run.given_again++;
}

static void loaded(int key, int rc, bool is_dead)
{
	struct entry *entry = slot(key);
	bool is_same = entry->refused == run.given && entry->refused;

	missed(key);
	entry->last = run.given;
	if (rc == SC_E_REFUSED) {
		assert_true(is_same && !is_dead);
		given_again(entry);
		return;
	}
	assert_int_equal(rc, SC_LOADED);
	assert_true(!is_same || is_dead || may_be_missing());
	if (!is_dead)
		set(entry, run.given, run.given_tags, run.given_count);
}

static void do_fetch(int key)
{
	struct sc_part parts[2];
	struct sc_value value;
	unsigned before = run.loads;
	bool is_dead = false;

	run.given = is_in_scope() && slot(key)->last && below(2) ? slot(key)->last : ++run.versions;
	run.given_count = choose_tags(run.given_tags);
	run.loader_invalidates = has_tags() && below(4) == 0;
	if (run.loader_invalidates)
		is_dead = is_load_dead(tag_of_loader());
	int rc = sc_cache_fetch_with(run.cache, key_of(key, parts),
		SC_FETCH_OPTIONS(.loader = load), &value, NULL);
	if (!is_in_scope()) {
		assert_int_equal(rc, SC_E_SCOPE);
		return;
	}
	if (run.loads > before)
		loaded(key, rc, is_dead);
	else if (rc == SC_E_REFUSED)
		assert_true(slot(key)->refused && run.now_ms < slot(key)->due_ms);
	else
		assert_int_equal(rc, SC_HIT);
	uint64_t expected = run.loads > before ? run.given : slot(key)->version;
	if (rc > 0)
		assert_memory_equal(value.data, &expected, sizeof expected);
	sc_value_release(&value);
}

static void do_invalidate(int key)
{
	struct sc_part parts[2];

	int rc = sc_cache_invalidate(run.cache, key_of(key, parts));
	if (!is_in_scope()) {
		assert_int_equal(rc, SC_E_SCOPE);
		return;
	}
	struct entry *entry = slot(key);
	assert_true(rc == SC_HIT ? entry->version || entry->refused || entry->may_remain
				 : rc == SC_MISS);
	if (rc == SC_MISS)
		missed(key);
	set(entry, 0, NULL, 0);
}

/* ---- Refused values ---- */

static void reject_found(int key, uint64_t generation)
{
	struct sc_part parts[2];
	struct entry *entry = slot(key);
	/* An older generation, another one, or the present one. */
	uint64_t reported = below(3) == 0 ? generation - 1 - (uint64_t)below(3)
		: below(4) == 0           ? generation + 1
					  : generation;

	int rc = sc_cache_reject(run.cache, key_of(key, parts), reported);
	assert_int_equal(rc, reported == generation ? SC_HIT : SC_MISS);
	if (rc != SC_HIT)
		return;
	uint64_t refused = entry->version;
	set(entry, 0, NULL, 0);
	entry->refused = refused;
	entry->last = refused;
	run.rejected++;
	assert_int_equal(sc_cache_reject(run.cache, key_of(key, parts), generation), SC_MISS);
}

static void do_reject(int key)
{
	struct sc_part parts[2];
	struct sc_value value;

	if (has_one_hash())
		return;
	if (!has_generations()) {
		assert_int_equal(sc_cache_reject(run.cache, key_of(key, parts), 1), SC_E_INVAL);
		return;
	}
	int rc = sc_cache_acquire(run.cache, key_of(key, parts), &value);
	if (!is_in_scope()) {
		assert_int_equal(rc, SC_E_SCOPE);
		assert_int_equal(sc_cache_reject(run.cache, key_of(key, parts), 1), SC_E_SCOPE);
		return;
	}
	uint64_t generation = value.generation;
	if (rc == SC_HIT)
		assert_memory_equal(value.data, &slot(key)->version, sizeof slot(key)->version);
	sc_value_release(&value);
	if (rc == SC_HIT)
		reject_found(key, generation);
	else
		missed(key);
}

static void do_wait(int key)
{
	(void)key;
	run.now_ms += below(2 * RETRY_MS);
}

static void do_iterate(int key)
{
	struct sc_iterator *iterator;
	const struct sc_key *found_key;
	int expected = 0, found = 0;

	(void)key;
	int rc = sc_iterator_open(&iterator, run.cache);
	assert_int_equal(rc, is_in_scope() ? 0 : SC_E_SCOPE);
	if (rc < 0)
		return;
	for (int i = 0; i < KEYS; i++)
		expected += slot(i)->version != 0;
	while (sc_iterator_next(iterator, &found_key) == SC_HIT) {
		int64_t number = found_key->parts[found_key->count - 1].number;
		assert_true(number >= 0 && number < KEYS);
		/* An entry that a tag has ended may still be there, or forgotten in the model. */
		assert_true(slot((int)number)->version || slot((int)number)->may_remain);
		found += slot((int)number)->version != 0;
	}
	assert_true(found == expected || (found < expected && may_be_missing()));
	sc_iterator_close(iterator);
}

static void do_maintain(int key)
{
	(void)key;
	sc_maintain(below(2) ? 0 : 1000);
}

static void do_clear(int key)
{
	(void)key;
	if (below(50))
		return;
	sc_cache_clear(run.cache);
	memset(run.stored, 0, sizeof run.stored);
}

/* Leave for another context, and return: nothing changes. */
static void do_context(int key)
{
	struct sc_context outer;
	struct place before = run.place;

	if (below(2)) {
		sc_context_capture(&run.captured);
		run.captured_place = run.place;
		return;
	}
	if (!run.captured_place.tenant && !run.captured_place.user)
		return;
	sc_context_enter(&run.captured, &outer);
	run.place = run.captured_place;
	do_get(key);
	do_put(key);
	sc_context_leave(&outer);
	run.place = before;
}

static const struct sct_operation operations[] = {
	{ 30, do_invocation },
	{ 60, do_enter },
	{ 50, do_leave },
	{ 40, do_drop },
	{ 200, do_get },
	{ 100, do_put },
	{ 60, do_fetch },
	{ 20, do_invalidate },
	{ 10, do_iterate },
	{ 10, do_maintain },
	{ 10, do_clear },
	{ 20, do_context },
	{ 20, do_invalidate_tag },
	{ 40, do_reject },
	{ 40, do_wait },
};

/* No scope of the last history is left. */
static void forget_all(void)
{
	for (int tenant = 0; tenant <= TENANTS; tenant++)
		sc_scope_invalidate(tenant_name(tenant), NULL);
}

static void keep_apart(const void *config, uint64_t seed, long count)
{
	memset(&run, 0, sizeof run);
	run.config = config;
	run.random = seed;
	run.now_ms = 1000;
	struct sc_cache_options options = run.config->options;
	options.clock = sct_clock_of(&run.now_ms);
	run.cache = sct_cache_open(&options);
	struct sc_scope outer;
	assert_int_equal(sc_scope_enter(&outer, "somebody"), 0);
	sc_scope_leave(&outer);
	for (long i = 0; i < count; i++)
		sct_pick_operation(operations, sizeof operations / sizeof operations[0],
			&run.random)
			->call(below(KEYS));
	if (run.is_running)
		do_invocation(0);
	while (run.depth)
		do_leave(0);
	assert_true(run.hits > 0 && run.dropped > 0);
	assert_int_equal(run.refused > 0, !is_shared());
	assert_int_equal(run.ended > 0, has_tags());
	assert_int_equal(run.rejected > 0 && run.given_again > 0,
		has_generations() && !has_one_hash());
	assert_true(sct_stats(run.cache).evictions == 0 || may_be_missing());
	forget_all();
	sc_maintain(10000);
	if (!is_shared())
		assert_int_equal(sct_stats(run.cache).entries, 0);
	sc_cache_close(run.cache);
}

int main(void)
{
	return sct_seeded_runs_main(&(const struct sct_seeded_runs){
		.configs = configs,
		.config_size = sizeof configs[0],
		.count = sizeof configs / sizeof configs[0],
		.seeds = 3,
		.operations = 20000,
		.run = keep_apart,
	});
}
