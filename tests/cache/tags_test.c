/* Tags: what is invalidated together, also while it is loaded, and a random history. */
#include "cache/tags.h"
#include "cache/cache_fixture.h"
#include "cache/counted_object.h"
#include "cache/handle.h"
#include "cache/out_of_memory.h"
#include "support/random.h"
#include "support/threads.h"

#include <pthread.h>
#include <stdio.h>

enum { TTL = 1000 };

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	const char *tags[SC_TAGS_MAX + 1]; /* of what is loaded, up to NULL */
	bool is_absent, fails, says_unchanged;
	_Atomic int loads;
	_Atomic bool inside, waits;
	void (*then)(void);
} the;

static int load(struct sc_load *load, void *context)
{
	(void)context;
	the.loads++;
	for (int i = 0; the.tags[i]; i++)
		sct_check(sc_load_add_tag(load, the.tags[i]) == 0);
	if (the.then)
		the.then();
	the.inside = true;
	sct_until(!the.waits);
	the.inside = false;
	if (the.fails)
		return sc_load_fail(load, -1, "down");
	if (the.is_absent)
		return SC_E_ABSENT;
	if (the.says_unchanged && sc_load_old(load))
		return sc_load_set_unchanged(load);
	sct_check(sc_load_set_validator(load, "v1") == 0);
	return sc_load_set_value(load, "value", 5);
}

static void open_with(struct sc_cache_options options)
{
	options.loader = load;
	options.tags = 1;
	options.clock = sct_clock_of(&the.now_ms);
	the.cache = sct_cache_open(&options);
}

static int set_up(void **state)
{
	(void)state;
	memset(&the, 0, sizeof the);
	the.now_ms = 1000;
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = 10 * TTL,
		.negative_ttl_ms = TTL));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_stats(the.cache).pinned, 0);
	sc_cache_close(the.cache);
	return 0;
}

static unsigned slot_of(const char *tag)
{
	struct sci_entry_tags own = { 0 };

	assert_int_equal(sci_entry_tags_add(&own, the.cache, tag), 0);
	return own.slots[0];
}

/* Names of tags that share no slot, which the process's secret decides. */
static const char *tag(unsigned number)
{
	static char names[16][32];
	unsigned tries = 0;

	for (unsigned i = 0; i <= number; i++) {
		bool is_new;
		do {
			snprintf(names[i], sizeof names[i], "tag %u", tries++);
			is_new = true;
			for (unsigned j = 0; j < i; j++)
				is_new &= slot_of(names[i]) != slot_of(names[j]);
		} while (!is_new);
	}
	return names[number];
}

static int put(int key, const char *one, const char *other)
{
	const char *const tags[] = { one, other };

	return sc_cache_put_with(the.cache, SC_KEY(key), "put", 3,
		SC_PUT_OPTIONS(.tags = tags, .tag_count = one ? other ? 2 : 1 : 0));
}

static void invalidate(unsigned number)
{
	assert_int_equal(sc_cache_invalidate_tag(the.cache, tag(number)), 0);
}

static void assert_fetch(int outcome, int loads)
{
	struct sc_value value;
	int before = the.loads;

	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL), outcome);
	assert_int_equal(the.loads - before, loads);
	if (outcome > 0)
		sct_assert_value(&value, "value");
	sc_value_release(&value);
}

static void what_has_the_tag_is_gone(void **state)
{
	struct sc_value value;

	(void)state;
	assert_int_equal(put(1, tag(0), NULL), SC_OK);
	assert_int_equal(put(2, tag(0), tag(1)), SC_OK);
	assert_int_equal(put(3, tag(1), NULL), SC_OK);
	assert_int_equal(put(4, NULL, NULL), SC_OK);
	assert_int_equal(sct_put(the.cache, SC_KEY(5), "put"), SC_OK);
	invalidate(0);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
	assert_int_equal(sc_cache_peek(the.cache, SC_KEY(2), &value), SC_MISS);
	assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(2), &value), SC_MISS);
	for (int i = 3; i < 6; i++)
		sct_assert_get(the.cache, SC_KEY(i), "put");
	/* What is put from now on is there. */
	assert_int_equal(put(1, tag(0), NULL), SC_OK);
	sct_assert_get(the.cache, SC_KEY(1), "put");
	invalidate(1);
	sct_assert_get(the.cache, SC_KEY(1), "put");
	sct_assert_get(the.cache, SC_KEY(3), NULL);
}

