/* Time, as a property: random histories of freezes, of clocks that jump both ways, and of a cache
 * with all times of freshness.
 *
 * The test does not predict what a call returns. Each result claims something of an entry's age: a
 * hit that it is below the time to live, a load that it is not, and so on. The test asserts that
 * nothing is served later than docs/semantics.md promises ("How late"), and that nothing ends
 * earlier. Where one clock counts all freezes and is never set back (a witness), it also asserts
 * the short form of the promise, without the rules of readings: late by no more than what has
 * passed since the last reading, early by no more than clocks have jumped. */
#include "cache/cache_fixture.h"
#include "cache/invocation_edges.h"
#include "cache/jumping_clocks.h"
#include "support/random.h"
#include "support/seeded_runs.h"

#define KEYS 6

struct config {
	const char *name;
	struct sc_cache_options options;
	struct sct_clock_rules clocks;
	bool only_outside, only_inside; /* of invocations */
};

static int load(struct sc_load *load, void *context);

#define TIMES(...)                                                                                 \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), .max_bytes = 1 << 20, .loader = load,     \
		__VA_ARGS__                                                                        \
	}
#define ALL_TIMES                                                                                  \
	TIMES(.ttl_ms = 300, .stale_while_revalidate_ms = 150, .refresh_after_ms = 170,            \
		.stale_if_error_ms = 900, .retry_after_ms = 50, .negative_ttl_ms = 140)

#define NONE (-1)
#define JUMPS(clock)                                                                               \
	{                                                                                          \
		.witness = (clock), .most_jump = 800, .tick_ms = 4                                 \
	}

static const struct config configs[] = {
	{ "freezes that the wall clock counts", ALL_TIMES,
		.clocks = { .witness = SCT_REAL, .tick_ms = 4 } },
	{ "freezes that CLOCK_BOOTTIME counts", ALL_TIMES,
		.clocks = { .witness = SCT_BOOT, .tick_ms = 1 } },
	{ "freezes that CLOCK_MONOTONIC counts", ALL_TIMES,
		.clocks = { .witness = SCT_MONO, .tick_ms = 10 } },
	{ "jumps, and the wall clock is right", ALL_TIMES, .clocks = JUMPS(SCT_REAL) },
	{ "jumps, and CLOCK_BOOTTIME is right", ALL_TIMES, .clocks = JUMPS(SCT_BOOT) },
	{ "jumps, and CLOCK_MONOTONIC is right", ALL_TIMES, .clocks = JUMPS(SCT_MONO) },
	{ "no clock is right", ALL_TIMES, .clocks = JUMPS(NONE) },
	{ "no clock is right, and small differences", ALL_TIMES,
		.clocks = { .witness = NONE, .most_jump = 60, .small = true, .tick_ms = 10 } },
	{ "outside of invocations", ALL_TIMES, .clocks = JUMPS(NONE), .only_outside = true },
	{ "in invocations", ALL_TIMES, .clocks = JUMPS(NONE), .only_inside = true },
	{ "a clock of the user's own", ALL_TIMES,
		.clocks = { .witness = NONE, .most_jump = 800, .own_clock = true, .tick_ms = 4 } },
	{ "times to live alone", TIMES(.ttl_ms = 200), .clocks = JUMPS(NONE) },
	{ "stale values alone", TIMES(.ttl_ms = 200, .stale_while_revalidate_ms = 500),
		.clocks = JUMPS(SCT_BOOT) },
	{ "failures and absences alone", TIMES(.retry_after_ms = 70, .negative_ttl_ms = 200),
		.clocks = JUMPS(SCT_MONO) },
	{ "a long life, exact order",
		TIMES(.ttl_ms = 2000, .stale_if_error_ms = SC_NO_END, .policy = SC_POLICY_LRU),
		.clocks = { .witness = SCT_REAL, .most_jump = 800, .small = true, .tick_ms = 4 } },
};

enum kind { NOTHING, VALUE, ABSENCE, FAILURE, UNKNOWN };

struct entry {
	enum kind kind;
	uint64_t number; /* of the value */
	struct sct_moment since, failed;
	int64_t most_ms; /* the latest time of a call since then: it may have been removed */
	int64_t wait_ms; /* from `failed`; 0: no failure */
	unsigned failures;
	bool is_due; /* a fetch has asked for its refresh, for certain */
};

