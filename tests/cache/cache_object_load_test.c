/* Objects that loaders give to the caller, to waiters and to the cache, or to none of them: the
 * last reference frees the object. */
#include "cache/fetch_with_loader.h"
#include "cache/counted_object.h"
#include "support/threads.h"

#define WEIGHT 1000

struct script {
	struct sc_cache *cache;
	struct sct_counted_object thing[3];
	unsigned gives; /* how many of the objects the loader gives */
	bool then_text; /* it gives a text after them */
	int result;
	uint64_t weight;
	void (*also)(struct sc_load *load, struct script *script);
};

static int play(struct sc_load *load, void *context)
{
	struct script *script = context;

	for (unsigned i = 0; i < script->gives; i++) {
		struct sc_object object = sct_object_of(&script->thing[i], script->weight);
		script->thing[i].cache = script->cache;
		sct_check(sc_load_set_object(load, &object) == 0);
	}
	if (script->also)
		script->also(load, script);
	if (script->then_text)
		sct_check(sc_load_set_value(load, "text", 4) == 0);
	return script->result;
}

static int set_up(void **state)
{
	static struct script script;

	script = (struct script){ .gives = 1, .weight = WEIGHT };
	script.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10));
	*state = &script;
	return 0;
}

static void close_cache(struct script *script)
{
	for (unsigned i = 0; i < 3; i++)
		script->thing[i].cache = NULL;
	sc_cache_close(script->cache);
	script->cache = NULL;
}

static int tear_down(void **state)
{
	struct script *script = *state;

	close_cache(script);
	for (unsigned i = 0; i < script->gives; i++)
		assert_int_equal(script->thing[i].freed, 1);
	return 0;
}

static int fetch(struct script *script, struct sc_value *value)
{
	return sct_fetch(script->cache, SC_KEY("thing"), play, script, value, NULL);
}

static void loaded_then_found(void **state)
{
	struct script *script = *state;
	struct sc_value loaded, found;

	assert_int_equal(fetch(script, &loaded), SC_LOADED);
	sct_assert_counted_object(&loaded, &script->thing[0]);
	assert_int_equal(fetch(script, &found), SC_HIT);
	sct_assert_counted_object(&found, &script->thing[0]);
	assert_int_equal(sct_stats(script->cache).loads, 1);
	assert_true(sct_stats(script->cache).bytes >= WEIGHT);
	sc_value_release(&loaded);
	close_cache(script);
	sct_assert_counted_object(&found, &script->thing[0]);
	sc_value_release(&found);
}

static void an_object_of_a_failed_load_is_freed(void **state)
{
	struct script *script = *state;
	struct sc_value value;

	script->result = -5;
	assert_int_equal(fetch(script, &value), SC_E_LOAD);
	sct_assert_no_value(&value);
	assert_int_equal(script->thing[0].freed, 1);
	assert_int_equal(sct_stats(script->cache).entries, 0);
}

static void the_last_value_that_a_loader_gives_is_stored(void **state)
{
	struct script *script = *state;
	struct sc_value value;

	script->gives = 3;
	assert_int_equal(fetch(script, &value), SC_LOADED);
	sct_assert_counted_object(&value, &script->thing[2]);
	assert_int_equal(script->thing[0].freed, 1);
	assert_int_equal(script->thing[1].freed, 1);
	sc_value_release(&value);
	assert_int_equal(script->thing[2].freed, 0);
}

static void a_value_in_place_of_an_object(void **state)
{
	struct script *script = *state;
	struct sc_value value;

	script->then_text = true;
	assert_int_equal(fetch(script, &value), SC_LOADED);
	sct_assert_value(&value, "text");
	assert_int_equal(script->thing[0].freed, 1);
	sc_value_release(&value);
	sct_assert_get(script->cache, SC_KEY("thing"), "text");
}

static void give_text_first(struct sc_load *load, struct script *script)
{
	struct sc_object object = sct_object_of(&script->thing[1], WEIGHT);
	void *data;

	script->thing[1].cache = script->cache;
	assert_int_equal(sc_load_reserve(load, 100, &data), 0);
	memset(data, 1, 100);
	assert_int_equal(script->thing[0].freed, 1);
	assert_int_equal(sc_load_set_object(load, &object), 0);
	/* An invalid object is refused and changes nothing. */
	assert_int_equal(sc_load_set_object(load, NULL), SC_E_INVAL);
	object.pointer = NULL;
	assert_int_equal(sc_load_set_object(load, &object), SC_E_INVAL);
}

static void an_object_in_place_of_a_value(void **state)
{
	struct script *script = *state;
	struct sc_value value;

	script->also = give_text_first;
	assert_int_equal(fetch(script, &value), SC_LOADED);
	sct_assert_counted_object(&value, &script->thing[1]);
	sc_value_release(&value);
	script->gives = 2;
}

