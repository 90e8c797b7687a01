/* A check of linearizability (Herlihy and Wing 1990) by zones (Gibbons and Korach 1997).
 *
 * A key of a cache is a register that may lose its value at any time. Each value is written once,
 * so the write of every read is known, and the check takes O(n log n).
 *
 * The zone of a value is the interval between the first end and the last start among its write and
 * its reads. If the end comes first, the key had this value during the whole zone: no other such
 * zone may overlap it, and no event that needs another value, or none, may be wholly inside it.
 * Otherwise any one moment of the zone that is not inside such a zone of another value is enough. A
 * history that keeps these two rules is linearizable, and one that breaks them is not.
 *
 * A change after a loader began invalidates the load: an event that begins after the change must
 * not see the loaded value, neither in the cache nor by waiting. A waiter of a load has seen a
 * miss, but not necessarily the last one.
 *
 * No event that begins after the expiry of a value, or after its idle time, may see it. */
#include "cache/history.h"

#include "support/cmocka.h"

#include <inttypes.h>
#include <stdio.h>

/* The key certainly had the value from `from` to `to`. */
struct zone {
	uint64_t from, to;
	const struct sct_event *event;
};

/* An interval, and the latest `low` of all up to this one in the order of `high`. */
struct span {
	uint64_t high, low, low_max;
	const struct sct_event *event, *event_max;
};

struct proof {
	const struct sct_event *events; /* of one key, by their starts */
	size_t count;
	bool is_lossless;
	struct zone *zones; /* of the writes, by value; then only those with from < to, by `from` */
	struct zone *moments; /* the zones of which one moment is enough */
	size_t write_count, zone_count, moment_count;
	struct span *changes;          /* puts and drops, by their ends */
	struct span *drops;            /* by their starts, for the latest end */
	struct span *puts;             /* by their ends, for the latest start */
	const struct sct_event **uses; /* writes and reads, by value, then by their starts */
	size_t change_count, drop_count, put_count, use_count;
	struct sct_fault *fault;
};

static bool wrong(struct proof *proof, const char *what, const struct sct_event *first,
	const struct sct_event *second)
{
	*proof->fault = (struct sct_fault){ what, *first, *second };
	return false;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_key_and_start(const void *a, const void *b)
{
	const struct sct_event *one = a, *other = b;
	int by_key = compare(one->key, other->key);

	return by_key ? by_key : compare(one->start, other->start);
}

static int by_value(const void *a, const void *b)
{
	return compare(((const struct zone *)a)->event->value,
		((const struct zone *)b)->event->value);
}

static int by_value_and_start(const void *a, const void *b)
{
	const struct sct_event *one = *(const struct sct_event *const *)a,
			       *other = *(const struct sct_event *const *)b;
	int by_values = compare(one->value, other->value);

	return by_values ? by_values : compare(one->start, other->start);
}

static int by_from(const void *a, const void *b)
{
	return compare(((const struct zone *)a)->from, ((const struct zone *)b)->from);
}

static int by_high(const void *a, const void *b)
{
	return compare(((const struct span *)a)->high, ((const struct span *)b)->high);
}

static void add(struct span *spans, size_t *count, uint64_t high, uint64_t low,
	const struct sct_event *event)
{
	spans[(*count)++] = (struct span){ .high = high, .low = low, .event = event };
}

static void set_maxima(struct span *spans, size_t count)
{
	qsort(spans, count, sizeof *spans, by_high);
	for (size_t i = 0; i < count; i++) {
		const struct span *before = i > 0 ? &spans[i - 1] : NULL;
		bool is_later = !before || spans[i].low > before->low_max;
		spans[i].low_max = is_later ? spans[i].low : before->low_max;
		spans[i].event_max = is_later ? spans[i].event : before->event_max;
	}
}

/* The last span whose `high` is less, or NULL. Its maximum is over all such. */
static const struct span *last_below(const struct span *spans, size_t count, uint64_t bound)
{
	size_t from = 0, to = count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (spans[middle].high < bound)
			from = middle + 1;
		else
			to = middle;
	}
	return from > 0 ? &spans[from - 1] : NULL;
}