static struct {
	const struct config *config;
	struct sc_cache *cache;
	uint64_t random, numbers;
	struct entry entries[KEYS];
	/* The last load. */
	bool is_refreshing;
	int loads;
	enum kind gives;
	int64_t retry_after_ms;
	struct sct_moment began, ended;
	char failure[200]; /* the first; empty: none */
} run;

static int64_t below(int64_t bound)
{
	return (int64_t)sct_below(&run.random, (uint64_t)bound);
}

static int64_t greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t true_time(void *context)
{
	(void)context;
	return sct_clocks_true_ms();
}

/* Entries whose time is over may be removed by any call. */
static void age_all(const struct sct_moment *now)
{
	for (int i = 0; i < KEYS; i++)
		run.entries[i].most_ms = greater(run.entries[i].most_ms, now->most_ms);
}

/* ---- Claims ---- */

/* A failure is reported when the call has returned, because a loader must not leave by longjmp().
 */
static void note_failure(const char *what, int64_t ms, const char *than)
{
	if (!run.failure[0])
		snprintf(run.failure, sizeof run.failure, "%s: %lld ms %s", what, (long long)ms,
			than);
}

static void require(bool is_true, const char *what)
{
	if (!is_true && !run.failure[0])
		snprintf(run.failure, sizeof run.failure, "%s", what);
}

static int64_t ends_after(int64_t first_ms, int64_t second_ms)
{
	return first_ms > INT64_MAX - second_ms ? INT64_MAX : first_ms + second_ms;
}

/* The library behaves as if the time, from `since`, were not over. */
static void claim_before(const struct sct_moment *since, int64_t limit_ms,
	const struct sct_moment *now, const char *what)
{
	int64_t late_ms = limit_ms == INT64_MAX ? -1 : now->true_ms - since->true_ms - limit_ms;

	if (!sct_moment_is_before(since, limit_ms, now))
		note_failure(what, late_ms, "late, which is more than is promised");
	if (run.config->clocks.witness >= 0 &&
		late_ms >= now->behind_ms + since->ahead_ms + sct_moment_ignored_ms(since, now))
		note_failure(what, late_ms, "late, although one clock counted all");
}

/* The library behaves as if the time were over. */
static void claim_reached(const struct sct_moment *since, int64_t limit_ms, int64_t most_ms,
	const struct sct_moment *now, const char *what)
{
	int64_t early_ms = limit_ms - (now->true_ms - since->true_ms);

	if (!sct_moment_has_reached(since, limit_ms, most_ms, now))
		note_failure(what, early_ms, "early, which is more than is promised");
	if (run.config->clocks.witness >= 0 &&
		early_ms > since->behind_ms + (now->small_ms ? SCT_NOISE_MS : 0) +
				(sct_clocks_jumped_ms() - since->jumped_ms))
		note_failure(what, early_ms, "early, which is more than clocks have jumped");
}

static void claim_over(const struct entry *entry, int64_t limit_ms, const struct sct_moment *now,
	const char *what)
{
	claim_reached(&entry->since, limit_ms, now->most_ms, now, what);
}

/* It may have been removed at an earlier call, by whose time it was over. */
static void claim_gone(const struct entry *entry, int64_t limit_ms, const struct sct_moment *now,
	const char *what)
{
	claim_reached(&entry->since, limit_ms, greater(entry->most_ms, now->most_ms), now, what);
}

/* ---- The times ---- */

static int64_t fresh_ms(void)
{
	const struct sc_cache_options *options = &run.config->options;

	return options->ttl_ms ? options->ttl_ms : INT64_MAX;
}

static int64_t revalidate_ms(void)
{
	return ends_after(fresh_ms(), run.config->options.stale_while_revalidate_ms);
}

static int64_t error_ms(void)
{
	return ends_after(fresh_ms(), run.config->options.stale_if_error_ms);
}

static int64_t gone_ms(void)
{
	return greater(revalidate_ms(), error_ms());
}

