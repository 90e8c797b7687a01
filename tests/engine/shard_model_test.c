/* The engine against a model: a plain array in order of use. Random operations are done to both, the
 * shard is proved sound after each, and whatever it finds must be what the model has.
 *
 * The shard decides when it is full; the model then drops what was not used for longest until it has as
 * many entries. So eviction in any other order than that of use shows up as a difference.
 *
 * A failing run prints its seed: SC_TEST_SEED=n SC_TEST_OPERATIONS=n runs just that one. */
#include "support/cmocka.h"
#include "support/random.h"

#include "base/hash.h"
#include "engine/shard.h"

#include <stdio.h>
#include <string.h>

#define KEYS     400
#define PINS_MAX 6

struct config {
	const char *name;
	struct sci_shard_options options;
	size_t value_max;
	uint64_t ttl_max_ms; /* 0: entries do not expire */
	uint64_t hash_mask;  /* what is left of the hash: few bits make keys meet */
	bool pins;
	bool forgets; /* the index cannot hold all: entries may be missing */
};

static const struct config configs[] = {
	{ "entries", { SCI_POLICY_LRU, 1 << 20, 128, 64 }, 200, 0, UINT64_MAX, false, false },
	{ "one entry", { SCI_POLICY_LRU, 1 << 16, 1, 64 }, 200, 0, UINT64_MAX, false, false },
	{ "bytes", { SCI_POLICY_LRU, 32 << 10, 0, 100 }, 600, 0, UINT64_MAX, false, false },
	{ "large values", { SCI_POLICY_LRU, 64 << 10, 0, 1000 }, 50000, 0, UINT64_MAX, false,
		false },
	{ "both", { SCI_POLICY_LRU, 24 << 10, 100, 100 }, 700, 0, UINT64_MAX, false, false },
	{ "pins", { SCI_POLICY_LRU, 32 << 10, 0, 200 }, 800, 0, UINT64_MAX, true, false },
	{ "pins of entries", { SCI_POLICY_LRU, 1 << 20, 40, 200 }, 800, 0, UINT64_MAX, true,
		false },
	{ "one hash", { SCI_POLICY_LRU, 1 << 20, 8, 200 }, 300, 0, 0, true, false },
	{ "few lines", { SCI_POLICY_LRU, 1 << 20, 200, 200 }, 300, 0,
		UINT64_C(0xFFFFFF8000000000) | 3u << 29, true, true },
	{ "expiry", { SCI_POLICY_LRU, 1 << 20, KEYS, 100 }, 100, 50, UINT64_MAX, false, false },
	{ "expiry and pins", { SCI_POLICY_LRU, 1 << 20, KEYS, 100 }, 300, 50, UINT64_MAX, true,
		false },
	{ "counted, entries", { SCI_POLICY_COUNTED, 1 << 20, 128, 64 }, 200, 0, UINT64_MAX, false,
		false },
	{ "counted, one entry", { SCI_POLICY_COUNTED, 1 << 16, 1, 64 }, 200, 0, UINT64_MAX, false,
		false },
	{ "counted, bytes", { SCI_POLICY_COUNTED, 32 << 10, 0, 100 }, 600, 0, UINT64_MAX, true,
		false },
	{ "counted, large", { SCI_POLICY_COUNTED, 64 << 10, 0, 1000 }, 50000, 0, UINT64_MAX, true,
		false },
	{ "counted, expiry", { SCI_POLICY_COUNTED, 24 << 10, 90, 100 }, 700, 50, UINT64_MAX, true,
		false },
	{ "counted, pins", { SCI_POLICY_COUNTED, 1 << 20, 40, 100 }, 700, 0, UINT64_MAX, true,
		false },
};

struct entry {
	int key;
	uint64_t version;
	size_t len;
	int64_t expires_ms;
};

struct pin {
	struct sci_found found;
	struct entry entry;
};

struct run {
	const struct config *config;
	struct sci_shard *shard;
	uint64_t random, versions, seed;
	struct entry model[KEYS]; /* the newest last */
	size_t count;
	struct pin pins[PINS_MAX];
	size_t pin_count;
	int64_t now_ms;
	uint64_t hits;
};

