/* The checker rejects exactly the histories that no cache can have produced: histories written by
 * hand, one for each fault, and thousands of small random ones, for which the test tries all
 * orders. */
#include "cache/history.h"

#include "support/cmocka.h"
#include "support/random.h"

#include <stdio.h>
#include <string.h>

#define EVENTS_MAX 12

struct example {
	const char *what; /* NULL: nothing is wrong */
	bool is_lossless;
	struct sct_event events[EVENTS_MAX]; /* ends with one that is all zero */
};

#define OLDER "a value older than a change that was complete"

static const struct example examples[] = {
	{ NULL, true, { { .end = 1, .kind = SCT_MISS } } },
	{ NULL, true,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .value = 7, .kind = SCT_READ } } },
	{ "a value that nobody wrote", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .value = 8, .kind = SCT_READ } } },
	/* Another key's value. */
	{ "a value that nobody wrote", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .value = 7, .key = 1, .kind = SCT_READ } } },
	{ "a value that was written twice", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .value = 7, .kind = SCT_PUT } } },
	{ "a value from the future", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_READ },
			{ .start = 3, .end = 4, .value = 7, .kind = SCT_PUT } } },
	{ OLDER, false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .value = 8, .kind = SCT_PUT },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	/* The same is right while the newer put is still in progress. */
	{ NULL, true,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 7, .value = 8, .kind = SCT_PUT },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	/* But not after another read has returned the newer value. */
	{ "two values at one time", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 20, .value = 8, .kind = SCT_PUT },
			{ .start = 4, .end = 5, .value = 8, .kind = SCT_READ },
			{ .start = 6, .end = 7, .value = 7, .kind = SCT_READ },
			{ .start = 8, .end = 9, .value = 8, .kind = SCT_READ } } },
	{ "a value that comes back by itself", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 20, .value = 8, .kind = SCT_PUT },
			{ .start = 4, .end = 5, .value = 8, .kind = SCT_READ },
			{ .start = 6, .end = 7, .value = 7, .kind = SCT_READ } } },
	{ OLDER, false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .kind = SCT_DROP },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	{ OLDER, false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .key = SCT_ALL_KEYS, .kind = SCT_DROP },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	/* Evicted, and found again later. */
	{ "a value that comes back by itself", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .kind = SCT_MISS },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	{ NULL, true,
		{ { .start = 1, .end = 9, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .kind = SCT_MISS },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	/* A miss where nothing was evicted. */
	{ "a value that got lost", true,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .kind = SCT_MISS } } },
	{ "a value that got lost", true,
		{ { .start = 1, .end = 2, .kind = SCT_DROP },
			{ .start = 3, .end = 4, .value = 7, .kind = SCT_PUT },
			{ .start = 5, .end = 6, .kind = SCT_MISS } } },
	{ "a value that got lost", true,
		{ { .start = 3, .end = 4, .value = 7, .kind = SCT_PUT },
			{ .start = 5, .end = 8, .loading = 6, .value = 8, .kind = SCT_LOAD },
			{ .start = 7, .end = 9, .kind = SCT_DROP } } },
	{ NULL, true,
		{ { .start = 1, .end = 6, .kind = SCT_DROP },
			{ .start = 3, .end = 4, .value = 7, .kind = SCT_PUT },
			{ .start = 5, .end = 8, .kind = SCT_MISS } } },
	{ NULL, true,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .key = SCT_ALL_KEYS, .kind = SCT_DROP },
			{ .start = 5, .end = 6, .kind = SCT_MISS } } },
	/* Others find a loaded value before its own caller has it. */
	{ NULL, true,
		{ { .start = 1, .end = 20, .loading = 3, .value = 7, .kind = SCT_LOAD },
			{ .start = 2, .end = 21, .value = 7, .kind = SCT_AWAIT },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	/* An invalidated load is stored, or given to an event that begins later. */
	{ OLDER, false,
		{ { .start = 1, .end = 20, .loading = 3, .value = 7, .kind = SCT_LOAD },
			{ .start = 5, .end = 6, .kind = SCT_DROP },
			{ .start = 7, .end = 8, .value = 7, .kind = SCT_READ } } },
	{ OLDER, false,
		{ { .start = 1, .end = 20, .loading = 3, .value = 7, .kind = SCT_LOAD },
			{ .start = 5, .end = 6, .value = 8, .kind = SCT_PUT },
			{ .start = 7, .end = 21, .value = 7, .kind = SCT_AWAIT } } },
	/* A waiter that began before the change may get it. */
	{ NULL, true,
		{ { .start = 1, .end = 20, .loading = 3, .value = 7, .kind = SCT_LOAD },
			{ .start = 5, .end = 6, .value = 8, .kind = SCT_PUT },
			{ .start = 4, .end = 21, .value = 7, .kind = SCT_AWAIT },
			{ .start = 10, .end = 11, .value = 8, .kind = SCT_READ } } },
	/* A load while the key certainly had a value. */
	{ "a value that comes back by itself", false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 20, .loading = 4, .value = 8, .kind = SCT_LOAD },
			{ .start = 5, .end = 6, .value = 7, .kind = SCT_READ } } },
	{ "a value that outlived its time", false,
		{ { .start = 1, .end = 2, .value = 7, .expires = 9, .kind = SCT_PUT },
			{ .start = 8, .end = 10, .value = 7, .kind = SCT_READ },
			{ .start = 9, .end = 11, .value = 7, .kind = SCT_READ } } },
	/* The idle time is five stamps; each use extends it, also a concurrent one. */
	{ NULL, false,
		{ { .start = 1, .end = 2, .value = 7, .idle = 5, .kind = SCT_PUT },
			{ .start = 6, .end = 8, .value = 7, .kind = SCT_READ },
			{ .start = 12, .end = 30, .value = 7, .kind = SCT_READ },
			{ .start = 14, .end = 15, .value = 7, .kind = SCT_READ },
			{ .start = 34, .end = 35, .value = 7, .kind = SCT_READ } } },
	{ NULL, false,
		{ { .start = 1, .end = 20, .value = 7, .idle = 5, .kind = SCT_PUT },
			{ .start = 24, .end = 30, .value = 7, .kind = SCT_READ },
			{ .start = 40, .end = 45, .value = 7, .kind = SCT_READ },
			{ .start = 44, .end = 46, .value = 7, .kind = SCT_READ },
			{ .start = 34, .end = 36, .value = 7, .kind = SCT_READ } } },
	{ "a value that nobody had used for too long", false,
		{ { .start = 1, .end = 2, .value = 7, .idle = 5, .kind = SCT_PUT },
			{ .start = 7, .end = 8, .value = 7, .kind = SCT_READ } } },
	{ "a value that nobody had used for too long", false,
		{ { .start = 1, .end = 2, .value = 7, .idle = 5, .kind = SCT_PUT },
			{ .start = 6, .end = 8, .value = 7, .kind = SCT_READ },
			{ .start = 3, .end = 4, .value = 8, .key = 1, .kind = SCT_PUT },
			{ .start = 11, .end = 12, .value = 8, .key = 1, .kind = SCT_READ },
			{ .start = 13, .end = 14, .value = 7, .kind = SCT_READ } } },
	/* A miss between two values of one key is possible. */
	{ NULL, false,
		{ { .start = 1, .end = 2, .value = 7, .kind = SCT_PUT },
			{ .start = 3, .end = 4, .value = 7, .kind = SCT_READ },
			{ .start = 5, .end = 6, .kind = SCT_MISS },
			{ .start = 7, .end = 8, .value = 8, .kind = SCT_PUT },
			{ .start = 9, .end = 10, .value = 8, .kind = SCT_READ } } },
};

