/* Random histories of a cache with all options of freshness, and with times and validators of
 * single entries, compared with the rules written down once more, in the plainest way. Nothing is
 * evicted. Time jumps as it does for a process that is frozen, also back. */
#include "cache/cache_fixture.h"
#include "support/random.h"
#include "support/seeded_runs.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS 12

static int load(struct sc_load *load, void *context);

struct config {
	const char *name;
	struct sc_cache_options options;
};

#define OPTIONS(...)                                                                               \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), .max_bytes = 1 << 20, __VA_ARGS__         \
	}

static const struct config configs[] = {
	{ "everything",
		OPTIONS(.ttl_ms = 100, .stale_if_error_ms = 400, .retry_after_ms = 20,
			.negative_ttl_ms = 60) },
	{ "stale values", OPTIONS(.ttl_ms = 100, .stale_if_error_ms = 150) },
	{ "for ever", OPTIONS(.ttl_ms = 50, .stale_if_error_ms = SC_NO_END) },
	{ "waits", OPTIONS(.ttl_ms = 100, .retry_after_ms = 30) },
	{ "absences", OPTIONS(.negative_ttl_ms = 80) },
	{ "ages", OPTIONS(.ttl_ms = 100, .track_age = 1) },
	{ "refreshes",
		OPTIONS(.ttl_ms = 100, .stale_while_revalidate_ms = 60, .refresh_after_ms = 40,
			.loader = load) },
	{ "everything and refreshes",
		OPTIONS(.ttl_ms = 100, .stale_while_revalidate_ms = 50, .refresh_after_ms = 70,
			.stale_if_error_ms = 30, .retry_after_ms = 20, .negative_ttl_ms = 60,
			.loader = load) },
	{ "exact order",
		OPTIONS(.ttl_ms = 100, .stale_if_error_ms = 400, .retry_after_ms = 20,
			.negative_ttl_ms = 60, .policy = SC_POLICY_LRU) },
};

enum kind { NOTHING, VALUE, ABSENCE, FAILURE };

struct entry {
	enum kind kind;
	uint64_t number; /* of the value */
	int64_t stored_ms, fresh_until_ms, gone_at_ms, retry_at_ms;
	int64_t refresh_at_ms, revalidate_until_ms;
	bool is_for_errors; /* it may be returned when loads fail */
	uint64_t validator; /* 0: none */
	unsigned failures;
	uint64_t generation;
	bool is_requested; /* its refresh */
};

static struct {
	const struct config *config;
	struct sc_cache *cache;
	uint64_t random, numbers;
	_Atomic int64_t now_ms;
	struct entry entries[KEYS], before[KEYS]; /* their last loads */
	/* The present load. */
	enum kind gives;
	struct sc_put_options own; /* the times of the entry that it stores */
	uint64_t validator;        /* and its validator; 0: none */
	bool says_unchanged;       /* of an old value */
	int64_t retry_after_ms;
	int loads;
	unsigned outcomes[16], refreshes, unchanged;
} run;

static int64_t below(uint64_t bound)
{
	return (int64_t)sct_below(&run.random, bound);
}

static int64_t later(int64_t time_ms, int64_t by_ms)
{
	return by_ms > INT64_MAX - time_ms ? INT64_MAX : time_ms + by_ms;
}

static const char *text_of(uint64_t validator)
{
	static char text[32];

	snprintf(text, sizeof text, "\"v%llu\"", (unsigned long long)validator);
	return validator ? text : NULL;
}

/* A load is given the old value, stale or not, and its validator. */
static void assert_old(const struct sc_load *load)
{
	const struct entry *entry = &run.before[sc_load_number(load, 0)];
	const struct sc_value *old = sc_load_old(load);
	const char *validator = sc_load_old_validator(load);

	assert_int_equal(old != NULL, entry->kind == VALUE);
	if (!old) {
		assert_null(validator);
		return;
	}
	assert_int_equal(old->len, sizeof entry->number);
	assert_memory_equal(old->data, &entry->number, sizeof entry->number);
	if (entry->validator)
		assert_string_equal(validator, text_of(entry->validator));
	else
		assert_null(validator);
}