static struct sci_name name_of(const struct run *run, int key, char *text)
{
	/* Keys of all lengths, the empty one included. */
	int len = key == 0 ? 0 : snprintf(text, 64, "%d-%0*d", key, key % 40, 0);

	return (struct sci_name){ text, (size_t)len,
		sci_hash(text, (size_t)len, 1) & run->config->hash_mask, NULL };
}

static unsigned char byte_of(uint64_t version, size_t i)
{
	return (unsigned char)(version * 31 + i * 7);
}

static void assert_value(const struct entry *entry, const struct sci_found *found)
{
	const unsigned char *value = found->value;

	assert_int_equal(found->len, entry->len);
	assert_int_equal((uintptr_t)value % 8, 0);
	for (size_t i = 0; i < entry->len; i++)
		assert_int_equal(value[i], byte_of(entry->version, i));
}

static struct entry *model_find(struct run *run, int key)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->model[i].key == key)
			return &run->model[i];
	return NULL;
}

static void model_drop(struct run *run, struct entry *entry)
{
	memmove(entry, entry + 1, (size_t)(run->model + run->count - (entry + 1)) * sizeof *entry);
	run->count--;
}

static bool is_pinned(const struct run *run, const struct entry *entry)
{
	for (size_t i = 0; i < run->pin_count; i++)
		if (run->pins[i].entry.version == entry->version)
			return true;
	return false;
}

/* Whether an entry may be missing that the model has: the index had no place for it, or it was evicted
 * in an order that the model does not know. */
static bool may_be_missing(const struct run *run)
{
	struct sci_shard_stats stats = sci_shard_stats(run->shard);

	return stats.forgotten > 0 ||
		(run->config->options.policy != SCI_POLICY_LRU && stats.evictions > 0);
}

/* Drop what the shard must have evicted, by what it says it has left. */
static void model_shrink(struct run *run)
{
	uint64_t entries = sci_shard_stats(run->shard).entries,
		 bound = run->config->options.max_entries;

	/* Where there are bytes enough, the bound on entries is met exactly, and never undershot. */
	if (bound && run->config->options.bytes >= 1 << 20)
		assert_int_equal(entries, run->count < bound ? run->count : bound);
	while (run->count > entries) {
		size_t i = 0;
		while (i < run->count && is_pinned(run, &run->model[i]))
			i++;
		model_drop(run, &run->model[i < run->count ? i : 0]);
	}
	assert_int_equal(run->count, entries);
}

static void do_put(struct run *run)
{
	static unsigned char value[65536];
	char text[64];
	int key = (int)sct_below(&run->random, KEYS);
	struct entry entry = { key, ++run->versions,
		sct_below(&run->random, run->config->value_max + 1), SCI_NEVER };
	struct sci_name name = name_of(run, key, text);
	struct entry *old = model_find(run, key);

	if (run->config->ttl_max_ms)
		entry.expires_ms =
			run->now_ms + 1 + (int64_t)sct_below(&run->random, run->config->ttl_max_ms);
	for (size_t i = 0; i < entry.len; i++)
		value[i] = byte_of(entry.version, i);
	enum sci_stored stored = sci_shard_put(run->shard, &name,
		&(struct sci_content){ .value = value,
			.len = entry.len,
			.expires_ms = entry.expires_ms },
		run->now_ms);

	if (old)
		model_drop(run, old);
	if (stored == SCI_STORED)
		run->model[run->count++] = entry;
	else
		assert_true(entry.len > 1000 || run->pin_count > 0);
	/* What was just stored is there, unless it is large and not worth what would have gone for it. */
	struct sci_found found;
	if (stored == SCI_STORED && entry.key % 2) {
		enum sci_lookup lookup = sci_shard_find(run->shard, &name, run->now_ms, &found);
		if (lookup == SCI_LOOKUP_HIT)
			assert_value(&entry, &found);
		else
			assert_true(may_be_missing(run) && entry.len > 1000);
	}
	if (!run->config->ttl_max_ms && !may_be_missing(run))
		model_shrink(run);
}