static void sort_events(struct proof *proof)
{
	for (size_t i = 0; i < proof->count; i++) {
		const struct sct_event *event = &proof->events[i];
		if (event->kind == SCT_PUT || event->kind == SCT_LOAD)
			proof->zones[proof->write_count++] =
				(struct zone){ event->end, event->start, event };
		if (event->kind == SCT_PUT || event->kind == SCT_DROP)
			add(proof->changes, &proof->change_count, event->end, event->start, event);
		if (event->kind == SCT_PUT)
			add(proof->puts, &proof->put_count, event->end, event->start, event);
		if (event->kind == SCT_DROP)
			add(proof->drops, &proof->drop_count, event->start, event->end, event);
		if (event->kind == SCT_PUT || event->kind == SCT_LOAD || event->kind == SCT_READ)
			proof->uses[proof->use_count++] = event;
	}
	qsort(proof->uses, proof->use_count, sizeof(const struct sct_event *), by_value_and_start);
	qsort(proof->zones, proof->write_count, sizeof *proof->zones, by_value);
	set_maxima(proof->changes, proof->change_count);
	set_maxima(proof->puts, proof->put_count);
	set_maxima(proof->drops, proof->drop_count);
}

static struct zone *zone_of(const struct proof *proof, uint64_t value)
{
	size_t from = 0, to = proof->write_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (proof->zones[middle].event->value < value)
			from = middle + 1;
		else
			to = middle;
	}
	return from < proof->write_count && proof->zones[from].event->value == value
		? &proof->zones[from]
		: NULL;
}

/* Compare a read with its write and with the changes that ended before it. */
static bool check_read(struct proof *proof, const struct sct_event *read)
{
	struct zone *zone = zone_of(proof, read->value);
	if (!zone)
		return wrong(proof, "a value that nobody wrote", read, read);

	const struct sct_event *write = zone->event;
	const struct span *change = last_below(proof->changes, proof->change_count, read->start);
	uint64_t written = write->kind == SCT_LOAD ? write->loading : write->end;
	if (read->end < write->start)
		return wrong(proof, "a value from the future", write, read);
	if (write->expires && read->start >= write->expires)
		return wrong(proof, "a value that outlived its time", write, read);
	if (change && change->low_max > written)
		return wrong(proof, "a value older than a change that was complete",
			change->event_max, read);
	/* A waiter gets its value from the load, not from the cache. */
	if (read->kind == SCT_AWAIT)
		return true;
	if (zone->from > read->end)
		zone->from = read->end;
	if (zone->to < read->start)
		zone->to = read->start;
	return true;
}

/* A read of a value with an idle time needs another use, not too long before: the last end of those
 * that began earlier, or the next one if it began before the read ended. */
static bool check_uses(struct proof *proof)
{
	const struct sct_event *last = NULL;

	for (size_t i = 0; i < proof->use_count; i++) {
		const struct sct_event *use = proof->uses[i];
		const struct sct_event *next = i + 1 < proof->use_count ? proof->uses[i + 1] : NULL;
		uint64_t idle = zone_of(proof, use->value)->event->idle;
		if (last && last->value != use->value)
			last = NULL;
		bool is_fresh = last && use->start < last->end + idle;
		bool is_shared = next && next->value == use->value && next->start < use->end;
		if (idle && use->kind == SCT_READ && !is_fresh && !is_shared)
			return wrong(proof, "a value that nobody had used for too long",
				last ? last : use, use);
		if (!last || last->end < use->end)
			last = use;
	}
	return true;
}

/* Divide the zones into those with a certain interval and those of which a moment is enough. */
static bool check_zones(struct proof *proof)
{
	for (size_t i = 0; i < proof->write_count; i++) {
		struct zone zone = proof->zones[i];
		if (zone.from < zone.to)
			proof->zones[proof->zone_count++] = zone;
		else
			proof->moments[proof->moment_count++] = zone;
	}
	qsort(proof->zones, proof->zone_count, sizeof *proof->zones, by_from);
	for (size_t i = 1; i < proof->zone_count; i++)
		if (proof->zones[i].from < proof->zones[i - 1].to)
			return wrong(proof, "two values at one time", proof->zones[i - 1].event,
				proof->zones[i].event);
	return true;
}

/* Check an event between these two stamps at which the key had another value, or none. */
static bool check_moment(struct proof *proof, const struct sct_event *event, uint64_t from,
	uint64_t to)
{
	size_t low = 0, high = proof->zone_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (proof->zones[middle].from < from)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || to >= proof->zones[low - 1].to)
		return true;
	return wrong(proof, "a value that comes back by itself", proof->zones[low - 1].event,
		event);
}