static void invalidate(struct sc_load *load, struct script *script)
{
	(void)load;
	assert_int_equal(sc_cache_invalidate(script->cache, SC_KEY("thing")), SC_MISS);
}

static void clear(struct sc_load *load, struct script *script)
{
	(void)load;
	sc_cache_clear(script->cache);
}

static void put_a_text(struct sc_load *load, struct script *script)
{
	(void)load;
	assert_int_equal(sct_put(script->cache, SC_KEY("thing"), "put"), SC_OK);
}

static void do_not_store(struct sc_load *load, struct script *script)
{
	(void)script;
	sc_load_set_ttl_ms(load, -1);
}

static void weigh_too_much(struct sc_load *load, struct script *script)
{
	struct sc_object object = sct_object_of(&script->thing[0], 1 << 20);

	script->thing[0].freed = -1; /* giving the same object again frees it once */
	assert_int_equal(sc_load_set_object(load, &object), 0);
	assert_int_equal(script->thing[0].freed, 0);
}

static void an_object_that_is_not_stored_is_freed_by_its_caller(void **state)
{
	void (*const reasons[])(struct sc_load *, struct script *) = { invalidate, clear,
		put_a_text, do_not_store, weigh_too_much };
	struct script *script = *state;
	struct sc_value value;

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		script->thing[0].freed = 0;
		script->also = reasons[i];
		assert_int_equal(fetch(script, &value), SC_LOADED);
		sct_assert_counted_object(&value, &script->thing[0]);
		assert_int_equal(sct_stats(script->cache).entries, reasons[i] == put_a_text);
		sc_cache_clear(script->cache);
		sct_assert_counted_object(&value, &script->thing[0]);
		sc_value_release(&value);
		assert_int_equal(script->thing[0].freed, 1);
	}
}

/* ---- Threads ---- */

#define WAITERS 6

static struct {
	struct script *script;
	struct sc_value value[WAITERS];
} party;

static void wait_for_the_others(struct sc_load *load, struct script *script)
{
	(void)load;
	(void)script;
	sct_until(sct_threads_waiting() == WAITERS - 1);
}

static void fetch_and_hold(unsigned number, void *arg)
{
	int rc = fetch(arg, &party.value[number]);

	sct_check(rc == SC_LOADED);
	sct_check(party.value[number].data == &party.script->thing[0]);
	sct_check(party.script->thing[0].freed == 0);
}

static void release(unsigned number, void *arg)
{
	(void)arg;
	sc_value_release(&party.value[number]);
}

static void waiters_share_one_object(void **state)
{
	struct script *script = *state;

	party.script = script;
	script->also = wait_for_the_others;
	sct_threads_run(WAITERS, fetch_and_hold, script);
	assert_int_equal(sct_stats(script->cache).loads, 1);
	assert_int_equal(sct_stats(script->cache).load_waits, WAITERS - 1);
	assert_int_equal(sc_cache_invalidate(script->cache, SC_KEY("thing")), SC_HIT);
	assert_int_equal(script->thing[0].freed, 0);
	sct_threads_run(WAITERS, release, NULL);
	assert_int_equal(script->thing[0].freed, 1);
}

static void wait_and_invalidate(struct sc_load *load, struct script *script)
{
	wait_for_the_others(load, script);
	sct_check(sc_cache_invalidate(script->cache, SC_KEY("thing")) == SC_MISS);
}

static void waiters_get_an_object_that_is_not_stored(void **state)
{
	struct script *script = *state;

	party.script = script;
	script->also = wait_and_invalidate;
	sct_threads_run(WAITERS, fetch_and_hold, script);
	assert_int_equal(sct_stats(script->cache).entries, 0);
	assert_int_equal(script->thing[0].freed, 0);
	sct_threads_run(WAITERS, release, NULL);
	assert_int_equal(script->thing[0].freed, 1);
}

static void fetch_in_vain(unsigned number, void *arg)
{
	sct_check(fetch(arg, &party.value[number]) == SC_E_LOAD);
	sct_check(!party.value[number].data);
}

static void waiters_get_no_object_from_a_failed_load(void **state)
{
	struct script *script = *state;

	script->also = wait_for_the_others;
	script->result = -1;
	sct_threads_run(WAITERS, fetch_in_vain, script);
	assert_int_equal(script->thing[0].freed, 1);
}

#define with_script(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_script(loaded_then_found),
		with_script(an_object_of_a_failed_load_is_freed),
		with_script(the_last_value_that_a_loader_gives_is_stored),
		with_script(a_value_in_place_of_an_object),
		with_script(an_object_in_place_of_a_value),
		with_script(an_object_that_is_not_stored_is_freed_by_its_caller),
		with_script(waiters_share_one_object),
		with_script(waiters_get_an_object_that_is_not_stored),
		with_script(waiters_get_no_object_from_a_failed_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