static int load(struct sc_load *load, void *context)
{
	(void)context;
	run.loads++;
	assert_old(load);
	sc_load_set_ttl_ms(load, run.own.ttl_ms);
	sc_load_set_refresh_after_ms(load, run.own.refresh_after_ms);
	sc_load_set_stale_while_revalidate_ms(load, run.own.stale_while_revalidate_ms);
	sc_load_set_stale_if_error_ms(load, run.own.stale_if_error_ms);
	assert_int_equal(sc_load_set_validator(load, text_of(run.validator)), 0);
	if (run.gives == VALUE && run.says_unchanged && sc_load_old(load))
		return sc_load_set_unchanged(load);
	if (run.gives == VALUE)
		return sc_load_set_value(load, &run.numbers, sizeof run.numbers);
	if (run.gives == ABSENCE)
		return SC_E_ABSENT;
	sc_load_set_retry_after_ms(load, run.retry_after_ms);
	return sc_load_fail(load, -7, "no");
}

/* ---- The rules ---- */

static int64_t own_retry_after_ms(void)
{
	const struct sc_cache_options *options = &run.config->options;

	if (options->retry_after_ms)
		return options->retry_after_ms;
	return options->stale_if_error_ms || options->stale_while_revalidate_ms ||
			options->refresh_after_ms
		? 1000
		: 0;
}

static int64_t own_or(int64_t own_ms, int64_t of_cache_ms)
{
	return own_ms == 0 ? of_cache_ms : own_ms < 0 ? 0 : own_ms;
}

/* Begin the times of an entry. */
static void renew(struct entry *entry)
{
	const struct sc_cache_options *options = &run.config->options;
	int64_t ttl_ms = own_or(run.own.ttl_ms, options->ttl_ms ? options->ttl_ms : SC_NO_END);
	int64_t error_ms = own_or(run.own.stale_if_error_ms, options->stale_if_error_ms);
	int64_t revalidate_ms =
		own_or(run.own.stale_while_revalidate_ms, options->stale_while_revalidate_ms);
	int64_t after_ms = own_or(run.own.refresh_after_ms, options->refresh_after_ms);

	if (!options->loader)
		revalidate_ms = after_ms = 0;
	entry->stored_ms = run.now_ms;
	entry->fresh_until_ms = later(run.now_ms, ttl_ms);
	entry->refresh_at_ms = after_ms ? later(run.now_ms, after_ms) : INT64_MAX;
	entry->revalidate_until_ms = later(entry->fresh_until_ms, revalidate_ms);
	entry->is_for_errors = error_ms > 0;
	entry->gone_at_ms =
		later(entry->fresh_until_ms, error_ms > revalidate_ms ? error_ms : revalidate_ms);
	entry->retry_at_ms = INT64_MIN;
	entry->failures = 0;
}

static void store(struct entry *entry)
{
	entry->kind = VALUE;
	entry->number = run.numbers;
	entry->validator = run.validator;
	entry->generation = 0;
	renew(entry);
}

/* What remains is the request of a refresh. */
static void forget(struct entry *entry)
{
	*entry = (struct entry){ .is_requested = entry->is_requested };
}

static void forget_what_is_gone(struct entry *entry)
{
	if (entry->kind != NOTHING && run.now_ms >= entry->gone_at_ms)
		forget(entry);
}

/* Whether it may be returned because of a load that failed. */
static bool may_be_stale(const struct entry *entry)
{
	return entry->is_for_errors && run.now_ms < entry->retry_at_ms &&
		run.now_ms < entry->gone_at_ms;
}

static int fail_to_load(struct entry *entry)
{
	unsigned doublings = entry->failures < 5 ? entry->failures : 5;
	int64_t wait_ms = own_retry_after_ms() << doublings;

	if (run.retry_after_ms > wait_ms)
		wait_ms = run.retry_after_ms;
	if (entry->kind != VALUE && wait_ms == 0)
		return SC_E_LOAD;
	entry->failures++;
	entry->retry_at_ms = later(run.now_ms, wait_ms);
	if (entry->refresh_at_ms < entry->fresh_until_ms)
		entry->refresh_at_ms = entry->retry_at_ms;
	if (entry->kind == VALUE)
		return entry->is_for_errors ? SC_STALE : SC_E_LOAD;
	entry->kind = FAILURE;
	entry->gone_at_ms = later(entry->retry_at_ms, wait_ms);
	return SC_E_LOAD;
}