static size_t count_of(const struct sct_event *events)
{
	size_t count = 0;

	while (count < EVENTS_MAX && events[count].end)
		count++;
	return count;
}

static void the_check_finds_each_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		struct example example = examples[i];
		struct sct_fault fault = { 0 };
		size_t count = count_of(example.events);
		bool good = sct_history_check(example.events, count, example.is_lossless, &fault);
		const char *found = good ? "good" : fault.what;
		const char *wanted = example.what ? example.what : "good";
		if (strcmp(found, wanted) != 0)
			fail_msg("example %zu: %s instead of %s", i, found, wanted);
		if (!good)
			sct_fault_print(&fault);
	}
}

/* ---- All orders ---- */

#define SMALL_MAX 7

struct search {
	const struct sct_event *events;
	size_t count;
	bool is_lossless;
};

/* Whether the remaining events are possible in some order, starting with `value` in the cache (0:
 * none). An event can be the next if none of the others must precede it. */
static bool can_go_on(const struct search *search, unsigned left, uint64_t value)
{
	if (left == 0)
		return true;
	for (size_t i = 0; i < search->count; i++) {
		const struct sct_event *event = &search->events[i];
		bool is_next = left >> i & 1;
		for (size_t j = 0; j < search->count && is_next; j++)
			if (left >> j & 1 && search->events[j].end < event->start)
				is_next = false;
		uint64_t after = event->kind == SCT_PUT ? event->value
			: event->kind == SCT_READ       ? value
							: 0;
		if (event->kind == SCT_READ)
			is_next = is_next && event->value == value;
		if (event->kind == SCT_MISS && search->is_lossless)
			is_next = is_next && value == 0;
		if (is_next && can_go_on(search, left & ~(1u << i), after))
			return true;
	}
	return false;
}