static int64_t due_ms(void)
{
	int64_t after_ms = run.config->options.refresh_after_ms;

	return after_ms && after_ms < fresh_ms() ? after_ms : fresh_ms();
}

static bool keeps_notes(void)
{
	const struct sc_cache_options *options = &run.config->options;

	return options->stale_if_error_ms || options->stale_while_revalidate_ms ||
		options->refresh_after_ms || options->retry_after_ms || options->negative_ttl_ms;
}

static int64_t retry_ms(unsigned failures)
{
	const struct sc_cache_options *options = &run.config->options;
	int64_t own_ms = options->retry_after_ms;

	if (!own_ms &&
		(options->stale_if_error_ms || options->stale_while_revalidate_ms ||
			options->refresh_after_ms))
		own_ms = 1000;
	own_ms *= INT64_C(1) << (failures < 6 ? failures - 1 : 5);
	return greater(own_ms, run.retry_after_ms);
}

/* ---- Loads ---- */

static void begin_as(struct entry *entry, enum kind kind, const struct sct_moment *since)
{
	*entry = (struct entry){ .kind = kind,
		.number = run.numbers,
		.since = *since,
		.most_ms = since->most_ms };
}

/* A load begins: nothing that is there prevents it. */
static void claim_load(const struct entry *entry, const struct sct_moment *now)
{
	if (entry->wait_ms && entry->kind == VALUE &&
		!sct_moment_has_reached(&entry->since, gone_ms(), entry->most_ms, now))
		claim_reached(&entry->failed, entry->wait_ms, now->most_ms, now, "a retry");
	switch (entry->kind) {
	case VALUE:
		if (run.is_refreshing)
			claim_over(entry, due_ms(), now, "a refresh");
		else if (!sct_moment_has_reached(&entry->since, gone_ms(), entry->most_ms, now))
			claim_over(entry, revalidate_ms(), now, "a load of a value");
		break;
	case ABSENCE:
		claim_gone(entry, run.config->options.negative_ttl_ms, now, "a load of an absence");
		break;
	case FAILURE:
		claim_gone(entry, entry->wait_ms, now, "a load after a failure");
		break;
	default:
		break;
	}
}

/* A refresh failed, and its value goes on, if it is still there. */
static void fail_refresh(struct entry *entry)
{
	bool may_be_gone = sct_moment_has_reached(&entry->since, gone_ms(),
		greater(entry->most_ms, run.ended.most_ms), &run.ended);

	if (may_be_gone && sct_moment_is_before(&entry->since, gone_ms(), &run.ended)) {
		begin_as(entry, UNKNOWN, &run.ended);
		return;
	}
	if (may_be_gone)
		begin_as(entry, FAILURE, &run.ended);
	entry->is_due = false;
	entry->failed = run.ended;
	entry->wait_ms = retry_ms(++entry->failures);
}

static void end_refresh(struct entry *entry)
{
	if (run.gives == FAILURE)
		fail_refresh(entry);
	else
		begin_as(entry, run.gives, &run.ended);
}

static int load(struct sc_load *load, void *context)
{
	struct entry *entry = &run.entries[sc_load_number(load, 0)];

	(void)context;
	run.loads++;
	run.began = sct_moment_of_lookup();
	age_all(&run.began);
	claim_load(entry, &run.began);
	sct_clocks_pass(below(3) ? below(3) : below(30));
	sct_clocks_invocation_updated();
	run.ended = sct_moment_of_store();
	run.numbers++;
	run.gives = below(5) < 2 ? FAILURE : below(4) ? VALUE : ABSENCE;
	run.retry_after_ms = below(4) ? 0 : below(300);
	if (run.is_refreshing)
		end_refresh(entry);
	if (run.gives == VALUE)
		return sc_load_set_value(load, &run.numbers, sizeof run.numbers);
	if (run.gives == ABSENCE)
		return SC_E_ABSENT;
	sc_load_set_retry_after_ms(load, run.retry_after_ms);
	return sc_load_fail(load, -7, "no");
}

/* ---- Fetches ---- */

static bool may_be_waiting(const struct entry *entry, const struct sct_moment *now)
{
	return entry->wait_ms && sct_moment_is_before(&entry->failed, entry->wait_ms, now);
}

