/* Fetches with a loader whose behaviour the test sets. */
#ifndef SCT_SCRIPTED_LOADER_H
#define SCT_SCRIPTED_LOADER_H

#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"

/* What the loader does, and how often it was called. */
struct sct_script {
	struct sc_cache *cache;
	const char *text; /* the value to give; NULL: none */
	int result;
	int calls;
	void (*also)(struct sc_load *load, struct sct_script *script);
};

static inline int sct_play(struct sc_load *load, void *context)
{
	struct sct_script *script = context;

	script->calls++;
	if (script->also)
		script->also(load, script);
	if (script->text)
		assert_int_equal(sc_load_set_value(load, script->text, strlen(script->text)), 0);
	return script->result;
}

/* For `also`: change the key that is being loaded. */
static inline void sct_also_invalidate(struct sc_load *load, struct sct_script *script)
{
	assert_int_equal(sc_cache_invalidate(script->cache, *sc_load_key(load)), SC_MISS);
}

static inline void sct_also_put(struct sc_load *load, struct sct_script *script)
{
	assert_int_equal(sct_put(script->cache, *sc_load_key(load), "put"), SC_OK);
}

static inline void sct_also_clear(struct sc_load *load, struct sct_script *script)
{
	(void)load;
	sc_cache_clear(script->cache);
}

static inline int sct_script_open(void **state)
{
	static struct sct_script script;

	script = (struct sct_script){ .cache = sct_cache_open(NULL), .text = "loaded" };
	*state = &script;
	return 0;
}

static inline int sct_script_close(void **state)
{
	struct sct_script *script = *state;
	struct sc_cache_stats stats = sct_stats(script->cache);

	assert_int_equal(stats.loads + stats.load_failures + stats.load_absences, script->calls);
	assert_int_equal(stats.pinned, 0);
	sc_cache_close(script->cache);
	return 0;
}

static inline void sct_assert_fetches(struct sct_script *script, struct sc_key key, int outcome,
	const char *text)
{
	struct sc_error error = { .code = 77 };
	struct sc_value value = { .len = 5 };

	int rc = sct_fetch(script->cache, key, sct_play, script, &value, &error);
	if (rc < 0)
		fail_msg("%s", error.message);
	assert_int_equal(rc, outcome);
	sct_assert_value(&value, text);
	assert_int_equal(error.code, 77);
	sc_value_release(&value);
	sct_assert_no_value(&value);
	sc_value_release(&value);
}

static inline void sct_assert_fails(struct sct_script *script, struct sc_key key, int code,
	int user_code, const char *message)
{
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 5 };

	assert_int_equal(sct_fetch(script->cache, key, sct_play, script, &value, &error), code);
	sct_assert_no_value(&value);
	assert_int_equal(error.code, code);
	assert_int_equal(error.user_code, user_code);
	assert_int_equal(error.os_errno, 0);
	assert_string_equal(error.message, message);
	value.len = 5;
	assert_int_equal(sct_fetch(script->cache, key, sct_play, script, &value, NULL), code);
	sct_assert_no_value(&value);
}

#endif