static void shuffle(uint64_t *random, unsigned char *of, size_t count)
{
	for (size_t i = 0; i < count; i++)
		of[i] = (unsigned char)(i + 1);
	for (size_t i = count; i > 1; i--) {
		size_t j = sct_below(random, i);
		unsigned char swapped = of[i - 1];
		of[i - 1] = of[j];
		of[j] = swapped;
	}
}

static size_t make_small_history(uint64_t *random, struct sct_event *events)
{
	static const enum sct_event_kind kinds[] = { SCT_PUT, SCT_PUT, SCT_READ, SCT_READ, SCT_READ,
		SCT_MISS, SCT_DROP };
	size_t count = 2 + sct_below(random, SMALL_MAX - 1),
	       spread = 1 + sct_below(random, 2 * count);
	unsigned char stamps[2 * SMALL_MAX + 2];

	shuffle(random, stamps, 2 * count);
	for (size_t i = 0; i < count; i++) {
		uint64_t a = stamps[2 * i], b = stamps[2 * i + 1];
		events[i] = (struct sct_event){
			.start = a < b ? a : b,
			.end = a < b ? b : a,
			.kind = kinds[sct_below(random, sizeof kinds / sizeof kinds[0])],
			.value = i + 1,
		};
		/* Some histories have only short events. */
		if (events[i].end - events[i].start > spread)
			events[i].end = events[i].start;
		if (events[i].kind == SCT_READ)
			events[i].value = 1 + sct_below(random, count);
	}
	return count;
}

static bool reads_what_was_put(const struct sct_event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (events[i].kind == SCT_READ && events[events[i].value - 1].kind != SCT_PUT)
			return false;
	return true;
}

static void the_check_agrees_with_all_orders(void **state)
{
	uint64_t random = 1;
	unsigned good = 0, bad = 0, lost = 0, unseen = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct sct_event events[SMALL_MAX], sorted[SMALL_MAX];
		size_t count = make_small_history(&random, events);
		struct search search = { events, count, false };
		struct sct_fault fault;
		if (!reads_what_was_put(events, count))
			continue;
		memcpy(sorted, events, sizeof sorted);
		bool possible = can_go_on(&search, (1u << count) - 1, 0);
		if (sct_history_check(sorted, count, false, &fault) != possible)
			fail_msg("random history %d of %zu events", i, count);
		good += possible;
		bad += !possible;
		if (!possible)
			continue;
		/* The check for lost values is simpler: it misses some faults, but never reports a
		 * false one. */
		search.is_lossless = true;
		possible = can_go_on(&search, (1u << count) - 1, 0);
		bool checked = sct_history_check(sorted, count, true, &fault);
		assert_true(checked || !possible);
		lost += !checked;
		unseen += checked && !possible;
	}
	printf("%u possible, %u not, %u of the possible with a loss, %u unseen\n", good, bad, lost,
		unseen);
	assert_true(good > 1000 && bad > 1000 && lost > 1000 && unseen < lost / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_check_finds_each_fault),
		cmocka_unit_test(the_check_agrees_with_all_orders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