static void each_of_eight_tags_ends_it(void **state)
{
	const char *tags[SC_TAGS_MAX + 1];

	(void)state;
	for (unsigned i = 0; i <= SC_TAGS_MAX; i++)
		tags[i] = tag(i);
	for (unsigned i = 0; i < SC_TAGS_MAX; i++) {
		assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "eight", 5,
					 SC_PUT_OPTIONS(.tags = tags, .tag_count = SC_TAGS_MAX,
						 .validator = "v1")),
			SC_OK);
		sct_assert_get(the.cache, SC_KEY(1), "eight");
		invalidate(SC_TAGS_MAX);
		sct_assert_get(the.cache, SC_KEY(1), "eight");
		invalidate(i);
		sct_assert_get(the.cache, SC_KEY(1), NULL);
	}
	assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "nine", 4,
				 SC_PUT_OPTIONS(.tags = tags, .tag_count = SC_TAGS_MAX + 1)),
		SC_E_TOO_LARGE);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
}

static void what_is_loaded_has_tags_too(void **state)
{
	(void)state;
	the.tags[0] = tag(0);
	the.tags[1] = tag(1);
	assert_fetch(SC_LOADED, 1);
	assert_fetch(SC_HIT, 0);
	invalidate(1);
	assert_fetch(SC_LOADED, 1);
	/* It is not served as a stale value is, and no old value for a validator. */
	invalidate(0);
	the.fails = true;
	assert_fetch(SC_E_LOAD, 1);
	sc_cache_clear(the.cache);
	the.fails = false;
	assert_fetch(SC_LOADED, 1);
	/* An unchanged value keeps its tags. */
	the.says_unchanged = true;
	the.now_ms += TTL;
	assert_fetch(SC_LOADED, 1);
	assert_int_equal(sct_stats(the.cache).unchanged, 1);
	assert_fetch(SC_HIT, 0);
	invalidate(0);
	assert_fetch(SC_LOADED, 1);
	assert_int_equal(sct_stats(the.cache).unchanged, 1);
}

static void an_absence_has_tags_too(void **state)
{
	(void)state;
	the.tags[0] = tag(0);
	the.is_absent = true;
	assert_fetch(SC_E_ABSENT, 1);
	assert_fetch(SC_E_ABSENT, 0);
	invalidate(1);
	assert_fetch(SC_E_ABSENT, 0);
	invalidate(0);
	the.is_absent = false;
	assert_fetch(SC_LOADED, 1);
}

static void invalidate_first(void)
{
	the.then = NULL;
	sct_check(sc_cache_invalidate_tag(the.cache, the.tags[0]) == 0);
}

static void what_is_loading_is_not_stored(void **state)
{
	(void)state;
	the.tags[0] = tag(0);
	the.then = invalidate_first;
	assert_fetch(SC_LOADED, 1);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
	assert_fetch(SC_LOADED, 1);
	assert_fetch(SC_HIT, 0);
	/* An update starts over. */
	the.then = invalidate_first;
	int before = the.loads;
	assert_int_equal(sc_cache_update(the.cache, SC_KEY(1), load, NULL, NULL, NULL), SC_LOADED);
	assert_int_equal(the.loads - before, 2);
	sct_assert_get(the.cache, SC_KEY(1), "value");
}

static void *fetch_on_a_thread(void *outcome)
{
	struct sc_value value;

	*(int *)outcome = sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL);
	sc_value_release(&value);
	return NULL;
}

/* Who comes after the invalidation must not get what was loaded before it. */
static void those_who_wait_load_again(void **state)
{
	pthread_t leader, waiter;
	int outcomes[2];

	(void)state;
	the.tags[0] = tag(0);
	the.waits = true;
	assert_int_equal(pthread_create(&leader, NULL, fetch_on_a_thread, &outcomes[0]), 0);
	sct_until(the.inside);
	invalidate(0);
	assert_int_equal(pthread_create(&waiter, NULL, fetch_on_a_thread, &outcomes[1]), 0);
	sct_until(sct_threads_waiting() == 1);
	the.waits = false;
	pthread_join(leader, NULL);
	pthread_join(waiter, NULL);
	assert_int_equal(outcomes[0], SC_LOADED);
	assert_int_equal(outcomes[1], SC_LOADED);
	assert_int_equal(the.loads, 2);
	assert_fetch(SC_HIT, 0);
}

static void objects_have_tags_too(void **state)
{
	struct sct_counted_object thing = { .freed = 0 };
	const struct sc_object object = sct_object_of(&thing, 10);
	const char *const tags[] = { tag(0) };
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_cache_put_object(the.cache, SC_KEY(1), &object,
				 SC_PUT_OPTIONS(.tags = tags, .tag_count = 1)),
		SC_OK);
	assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(1), &value), SC_HIT);
	sct_assert_counted_object(&value, &thing);
	sc_value_release(&value);
	invalidate(0);
	assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(1), &value), SC_MISS);
	assert_int_equal(thing.freed, 1);
}

