/* Bytes drive tenants, users, contexts and what they do with one small private cache, which evicts.
 *
 * A value says whose it is, its key, its tags and its version. No lookup, load or iteration may
 * give anything of another scope, nor what was replaced, nor what was stored before its scope, or
 * one of its tags, was invalidated. A thread that is in no scope must be refused. */
#include "fuzz.h"
#include "fuzz_input.h"

#include <scopecache/cache.h>

#include <string.h>

enum { TENANTS = 3, USERS = 3, KEYS = 8, TAGS = 4, DEPTH = 4 };

/* 0: none. A number of a tenant or a user is that of its name. */
struct place {
	uint8_t tenant, user;
	bool is_dead, has_dead_tenant;
};

struct value {
	uint8_t tenant, user, key, tags;
	uint32_t version;
	uint8_t rest[200]; /* some of it, so that entries have several sizes */
};

#define HEAD offsetof(struct value, rest)

struct run {
	struct input input;
	struct sc_cache *cache;
	uint32_t versions;
	uint32_t stored[TENANTS + 1][USERS + 1][KEYS]; /* the last version */
	uint32_t dropped[TENANTS + 1][USERS + 1];      /* versions up to this one are gone */
	uint32_t ended[TAGS];                          /* the same for tags */
	bool is_running;                               /* an invocation */
	struct place place, outer[DEPTH], captured;
	struct sc_scope entered[DEPTH];
	unsigned depth;
	struct sc_context context;
	bool has_context;
};

static const char *const tenants[] = { NULL, "a", "ab", "b" };
static const char *const users[] = { NULL, "c", "bc", "b" };
static const char *const tags[] = { "orders", "prices", "a", "ab" };

static bool is_in_scope(const struct run *run)
{
	return !run->place.is_dead && (run->place.tenant || run->place.user);
}

static struct sc_key key_of(uint8_t key, struct sc_part parts[2])
{
	parts[0] = key % 2 ? sc_part_integer(key) : sc_part_text("a text of more than 16 bytes");
	parts[1] = sc_part_integer(key);
	return (struct sc_key){ parts, key % 2 ? 1 : 2 };
}

static void check_value(const struct run *run, uint8_t key, const void *data, size_t len)
{
	struct value value;

	check(len >= HEAD && len <= sizeof value);
	memcpy(&value, data, len);
	check_that(is_in_scope(run), "a value for a thread without a scope");
	check_that(value.tenant == run->place.tenant, "a value of another tenant");
	check_that(value.user == run->place.user, "a value of another user");
	check_that(value.key == key, "a value of another key");
	check_that(value.version == run->stored[value.tenant][value.user][key],
		"a value that was replaced or removed");
	check_that(value.version > run->dropped[value.tenant][value.user],
		"a value of a scope that was invalidated");
	for (unsigned i = 0; i < TAGS; i++)
		check_that(!(value.tags >> i & 1) || value.version > run->ended[i],
			"a value with a tag that was invalidated");
	for (size_t i = HEAD; i < len; i++)
		check_that(((const uint8_t *)data)[i] == (uint8_t)(value.version + i),
			"a value has changed");
}

/* ---- Who it is ---- */

static void leave_user(struct run *run)
{
	if (run->depth == 0)
		return;
	sc_scope_leave(&run->entered[--run->depth]);
	run->place = run->outer[run->depth];
}

static void begin_or_end(struct run *run)
{
	const struct sc_hooks *hooks = sc_cache_hooks();
	struct sc_invocation_info info = { .size = sizeof info, .remaining_ms = 1000000 };

	if (run->is_running)
		hooks->invocation_end(hooks->context, &info);
	run->is_running = !run->is_running;
	run->depth = 0;
	run->place = (struct place){ 0 };
	if (!run->is_running)
		return;
	run->place.tenant = next(&run->input) % (TENANTS + 1);
	info.tenant_id = tenants[run->place.tenant];
	hooks->invocation_begin(hooks->context, &info);
}

static void enter_user(struct run *run)
{
	uint8_t user = next(&run->input) % (USERS + 1);

	if (run->depth == DEPTH)
		return;
	run->outer[run->depth] = run->place;
	int rc = sc_scope_enter(&run->entered[run->depth++], users[user]);
	check((rc == 0) == (user && !run->place.has_dead_tenant));
	run->place.is_dead = rc < 0;
	if (rc == 0)
		run->place.user = user;
}