static int load_into(struct entry *entry)
{
	const struct sc_cache_options *options = &run.config->options;

	run.before[entry - run.entries] = *entry;
	if (run.gives == FAILURE)
		return fail_to_load(entry);
	bool is_unchanged = run.gives == VALUE && run.says_unchanged && entry->kind == VALUE;
	run.unchanged += is_unchanged;
	if (run.gives == VALUE && run.own.ttl_ms < 0) {
		forget(entry);
		return SC_LOADED;
	}
	if (is_unchanged) {
		renew(entry);
		return SC_LOADED;
	}
	if (run.gives == VALUE) {
		store(entry);
		return SC_LOADED;
	}
	forget(entry);
	int64_t keep_ms = own_or(run.own.ttl_ms, options->negative_ttl_ms);
	if (keep_ms) {
		entry->kind = ABSENCE;
		entry->gone_at_ms = later(run.now_ms, keep_ms);
	}
	return SC_E_ABSENT;
}

/* Whether a value has to be refreshed. */
static bool is_due(const struct entry *entry)
{
	if (!run.config->options.loader)
		return false;
	return entry->kind == VALUE && run.now_ms >= entry->retry_at_ms &&
		(run.now_ms >= entry->fresh_until_ms || run.now_ms >= entry->refresh_at_ms);
}

/* What a fetch returns, and whether it loads. */
static int expect(struct entry *entry, int64_t max_age_ms, bool force, bool *loads)
{
	forget_what_is_gone(entry);
	bool is_young = !force && (max_age_ms == 0 || run.now_ms - entry->stored_ms <= max_age_ms);
	*loads = false;
	if (entry->kind == ABSENCE && !force)
		return SC_E_ABSENT;
	if (entry->kind == FAILURE && run.now_ms < entry->retry_at_ms)
		return SC_E_LOAD;
	if (entry->kind == VALUE && is_young && run.now_ms < entry->fresh_until_ms)
		return SC_HIT;
	if (entry->kind == VALUE && is_young && run.now_ms < entry->revalidate_until_ms)
		return SC_STALE;
	if (entry->kind == VALUE && may_be_stale(entry))
		return SC_STALE;
	*loads = true;
	return load_into(entry);
}

/* ---- Operations ---- */

static void assert_value(struct entry *entry, const struct sc_value *value, int outcome)
{
	int64_t age_ms = run.now_ms - entry->stored_ms;

	assert_int_equal(value->len, sizeof entry->number);
	assert_memory_equal(value->data, &entry->number, sizeof entry->number);
	assert_true(value->generation > 0);
	if (entry->generation)
		assert_int_equal(value->generation, entry->generation);
	entry->generation = value->generation;
	assert_int_equal(value->age_ms, age_ms > 0 ? age_ms : 0);
	assert_true(value->remaining_ms ==
		(entry->fresh_until_ms == INT64_MAX ? SC_NO_END
						    : entry->fresh_until_ms - run.now_ms));
	assert_true(outcome == SC_STALE || value->remaining_ms > 0);
}

static int64_t draw_own_ms(int64_t most_ms)
{
	return below(3) ? 0 : below(8) == 0 ? -1 : 1 + below((uint64_t)most_ms);
}

/* What a load or a put gives the entry. */
static void draw_entry(void)
{
	run.numbers++;
	run.validator = below(2) ? run.numbers : 0;
	run.own = *SC_PUT_OPTIONS(.ttl_ms = below(4) ? 0 : 1 + below(200),
		.refresh_after_ms = draw_own_ms(100), .stale_while_revalidate_ms = draw_own_ms(80),
		.stale_if_error_ms = draw_own_ms(200));
}

static void draw_load(void)
{
	draw_entry();
	run.own.ttl_ms = below(10) ? run.own.ttl_ms : -1;
	run.says_unchanged = below(2);
	run.gives = below(3) ? FAILURE : below(3) ? VALUE : ABSENCE;
	run.retry_after_ms = below(4) ? 0 : below(300);
}