static int adds_to_none(struct sc_load *load, void *context)
{
	(void)context;
	assert_int_equal(sc_load_add_tag(load, "tag"), SC_E_INVAL);
	return sc_load_set_value(load, "value", 5);
}

static void what_cannot_be_a_tag(void **state)
{
	const char *const none[] = { NULL }, *const empty[] = { "" }, *const good[] = { "tag" };
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_cache_invalidate_tag(the.cache, NULL), SC_E_INVAL);
	assert_int_equal(sc_cache_invalidate_tag(the.cache, ""), SC_E_INVAL);
	assert_int_equal(put(1, "", NULL), SC_E_INVAL);
	assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "x", 1,
				 SC_PUT_OPTIONS(.tags = none, .tag_count = 1)),
		SC_E_INVAL);
	assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "x", 1,
				 SC_PUT_OPTIONS(.tags = empty, .tag_count = 1)),
		SC_E_INVAL);
	assert_int_equal(
		sc_cache_put_with(the.cache, SC_KEY(1), "x", 1, SC_PUT_OPTIONS(.tag_count = 1)),
		SC_E_INVAL);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
	sc_cache_close(the.cache);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.track_age = 1, .loader = adds_to_none));
	assert_int_equal(sc_cache_invalidate_tag(the.cache, "tag"), SC_E_INVAL);
	assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "x", 1,
				 SC_PUT_OPTIONS(.tags = good, .tag_count = 1)),
		SC_E_INVAL);
	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL), SC_LOADED);
	sc_value_release(&value);
}

/* A table of what is there, with the tags of each. */
static void a_random_history(void **state)
{
	enum { KEYS = 20, TAGS = 8 };
	static struct {
		bool is_there;
		unsigned tags[2];
	} entries[KEYS];
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		int key = (int)sct_below(&random, KEYS);
		unsigned one = (unsigned)sct_below(&random, TAGS);
		unsigned other = (unsigned)sct_below(&random, TAGS);
		switch (sct_below(&random, 8)) {
		case 0:
			invalidate(one);
			for (int k = 0; k < KEYS; k++)
				entries[k].is_there &=
					entries[k].tags[0] != one && entries[k].tags[1] != one;
			break;
		case 1:
		case 2:
			assert_int_equal(put(key, tag(one), tag(other)), SC_OK);
			entries[key].is_there = true;
			entries[key].tags[0] = one;
			entries[key].tags[1] = other;
			break;
		default:
			sct_assert_get(the.cache, SC_KEY(key),
				entries[key].is_there ? "put" : NULL);
		}
	}
}

static void open_and_close(void *context)
{
	(void)context;
	struct sc_cache *cache =
		sct_try_to_open(SC_CACHE_OPTIONS(.tags = 1, .max_bytes = 64 << 10));
	sc_cache_close(cache);
}

static void without_memory_it_does_not_open(void **state)
{
	(void)state;
	sct_fail_each_allocation(open_and_close, NULL);
}

/* What was put before an invalidation, as its own thread knows, is never seen after it. */
static void invalidate_on_a_thread(unsigned number, void *arg)
{
	char name[16];
	char buffer[8];
	size_t len;

	(void)arg;
	snprintf(name, sizeof name, "own %u", number);
	const char *const tags[] = { name };
	for (int i = 0; i < 1000; i++) {
		sct_check(sc_cache_put_with(the.cache, SC_KEY(number), "put", 3,
				  SC_PUT_OPTIONS(.tags = tags, .tag_count = 1)) == SC_OK);
		sc_cache_get(the.cache, SC_KEY((int)(number + 1) % 4), buffer, sizeof buffer, &len);
		sct_check(sc_cache_invalidate_tag(the.cache, name) == 0);
		sct_check(sc_cache_get(the.cache, SC_KEY(number), buffer, sizeof buffer, &len) ==
			SC_MISS);
	}
}

static void threads_invalidate_together(void **state)
{
	(void)state;
	sct_threads_run(4, invalidate_on_a_thread, NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(what_has_the_tag_is_gone),
		CASE(each_of_eight_tags_ends_it),
		CASE(what_is_loaded_has_tags_too),
		CASE(an_absence_has_tags_too),
		CASE(what_is_loading_is_not_stored),
		CASE(those_who_wait_load_again),
		CASE(objects_have_tags_too),
		CASE(what_cannot_be_a_tag),
		CASE(a_random_history),
		CASE(without_memory_it_does_not_open),
		CASE(threads_invalidate_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