static void drop(struct place *place, uint8_t tenant, uint8_t user)
{
	place->is_dead |= place->tenant == tenant && (user == 0 || place->user == user);
	place->has_dead_tenant |= tenant && place->tenant == tenant && user == 0;
}

static void invalidate_scope(struct run *run, uint8_t what)
{
	uint8_t tenant = what % (TENANTS + 1), user = what / 16 % (USERS + 1);

	sc_scope_invalidate(tenants[tenant], users[user]);
	drop(&run->place, tenant, user);
	drop(&run->captured, tenant, user);
	for (unsigned i = 0; i < run->depth; i++)
		drop(&run->outer[i], tenant, user);
	for (int u = 0; u <= USERS; u++)
		if (user == 0 || u == user)
			run->dropped[tenant][u] = run->versions;
}

static void invalidate_tag(struct run *run, uint8_t tag)
{
	check(sc_cache_invalidate_tag(run->cache, tags[tag % TAGS]) == 0);
	run->ended[tag % TAGS] = run->versions;
}

/* ---- What it does ---- */

static void get(struct run *run, uint8_t key)
{
	struct sc_part parts[2];
	struct value value;
	size_t len;

	int rc = sc_cache_get(run->cache, key_of(key, parts), &value, sizeof value, &len);
	check_that((rc == SC_E_SCOPE) == !is_in_scope(run), "a scope is not checked");
	if (rc == SC_HIT)
		check_value(run, key, &value, len);
}

static void pin(struct run *run, uint8_t key, bool peeks)
{
	struct sc_part parts[2];
	struct sc_value value;
	struct sc_key wanted = key_of(key, parts);

	int rc = peeks ? sc_cache_peek(run->cache, wanted, &value)
		       : sc_cache_acquire(run->cache, wanted, &value);
	check_that((rc == SC_E_SCOPE) == !is_in_scope(run), "a scope is not checked");
	if (rc == SC_HIT)
		check_value(run, key, value.data, value.len);
	sc_value_release(&value);
}

/* Returns the length. */
static size_t make(struct run *run, uint8_t key, struct value *value)
{
	uint8_t shape = next(&run->input);
	size_t len = HEAD + shape / 16 * 12;

	*value = (struct value){ run->place.tenant, run->place.user, key, shape % (1u << TAGS),
		++run->versions, { 0 } };
	for (size_t i = HEAD; i < len; i++)
		((uint8_t *)value)[i] = (uint8_t)(value->version + i);
	return len;
}

static void note(struct run *run, const struct value *value)
{
	run->stored[value->tenant][value->user][value->key] = value->version;
}

static void put(struct run *run, uint8_t key)
{
	struct sc_part parts[2];
	struct value value;
	const char *own[TAGS];
	uint64_t count = 0;
	size_t len = make(run, key, &value);

	for (unsigned i = 0; i < TAGS; i++)
		if (value.tags >> i & 1)
			own[count++] = tags[i];
	int rc = sc_cache_put_with(run->cache, key_of(key, parts), &value, len,
		SC_PUT_OPTIONS(.tags = count ? own : NULL, .tag_count = count));
	check(rc == (is_in_scope(run) ? SC_OK : SC_E_SCOPE));
	if (rc == SC_OK)
		note(run, &value);
}

struct loading {
	struct run *run;
	uint8_t key;
	uint8_t does; /* before it gives the value */
	struct value value;
	size_t len;
};

static int load(struct sc_load *load, void *context)
{
	struct loading *loading = context;
	struct run *run = loading->run;

	loading->len = make(run, loading->key, &loading->value);
	note(run, &loading->value);
	for (unsigned i = 0; i < TAGS; i++)
		if (loading->value.tags >> i & 1)
			check(sc_load_add_tag(load, tags[i]) == 0);
	if (loading->does % 8 == 1)
		invalidate_tag(run, loading->does / 8);
	else if (loading->does % 8 == 2)
		invalidate_scope(run, loading->does / 8);
	else if (loading->does % 8 == 3)
		put(run, loading->key);
	return sc_load_set_value(load, &loading->value, loading->len);
}