/* What a fetch found and returned without a load. */
static void claim_found(struct entry *entry, int rc, const struct sct_moment *now)
{
	switch (rc) {
	case SC_HIT:
		claim_before(&entry->since, fresh_ms(), now, "a hit");
		break;
	case SC_STALE:
		claim_over(entry, fresh_ms(), now, "a stale value");
		if (sct_moment_is_before(&entry->since, revalidate_ms(), now))
			break;
		claim_before(&entry->since, error_ms(), now, "a value after a failure");
		claim_before(&entry->failed, entry->wait_ms, now, "the wait of a stale value");
		break;
	case SC_E_ABSENT:
		require(entry->kind == ABSENCE, "an absence, where there is none");
		claim_before(&entry->since, run.config->options.negative_ttl_ms, now, "an absence");
		break;
	default:
		require(rc == SC_E_LOAD && entry->kind == FAILURE,
			"a failure, where there is none");
		claim_before(&entry->since, entry->wait_ms, now, "a failure");
	}
}

/* What a fetch returned after the load that it led. */
static void take_result(struct entry *entry, int rc, const struct sc_error *error)
{
	if (rc == SC_LOADED || rc == SC_E_ABSENT) {
		require(run.gives == (rc == SC_LOADED ? VALUE : ABSENCE), "the wrong result");
		begin_as(entry, run.gives, &run.ended);
		return;
	}
	require(run.gives == FAILURE, "a failure of a load that gave a value");
	if (rc == SC_STALE) {
		claim_before(&entry->since, error_ms(), &run.ended, "a value whose load failed");
		entry->failed = run.ended;
		entry->wait_ms = retry_ms(++entry->failures);
		return;
	}
	require(rc == SC_E_LOAD, "another failure than that of the load");
	if (entry->kind == VALUE)
		claim_gone(entry, error_ms(), &run.ended, "an error in place of a value");
	/* The value is still there where it may be stale for longer without an error. */
	bool may_remain = entry->kind == VALUE && revalidate_ms() > error_ms();
	bool is_noted = keeps_notes() && error->retry_after_ms > 0;
	begin_as(entry, may_remain ? UNKNOWN : is_noted ? FAILURE : NOTHING, &run.ended);
	entry->failed = run.ended;
	entry->wait_ms = error->retry_after_ms;
}

static void do_fetch(int key)
{
	struct entry *entry = &run.entries[key];
	struct sc_error error = { 0 };
	struct sc_value value;
	int before = run.loads;

	int rc = sc_cache_fetch(run.cache, SC_KEY(key), &value, &error);
	if (run.loads > before) {
		require(run.loads == before + 1, "two loads");
		take_result(entry, rc, &error);
		age_all(&run.ended);
	} else {
		struct sct_moment now = sct_moment_of_lookup();
		age_all(&now);
		if (rc > 0 && entry->kind != UNKNOWN)
			require(entry->kind == VALUE, "a value, where there is none");
		if (entry->kind != UNKNOWN)
			claim_found(entry, rc, &now);
		if (entry->kind == VALUE && !sct_moment_is_before(&entry->since, due_ms(), &now) &&
			!may_be_waiting(entry, &now))
			entry->is_due = true;
	}
	if (rc > 0 && entry->kind == VALUE)
		require(memcmp(value.data, &entry->number, sizeof entry->number) == 0,
			"the wrong value");
	sc_value_release(&value);
}

static void do_get(int key)
{
	struct entry *entry = &run.entries[key];
	uint64_t number;
	size_t len;

	int rc = sc_cache_get(run.cache, SC_KEY(key), &number, sizeof number, &len);
	struct sct_moment now = sct_moment_of_lookup();
	age_all(&now);
	if (entry->kind == UNKNOWN)
		return;
	if (rc == SC_HIT) {
		require(entry->kind == VALUE && number == entry->number, "the wrong value");
		claim_before(&entry->since, fresh_ms(), &now, "a get");
	} else if (entry->kind == VALUE) {
		require(rc == SC_MISS, "a get failed");
		if (!sct_moment_has_reached(&entry->since, gone_ms(), entry->most_ms, &now))
			claim_over(entry, fresh_ms(), &now, "a miss");
	}
}