/* If nothing was evicted, a miss needs a drop that can have come after every completed put. */
static bool check_miss(struct proof *proof, const struct sct_event *miss, uint64_t until)
{
	const struct span *put = last_below(proof->puts, proof->put_count, miss->start);
	const struct span *drop = last_below(proof->drops, proof->drop_count, until);

	if (!proof->is_lossless || !put || (drop && drop->low_max > put->low_max))
		return true;
	return wrong(proof, "a value that got lost", put->event_max, miss);
}

/* Check an event that is no write; zones check the writes. */
static bool check_event(struct proof *proof, const struct sct_event *event)
{
	/* A load implies an earlier miss. */
	uint64_t until = event->kind == SCT_LOAD ? event->loading : event->end;

	switch (event->kind) {
	case SCT_PUT:
	case SCT_READ:
		return true;
	case SCT_DROP:
		return check_moment(proof, event, event->start, event->end);
	default:
		return check_moment(proof, event, event->start, until) &&
			check_miss(proof, event, until);
	}
}

static bool check_key(struct proof *proof)
{
	sort_events(proof);
	for (size_t i = 1; i < proof->write_count; i++)
		if (proof->zones[i].event->value == proof->zones[i - 1].event->value)
			return wrong(proof, "a value that was written twice",
				proof->zones[i - 1].event, proof->zones[i].event);
	for (size_t i = 0; i < proof->count; i++)
		if ((proof->events[i].kind == SCT_READ || proof->events[i].kind == SCT_AWAIT) &&
			!check_read(proof, &proof->events[i]))
			return false;
	if (!check_uses(proof) || !check_zones(proof))
		return false;
	for (size_t i = 0; i < proof->moment_count; i++)
		if (!check_moment(proof, proof->moments[i].event, proof->moments[i].to,
			    proof->moments[i].from))
			return false;
	for (size_t i = 0; i < proof->count; i++)
		if (!check_event(proof, &proof->events[i]))
			return false;
	return true;
}

/* Check the events of one key, which include those of all keys. */
static bool check_events_of_key(const struct sct_event *events, size_t count, bool is_lossless,
	struct sct_fault *fault)
{
	size_t capacity = count + 1;
	struct proof proof = {
		.events = events,
		.count = count,
		.is_lossless = is_lossless,
		.zones = calloc(capacity, sizeof *proof.zones),
		.moments = calloc(capacity, sizeof *proof.moments),
		.changes = calloc(capacity, sizeof *proof.changes),
		.drops = calloc(capacity, sizeof *proof.drops),
		.puts = calloc(capacity, sizeof *proof.puts),
		.uses = calloc(capacity, sizeof(const struct sct_event *)),
		.fault = fault,
	};

	assert_true(proof.zones && proof.moments);
	assert_true(proof.changes && proof.drops && proof.puts && proof.uses);
	bool good = check_key(&proof);
	free(proof.zones);
	free(proof.moments);
	free(proof.changes);
	free(proof.drops);
	free(proof.puts);
	free(proof.uses);
	return good;
}

bool sct_history_check(struct sct_event *events, size_t count, bool is_lossless,
	struct sct_fault *fault)
{
	struct sct_event *of_key = calloc(count + 1, sizeof *of_key);
	size_t single = count, n;
	bool good = true;

	assert_non_null(of_key);
	qsort(events, count, sizeof *events, by_key_and_start);
	while (single > 0 && events[single - 1].key == SCT_ALL_KEYS)
		single--;
	for (size_t i = 0; i < single && good; i += n) {
		for (n = 0; i + n < single && events[i + n].key == events[i].key; n++)
			of_key[n] = events[i + n];
		for (size_t all = single; all < count; all++)
			of_key[n + all - single] = events[all];
		good = check_events_of_key(of_key, n + count - single, is_lossless, fault);
	}
	free(of_key);
	return good;
}

static void print_event(const struct sct_event *event)
{
	static const char *const names[] = { "put", "drop", "load", "read", "await", "miss" };

	printf("  %-5s from %" PRIu64 " to %" PRIu64 ", key %" PRIu32 ", value %" PRIx64 "\n",
		names[event->kind], event->start, event->end, event->key, event->value);
}

void sct_fault_print(const struct sct_fault *fault)
{
	printf("%s:\n", fault->what);
	print_event(&fault->first);
	print_event(&fault->second);
}