static void do_fetch(int key)
{
	struct entry *entry = &run.entries[key];
	struct sc_value value;
	bool loads, force = below(20) == 0;
	int64_t max_age_ms = below(4) ? 0 : 1 + below(60);
	int before = run.loads;

	draw_load();
	int expected = expect(entry, max_age_ms, force, &loads);
	bool requests = expected > 0 && !loads && is_due(entry);
	int rc = sc_cache_fetch_with(run.cache, SC_KEY(key),
		SC_FETCH_OPTIONS(.loader = load, .max_age_ms = max_age_ms, .force = force), &value,
		NULL);
	assert_int_equal(rc, expected);
	assert_int_equal(run.loads - before, loads);
	run.outcomes[rc + 12]++;
	entry->is_requested |= requests;
	if (rc > 0 && entry->kind == VALUE)
		assert_value(entry, &value, rc);
	else if (rc > 0)
		assert_int_equal(rc, SC_LOADED); /* and it was not to be stored */
	sc_value_release(&value);
}

static void do_get(int key)
{
	struct entry *entry = &run.entries[key];
	uint64_t number;
	size_t len;

	forget_what_is_gone(entry);
	bool is_there = entry->kind == VALUE && run.now_ms < entry->fresh_until_ms;
	int rc = sc_cache_get(run.cache, SC_KEY(key), &number, sizeof number, &len);
	assert_int_equal(rc, is_there ? SC_HIT : SC_MISS);
	if (rc == SC_HIT)
		assert_int_equal(number, entry->number);
}

static void do_put(int key)
{
	draw_entry();
	run.own.validator = text_of(run.validator);
	assert_int_equal(sc_cache_put_with(run.cache, SC_KEY(key), &run.numbers, sizeof run.numbers,
				 &run.own),
		SC_OK);
	store(&run.entries[key]);
}

static void do_invalidate(int key)
{
	sc_cache_invalidate(run.cache, SC_KEY(key));
	forget(&run.entries[key]);
}

/* All refreshes that fetches have asked for, if they are still due. */
static void do_refresh(int key)
{
	int before = run.loads, due = 0;

	(void)key;
	draw_load();
	for (int i = 0; i < KEYS; i++) {
		struct entry *entry = &run.entries[i];
		forget_what_is_gone(entry);
		if (entry->is_requested && is_due(entry)) {
			load_into(entry);
			due++;
		}
		entry->is_requested = false;
	}
	assert_int_equal(sc_maintain(10000), 0);
	assert_int_equal(run.loads - before, due);
	run.refreshes += (unsigned)due;
}

/* A clock that went back shows what is fresh again, but not what was removed meanwhile: so nothing
 * is left that had ended before. */
static void do_pass_time(int key)
{
	int64_t before = run.now_ms;

	run.now_ms += key % 3 ? below(20) : below(300);
	for (int i = 0; i < KEYS; i++)
		forget_what_is_gone(&run.entries[i]);
	sc_cache_maintain(run.cache, 1000);
	if (key == 1)
		run.now_ms = before + (run.now_ms - before) / 2;
}

static const struct sct_operation operations[] = {
	{ 60, do_fetch },
	{ 20, do_get },
	{ 5, do_put },
	{ 3, do_invalidate },
	{ 25, do_pass_time },
	{ 8, do_refresh },
};

static void follow_the_rules(const void *config, uint64_t seed, long count)
{
	struct sc_cache_options options;

	memset(&run, 0, sizeof run);
	run.config = config;
	run.random = seed;
	run.now_ms = 1000;
	options = run.config->options;
	options.clock = sct_clock_of(&run.now_ms);
	run.cache = sct_cache_open(&options);
	for (long i = 0; i < count; i++)
		sct_pick_operation(operations, sizeof operations / sizeof operations[0],
			&run.random)
			->call((int)below(KEYS));
	assert_true(run.outcomes[SC_LOADED + 12] > 0 && run.outcomes[SC_E_LOAD + 12] > 0);
	assert_true(run.outcomes[SC_STALE + 12] > 0 && run.unchanged > 0);
	assert_int_equal(run.refreshes > 0, options.loader != NULL);
	assert_int_equal(sct_stats(run.cache).unchanged, run.unchanged);
	assert_int_equal(sct_stats(run.cache).refreshes, run.refreshes);
	assert_int_equal(sct_stats(run.cache).evictions, 0);
	sc_cache_close(run.cache);
}

int main(void)
{
	return sct_seeded_runs_main(&(const struct sct_seeded_runs){
		.configs = configs,
		.config_size = sizeof configs[0],
		.count = sizeof configs / sizeof configs[0],
		.seeds = 4,
		.operations = 20000,
		.run = follow_the_rules,
	});
}