static void fetch(struct run *run, uint8_t key)
{
	struct loading loading = { .run = run, .key = key, .does = next(&run->input) };
	bool was_in_scope = is_in_scope(run);
	struct sc_part parts[2];
	struct sc_value value;

	int rc = sc_cache_fetch_with(run->cache, key_of(key, parts),
		SC_FETCH_OPTIONS(.loader = load, .loader_context = &loading), &value, NULL);
	check_that((rc == SC_E_SCOPE) == !was_in_scope, "a scope is not checked");
	if (rc == SC_HIT)
		check_value(run, key, value.data, value.len);
	else if (rc == SC_LOADED)
		check_that(value.len == loading.len &&
				memcmp(value.data, &loading.value, value.len) == 0,
			"another value than was loaded");
	sc_value_release(&value);
}

static void invalidate(struct run *run, uint8_t key)
{
	struct sc_part parts[2];

	int rc = sc_cache_invalidate(run->cache, key_of(key, parts));
	check_that((rc == SC_E_SCOPE) == !is_in_scope(run), "a scope is not checked");
	if (rc >= 0)
		run->stored[run->place.tenant][run->place.user][key] = 0;
}

/* Each key that it gives must be one that this scope has. */
static void iterate(struct run *run)
{
	struct sc_iterator *iterator;
	const struct sc_key *key;
	struct sc_value value;

	int rc = sc_iterator_open(&iterator, run->cache);
	check(rc == (is_in_scope(run) ? 0 : SC_E_SCOPE));
	if (rc < 0)
		return;
	while (sc_iterator_next(iterator, &key) == SC_HIT) {
		int64_t number = (int64_t)key->parts[key->count - 1].number;
		check(number >= 0 && number < KEYS);
		/* A miss: a tag has ended it. */
		if (sc_cache_peek(run->cache, *key, &value) == SC_HIT)
			check_value(run, (uint8_t)number, value.data, value.len);
		sc_value_release(&value);
	}
	sc_iterator_close(iterator);
}

/* Capture what the thread is in, or work in what was captured. */
static void use_context(struct run *run, uint8_t key)
{
	struct place before = run->place;
	struct sc_context outer;

	if (next(&run->input) % 2 || !run->has_context) {
		sc_context_capture(&run->context);
		run->captured = run->place;
		run->has_context = true;
		return;
	}
	sc_context_enter(&run->context, &outer);
	run->place = run->captured;
	get(run, key);
	put(run, key);
	get(run, key);
	sc_context_leave(&outer);
	run->place = before;
}

static void step(struct run *run)
{
	uint8_t byte = next(&run->input), key = byte % KEYS;

	switch (byte / KEYS % 16) {
	case 0:
		begin_or_end(run);
		break;
	case 1:
	case 2:
		enter_user(run);
		break;
	case 3:
		leave_user(run);
		break;
	case 4:
	case 5:
		put(run, key);
		break;
	case 6:
		get(run, key);
		break;
	case 7:
	case 8:
		pin(run, key, byte / KEYS % 2);
		break;
	case 9:
	case 10:
		fetch(run, key);
		break;
	case 11:
		invalidate(run, key);
		break;
	case 12:
		iterate(run);
		break;
	case 13:
		use_context(run, key);
		break;
	case 14:
		invalidate_scope(run, next(&run->input));
		break;
	default:
		if (key < TAGS)
			invalidate_tag(run, key);
		else
			sc_maintain(0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .input = { data, data + size } };
	struct sc_scope outer;

	/* From then on a thread without a scope is refused, whatever the last input did. */
	check(sc_scope_enter(&outer, "somebody") == 0);
	sc_scope_leave(&outer);
	check(sc_cache_open(&run.cache,
		      SC_CACHE_OPTIONS(.max_bytes = 16 << 10, .tags = 1, .entry_bytes = 200),
		      NULL) == 0);
	while (run.input.at < run.input.end)
		step(&run);
	while (run.depth)
		leave_user(&run);
	if (run.is_running)
		begin_or_end(&run);
	for (unsigned i = 0; i <= TENANTS; i++)
		sc_scope_invalidate(tenants[i], NULL);
	sc_cache_close(run.cache);
	return 0;
}