static void do_find(struct run *run)
{
	char text[64];
	int key = (int)sct_below(&run->random, KEYS);
	struct sci_name name = name_of(run, key, text);
	struct entry *entry = model_find(run, key);
	struct sci_found found;
	enum sci_lookup lookup = sci_shard_find(run->shard, &name, run->now_ms, &found);

	bool may_miss = !entry || run->now_ms >= entry->expires_ms;
	if (may_miss || (lookup == SCI_LOOKUP_MISS && may_be_missing(run))) {
		assert_int_not_equal(lookup, SCI_LOOKUP_HIT);
		if (entry)
			model_drop(run, entry);
		return;
	}
	assert_int_equal(lookup, SCI_LOOKUP_HIT);
	run->hits++;
	assert_value(entry, &found);
	struct entry used = *entry;
	model_drop(run, entry);
	run->model[run->count++] = used;

	if (run->config->pins && run->pin_count < PINS_MAX && sct_below(&run->random, 4) == 0) {
		sci_shard_pin(run->shard, found.place);
		run->pins[run->pin_count++] = (struct pin){ found, used };
	}
}

static void do_unpin(struct run *run)
{
	if (run->pin_count == 0)
		return;
	size_t i = sct_below(&run->random, run->pin_count);
	/* Whatever happened to the entry since, the value is what it was, where it was. */
	assert_value(&run->pins[i].entry, &run->pins[i].found);
	sci_shard_unpin(run->shard, run->pins[i].found.place);
	run->pins[i] = run->pins[--run->pin_count];
}

static void do_remove(struct run *run)
{
	char text[64];
	int key = (int)sct_below(&run->random, KEYS);
	struct sci_name name = name_of(run, key, text);
	struct entry *entry = model_find(run, key);
	bool removed = sci_shard_remove(run->shard, &name);

	/* The log's sweep may have taken an expired entry before. */
	if (!entry || (run->now_ms < entry->expires_ms && !may_be_missing(run)))
		assert_int_equal(removed, entry != NULL);
	if (entry)
		model_drop(run, entry);
}

static void step(struct run *run)
{
	uint64_t what = sct_below(&run->random, 1000);

	if (what < 400)
		do_put(run);
	else if (what < 850)
		do_find(run);
	else if (what < 900)
		do_remove(run);
	else if (what < 998)
		do_unpin(run);
	else if (what < 999)
		run->now_ms += (int64_t)sct_below(&run->random, 100);
	else {
		sci_shard_clear(run->shard);
		run->count = 0;
	}
	if (sct_below(&run->random, 20) == 0)
		run->now_ms++;
}

static void do_run(const struct config *config, uint64_t seed, long operations)
{
	static struct run run;

	run = (struct run){ .config = config, .random = seed, .seed = seed };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, config->options.bytes);
	assert_non_null(memory);
	memset(memory, 0, config->options.bytes);
	run.shard = sci_shard_format(memory, &config->options);
	for (long i = 0; i < operations; i++) {
		step(&run);
		const char *wrong = sci_shard_check(run.shard);
		if (wrong)
			fail_msg("operation %ld: %s", i, wrong);
		if (config->options.max_entries)
			assert_true(
				sci_shard_stats(run.shard).entries <= config->options.max_entries);
	}
	assert_true(run.hits > 0);
	assert_int_equal(sci_shard_stats(run.shard).forgotten > 0, config->forgets);
	while (run.pin_count)
		do_unpin(&run);
	sci_shard_clear(run.shard);
	assert_null(sci_shard_check(run.shard));
	assert_int_equal(sci_shard_stats(run.shard).bytes, 0);
	free(memory);
}

static long number_from(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : otherwise;
}

static void agrees_with_the_model(void **state)
{
	const struct config *config = *state;
	long first = number_from("SC_TEST_SEED", 1), last = getenv("SC_TEST_SEED") ? first : 5;
	long operations = number_from("SC_TEST_OPERATIONS", 20000);

	for (long seed = first; seed <= last; seed++) {
		printf("%s: SC_TEST_SEED=%ld SC_TEST_OPERATIONS=%ld\n", config->name, seed,
			operations);
		do_run(config, (uint64_t)seed, operations);
	}
}

int main(void)
{
	struct CMUnitTest tests[sizeof configs / sizeof configs[0]];

	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
		tests[i] = (struct CMUnitTest){ configs[i].name, agrees_with_the_model, NULL, NULL,
			(void *)(uintptr_t)&configs[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
