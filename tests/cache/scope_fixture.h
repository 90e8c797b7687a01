/* Helpers for the tests of scopes: a cache with a loader, and who uses it. */
#ifndef SCT_SCOPE_FIXTURE_H
#define SCT_SCOPE_FIXTURE_H

#include "cache/cache_fixture.h"

#include <scopecache/scope.h>

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	_Atomic int loads;
	int64_t remaining_ms;
	size_t parts;
	void (*then)(void);
	char value[64];
} the;

static inline int load(struct sc_load *load, void *context)
{
	(void)context;
	the.loads++;
	the.parts = sc_load_key(load)->count;
	the.remaining_ms = sc_load_remaining_ms(load);
	if (the.then)
		the.then();
	return sc_load_set_value(load, the.value, strlen(the.value));
}

static inline void open_with(struct sc_cache_options options)
{
	options.loader = load;
	options.max_bytes = 1 << 20;
	options.clock = sct_clock_of(&the.now_ms);
	the.cache = sct_cache_open(&options);
}

static inline int set_up(void **state)
{
	(void)state;
	memset(&the, 0, sizeof the);
	the.now_ms = 1000;
	strcpy(the.value, "loaded");
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = 1000));
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_stats(the.cache).pinned, 0);
	sc_cache_close(the.cache);
	return 0;
}

static inline void reopen(const struct sc_cache_options *options)
{
	sc_cache_close(the.cache);
	open_with(*options);
}

static inline void begin(const char *tenant)
{
	const struct sc_invocation_info info = { .size = sizeof info,
		.remaining_ms = 100000,
		.tenant_id = tenant };

	sc_cache_hooks()->invocation_begin(sc_cache_hooks()->context, &info);
}

static inline void end(void)
{
	const struct sc_invocation_info info = { .size = sizeof info };

	sc_cache_hooks()->invocation_end(sc_cache_hooks()->context, &info);
}

static inline struct sc_scope enter(const char *user)
{
	struct sc_scope outer;

	assert_int_equal(sc_scope_enter(&outer, user), 0);
	return outer;
}

static inline void put_as(const char *user, const char *text)
{
	struct sc_scope outer = enter(user);

	assert_int_equal(sct_put(the.cache, SC_KEY("key"), text), SC_OK);
	sc_scope_leave(&outer);
}

static inline void assert_get_as(const char *user, const char *text)
{
	struct sc_scope outer = enter(user);

	sct_assert_get(the.cache, SC_KEY("key"), text);
	sc_scope_leave(&outer);
}

/* Every call that takes a key. */
static inline void assert_refused_after(int loads)
{
	const struct sc_key keys[] = { SC_KEY("key") };
	struct sc_iterator *iterator;
	struct sc_fetch_result result;
	struct sc_error error = { 0 };
	struct sc_value value;
	char buffer[8];
	size_t len;

	assert_int_equal(sc_cache_get(the.cache, keys[0], buffer, 8, &len), SC_E_SCOPE);
	assert_int_equal(sc_cache_acquire(the.cache, keys[0], &value), SC_E_SCOPE);
	assert_int_equal(sc_cache_peek(the.cache, keys[0], &value), SC_E_SCOPE);
	assert_int_equal(sct_put(the.cache, keys[0], "x"), SC_E_SCOPE);
	assert_int_equal(sc_cache_invalidate(the.cache, keys[0]), SC_E_SCOPE);
	assert_int_equal(sc_cache_fetch(the.cache, keys[0], &value, &error), SC_E_SCOPE);
	assert_int_equal(error.code, SC_E_SCOPE);
	assert_non_null(strstr(error.message, "the thread is in no scope"));
	assert_int_equal(sc_cache_update(the.cache, keys[0], load, NULL, NULL, NULL), SC_E_SCOPE);
	assert_int_equal(sc_cache_fetch_many(the.cache, keys, 1, NULL, &result), 0);
	assert_int_equal(result.outcome, SC_E_SCOPE);
	assert_int_equal(sc_iterator_open(&iterator, the.cache), SC_E_SCOPE);
	assert_null(iterator);
	assert_int_equal(the.loads, loads);
}

static inline void assert_refused(void)
{
	assert_refused_after(0);
}

#endif