static void do_put(int key)
{
	run.numbers++;
	int rc = sc_cache_put(run.cache, SC_KEY(key), &run.numbers, sizeof run.numbers);
	require(rc == SC_OK, "a put failed");
	struct sct_moment now = sct_moment_of_store();
	age_all(&now);
	begin_as(&run.entries[key], VALUE, &now);
}

/* ---- Refreshes ---- */

/* A value whose refresh was asked for, and which is due now too, was refreshed. */
static void claim_no_refresh_missed(const struct sct_moment *began, const struct sct_moment *ended)
{
	for (int i = 0; i < KEYS; i++) {
		struct entry *entry = &run.entries[i];
		bool was_asked = entry->is_due;
		entry->is_due = false;
		if (was_asked && entry->kind == VALUE && !may_be_waiting(entry, began) &&
			!sct_moment_has_reached(&entry->since, gone_ms(), entry->most_ms, ended))
			claim_before(&entry->since, due_ms(), began,
				"a value that was not refreshed");
	}
}

/* Run them by sc_maintain(), or at the end of an invocation. */
static void run_refreshes(void (*call)(void))
{
	struct sct_moment began = sct_moment_of_lookup();

	age_all(&began);
	run.is_refreshing = true;
	call();
	run.is_refreshing = false;
	struct sct_moment ended = sct_moment_of_lookup();
	age_all(&ended);
	claim_no_refresh_missed(&began, &ended);
}

static void maintain(void)
{
	require(sc_maintain(10000) == 0, "a refresh was left");
}

static void end_invocation(void)
{
	sct_invocation_end(SC_NO_DEADLINE);
}

static void do_maintain(int key)
{
	(void)key;
	run_refreshes(maintain);
}

static void do_edge(int key)
{
	(void)key;
	if (sct_clocks_in_invocation()) {
		if (run.config->only_inside && below(4))
			return;
		run_refreshes(end_invocation);
		sct_clocks_invocation_ended();
		if (!run.config->only_inside)
			return;
		sct_clocks_freeze();
	}
	if (run.config->only_outside)
		return;
	sct_invocation_begin(SC_NO_DEADLINE);
	sct_clocks_invocation_begun();
}

static void do_update(int key)
{
	(void)key;
	sc_time_update();
	sct_clocks_invocation_updated();
}

/* ---- Time ---- */

static void do_pass(int key)
{
	sct_clocks_pass(key ? below(40) : below(400));
}

static void do_freeze(int key)
{
	(void)key;
	sct_clocks_freeze();
}

static void do_jump(int key)
{
	(void)key;
	sct_clocks_jump();
}

static const struct sct_operation operations[] = {
	{ 50, do_fetch },
	{ 20, do_get },
	{ 3, do_put },
	{ 10, do_maintain },
	{ 10, do_edge },
	{ 3, do_update },
	{ 25, do_pass },
	{ 4, do_freeze },
	{ 3, do_jump },
};

static void live(const void *config, uint64_t seed, long count)
{
	memset(&run, 0, sizeof run);
	run.config = config;
	run.random = seed;
	sct_clocks_start(&run.config->clocks, &run.random);
	const struct sc_clock own = { .now_ms = true_time };
	struct sc_cache_options options = run.config->options;
	options.clock = run.config->clocks.own_clock ? &own : NULL;
	run.cache = sct_cache_open(&options);
	sc_time_update();
	for (long i = 0; i < count && !run.failure[0]; i++)
		sct_pick_operation(operations, sizeof operations / sizeof operations[0],
			&run.random)
			->call((int)below(KEYS));
	if (sct_clocks_in_invocation())
		run_refreshes(end_invocation);
	unsigned long long evictions = sct_stats(run.cache).evictions;
	sc_cache_close(run.cache);
	if (run.failure[0])
		fail_msg("%s", run.failure);
	assert_int_equal(evictions, 0);
}

int main(void)
{
	return sct_seeded_runs_main(&(const struct sct_seeded_runs){
		.configs = configs,
		.config_size = sizeof configs[0],
		.count = sizeof configs / sizeof configs[0],
		.seeds = 200,
		.operations = 300,
		.run = live,
	});
}
