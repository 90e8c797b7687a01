/* The engine against a model: an array in order of use. Random operations go to both, the shard is
 * checked after each, and what it finds must be what the model has.
 *
 * The shard decides when it is full; the model then drops the least recently used entries until it
 * has as many. So any other order of eviction is noticed. Under the adaptive policy, and where
 * entries expire or are forgotten, the model does not know which were evicted: any of them may be
 * missing, and all else must agree. Objects are released exactly once, as soon as their entry is
 * removed, and not before. */
#include "support/cmocka.h"
#include "support/naive_cache.h"
#include "support/random.h"
#include "support/seeded_runs.h"
#include "support/quick_peek.h"

#include "base/hash.h"
#include "engine/shard.h"
#include "engine/shard_check.h"

#include <stdio.h>
#include <string.h>

#define KEYS     400
#define PINS_MAX 6

/* What a configuration has beside values. */
enum feature {
	PINS = 1,
	OBJECTS = 2,
	IDLE = 4, /* idle times */
	COSTS = 8,
	FORGETS = 16, /* the index cannot hold all */
	NOTES = 32
};

struct config {
	const char *name;
	struct sci_shard_options options;
	size_t value_max;
	uint64_t ttl_max_ms; /* 0: no deadlines */
	uint64_t hash_mask;  /* of the hash's bits; few make keys collide */
	unsigned features;
};

#define LRU(bytes_, entries_, entry_bytes_)                                                        \
	{                                                                                          \
		.policy = SCI_POLICY_LRU, .bytes = (bytes_), .max_entries = (entries_),            \
		.entry_bytes = (entry_bytes_)                                                      \
	}
#define COUNTED(bytes_, entries_, entry_bytes_)                                                    \
	{                                                                                          \
		.policy = SCI_POLICY_COUNTED, .bytes = (bytes_), .max_entries = (entries_),        \
		.entry_bytes = (entry_bytes_)                                                      \
	}
#define ANY UINT64_MAX
/* Four lines and four tags: so few slots that keys have to be forgotten, whatever the hash. */
#define FEW  (UINT64_C(0xC003FF8000000000) | 3u << 30)
#define MANY (KEYS - 1) /* nearly as many entries as keys */

static const struct config configs[] = {
	{ "entries", LRU(1 << 20, 128, 64), 200, 0, ANY, 0 },
	{ "one entry", LRU(1 << 16, 1, 64), 200, 0, ANY, 0 },
	{ "bytes", LRU(32 << 10, 0, 100), 600, 0, ANY, COSTS },
	{ "large values", LRU(64 << 10, 0, 1000), 50000, 0, ANY, 0 },
	{ "both", LRU(24 << 10, 100, 100), 700, 0, ANY, COSTS },
	{ "pins", LRU(32 << 10, 0, 200), 800, 0, ANY, PINS },
	{ "pins of entries", LRU(1 << 20, 40, 200), 800, 0, ANY, PINS },
	{ "one hash", LRU(1 << 20, 8, 200), 300, 0, 0, PINS },
	{ "few lines", LRU(1 << 20, 200, 200), 300, 0, FEW, PINS | FORGETS },
	{ "expiry", LRU(1 << 20, MANY, 100), 100, 50, ANY, 0 },
	{ "expiry and pins", LRU(1 << 20, MANY, 100), 300, 50, ANY, PINS },
	{ "idle", LRU(1 << 20, MANY, 100), 300, 0, ANY, IDLE },
	{ "idle and expiry", LRU(48 << 10, 0, 100), 300, 300, ANY, PINS | IDLE | COSTS },
	{ "objects", LRU(1 << 20, 60, 100), 300, 0, ANY, OBJECTS },
	{ "heavy objects", LRU(48 << 10, 0, 100), 4000, 0, ANY, OBJECTS | PINS },
	{ "objects that expire", LRU(48 << 10, 90, 100), 900, 50, ANY, OBJECTS | PINS | IDLE },
	{ "objects of one hash", LRU(1 << 20, 0, 100), 300, 0, 0, OBJECTS | FORGETS },
	{ "counted, entries", COUNTED(1 << 20, 128, 64), 200, 0, ANY, 0 },
	{ "counted, one entry", COUNTED(1 << 16, 1, 64), 200, 0, ANY, 0 },
	{ "counted, bytes", COUNTED(32 << 10, 0, 100), 600, 0, ANY, PINS },
	{ "counted, costs", COUNTED(32 << 10, 0, 100), 600, 0, ANY, COSTS },
	{ "counted, large", COUNTED(64 << 10, 0, 1000), 50000, 0, ANY, PINS | COSTS },
	{ "counted, expiry", COUNTED(24 << 10, 90, 100), 700, 50, ANY, PINS },
	{ "counted, pins", COUNTED(1 << 20, 40, 100), 700, 0, ANY, PINS },
	{ "counted, idle", COUNTED(48 << 10, 0, 100), 500, 0, ANY, PINS | IDLE },
	{ "counted, objects", COUNTED(48 << 10, 60, 100), 4000, 0, ANY, PINS | OBJECTS | COSTS },
	{ "counted, everything", COUNTED(48 << 10, 0, 100), 1500, 200, ANY,
		PINS | OBJECTS | IDLE | COSTS | NOTES },
	{ "notes", LRU(1 << 20, 128, 100), 300, 0, ANY, NOTES | PINS },
	{ "notes and expiry", LRU(48 << 10, 0, 100), 300, 60, ANY, NOTES | PINS | OBJECTS },
	{ "counted, notes", COUNTED(48 << 10, 90, 100), 700, 80, ANY, NOTES | IDLE | COSTS },
	{ "counted, everything, one hash", COUNTED(48 << 10, 0, 100), 1500, 200, 0,
		PINS | OBJECTS | IDLE | COSTS | FORGETS },
};

struct sct_object {
	struct sci_object_link link; /* first */
	uint64_t version;
	bool is_stored;
	struct sct_object *older; /* all objects of a run */
};

struct pin {
	struct sci_found found;
	struct sct_entry entry;
};

struct run {
	const struct config *config;
	struct sci_shard *shard;
	uint64_t random, versions, seed;
	struct sct_naive model;
	struct pin pins[PINS_MAX];
	size_t pin_count;
	uint64_t stored_objects;
	int64_t now_ms;
	uint64_t hits;
};

static struct run run;

static uint64_t below(uint64_t bound)
{
	return sct_below(&run.random, bound);
}

static bool has(enum feature feature)
{
	return run.config->features & feature;
}

struct name {
	char text[64];
	uint64_t words[9]; /* the text as it is laid out in a record */
	struct sci_name name;
};

static const struct sci_name *make_name(int key, struct name *name)
{
	/* Keys of all lengths, also empty. */
	int len =
		key == 0 ? 0 : snprintf(name->text, sizeof name->text, "%d-%0*d", key, key % 40, 0);

	memset(name->words, 0, sizeof name->words);
	memcpy((char *)name->words + 4, name->text, (size_t)len);
	name->name = (struct sci_name){ name->text, (size_t)len,
		sci_hash(name->text, (size_t)len, 1) & run.config->hash_mask,
		key % 3 ? name->words : NULL };
	return &name->name;
}

static unsigned char byte_of(uint64_t version, size_t i)
{
	return (unsigned char)(version * 31 + i * 7);
}

static void assert_bytes(const struct sct_entry *entry, const void *value, size_t len)
{
	const unsigned char *byte = value;

	assert_int_equal(len, entry->len);
	assert_int_equal((uintptr_t)value % 8, 0);
	for (size_t i = 0; i < entry->len; i++)
		assert_int_equal(byte[i], byte_of(entry->version, i));
}

static void assert_found(const struct sct_entry *entry, const struct sci_found *found)
{
	if (!entry->object) {
		assert_null(found->object);
		assert_bytes(entry, found->value, found->len);
		return;
	}
	assert_ptr_equal(found->object, &entry->object->link);
	assert_int_equal(entry->object->version, entry->version);
	assert_true(entry->object->is_stored);
}

/* ---- The model ---- */

static bool is_pinned(const struct sct_entry *entry)
{
	for (size_t i = 0; i < run.pin_count; i++)
		if (run.pins[i].entry.version == entry->version)
			return true;
	return false;
}

static bool has_expired(const struct sct_entry *entry)
{
	return run.now_ms >= entry->expires_ms;
}

static bool anything_expires(void)
{
	return run.config->ttl_max_ms || has(IDLE);
}

static bool knows_what_was_evicted(void)
{
	return run.config->options.policy == SCI_POLICY_LRU && !anything_expires() &&
		sci_shard_stats(run.shard).forgotten == 0;
}

/* Whether an entry of the model may be missing. */
static bool may_be_missing(const struct sct_entry *entry)
{
	struct sci_shard_stats stats = sci_shard_stats(run.shard);

	/* An object that was not released is there. */
	if (entry->object && entry->object->is_stored)
		return false;
	return has_expired(entry) ||
		(!knows_what_was_evicted() && stats.evictions + stats.forgotten > 0);
}

/* Drop what the shard must have evicted, by its count of entries. */
static void model_shrink(void)
{
	uint64_t entries = sci_shard_stats(run.shard).entries,
		 bound = run.config->options.max_entries;

	/* With enough bytes, the bound on entries is met exactly. */
	if (bound && run.config->options.bytes >= 1 << 20)
		assert_int_equal(entries, run.model.count < bound ? run.model.count : bound);
	while (run.model.count > entries) {
		size_t i = 0;
		while (i < run.model.count && is_pinned(&run.model.entries[i]))
			i++;
		sct_naive_drop(&run.model, &run.model.entries[i < run.model.count ? i : 0]);
	}
	assert_int_equal(run.model.count, entries);
}

/* ---- Objects ---- */

static struct sct_object *new_object(uint64_t version)
{
	struct sct_object *object = calloc(1, sizeof *object);

	assert_non_null(object);
	object->version = version;
	object->older = run.model.objects;
	return run.model.objects = object;
}

/* Release removed objects. */
static void release_removed(void)
{
	struct sci_object_link *to_free = sci_shard_take_removed(run.shard);

	for (; to_free; to_free = to_free->next) {
		struct sct_object *object = (struct sct_object *)(void *)to_free;
		assert_true(object->is_stored);
		object->is_stored = false;
		run.stored_objects--;
	}
	assert_null(sci_shard_take_removed(run.shard));
}

static void assert_gone(const struct sct_entry *entry)
{
	assert_true(!entry->object || !entry->object->is_stored);
}

static void free_objects(void)
{
	while (run.model.objects) {
		struct sct_object *object = run.model.objects;
		run.model.objects = object->older;
		free(object);
	}
}

/* ---- Operations ---- */

static void draw_times(struct sct_entry *entry)
{
	entry->final_ms = run.config->ttl_max_ms && below(5)
		? run.now_ms + 1 + (int64_t)below(run.config->ttl_max_ms)
		: SCI_NEVER;
	entry->tti_ms = !has(IDLE) || !below(3) ? 0
		: below(50)                     ? 1 + (int64_t)below(40)
						: SCI_NEVER;
	entry->fresh_until_ms = below(3) ? run.now_ms + (int64_t)below(60) : SCI_NEVER;
}

static struct sct_entry make_entry(int key, struct sci_content *content)
{
	struct sct_entry entry = { .key = key,
		.version = ++run.versions,
		.len = below(run.config->value_max + 1) };

	draw_times(&entry);
	*content = (struct sci_content){ .len = entry.len,
		.expires_ms = entry.final_ms,
		.idle_ms = entry.tti_ms };
	if (has(NOTES) && below(4)) {
		entry.has_notes = true;
		entry.due_at_ms = run.now_ms - 7;
		entry.annex_words = below(2) ? (unsigned)below(SCI_ANNEX_WORDS_MAX + 1) : 0;
	}
	if (has(COSTS) && below(2))
		content->cost = below(20) ? (uint32_t)below(1000) : UINT32_MAX;
	if (has(OBJECTS) && below(2)) {
		entry.object = new_object(entry.version);
		content->object = &entry.object->link;
		content->weight = below(3) ? entry.len : 0;
		content->len = 0;
	}
	return entry;
}

static struct sci_notes notes_of(const struct sct_entry *entry)
{
	return (struct sci_notes){ entry->fresh_until_ms, -5, entry->due_at_ms, 9,
		entry->version << SCI_NOTES_TAG_SHIFT };
}

/* The words of the entry's annex. */
static const uint64_t *annex_of(const struct sct_entry *entry)
{
	static uint64_t words[SCI_ANNEX_WORDS_MAX];

	for (unsigned i = 0; i < SCI_ANNEX_WORDS_MAX; i++)
		words[i] = entry->version * 1000 + i;
	return words;
}

static void assert_notes(const struct sct_entry *entry, const struct sci_found *found)
{
	struct sci_notes notes = notes_of(entry);

	assert_int_equal(found->has_notes, entry->has_notes);
	if (!entry->has_notes)
		return;
	assert_memory_equal(&found->notes, &notes, sizeof notes);
	assert_int_equal(found->annex_words, entry->annex_words);
	assert_memory_equal(found->annex, annex_of(entry), entry->annex_words * sizeof(uint64_t));
}

/* Renew an entry that was found, or change its notes alone. */
static void change_notes(struct sct_entry *entry, const struct sci_found *found)
{
	bool renews = below(2);

	entry->due_at_ms = run.now_ms;
	if (renews)
		draw_times(entry);
	struct sci_notes notes = notes_of(entry);
	if (!renews) {
		sci_shard_renote(run.shard, found->offset, &notes);
		return;
	}
	const struct sci_content times = { NULL, 0, NULL, 0, entry->final_ms, entry->tti_ms, 0,
		&notes, NULL, 0 };
	sci_shard_renew(run.shard, found->offset, &times, run.now_ms);
	sct_naive_renew(entry, run.now_ms);
}

static void do_put(int key)
{
	static unsigned char value[65536];
	struct sci_content content;
	struct sct_entry *old = sct_naive_find(&run.model, key), entry = make_entry(key, &content);
	uint64_t evicted = sci_shard_stats(run.shard).evictions;
	struct name name;

	for (size_t i = 0; i < entry.len; i++)
		value[i] = byte_of(entry.version, i);
	content.value = value;
	struct sci_notes notes = notes_of(&entry);
	if (entry.has_notes) {
		content.notes = &notes;
		content.annex = annex_of(&entry);
		content.annex_words = entry.annex_words;
	}
	if (entry.object) {
		entry.object->is_stored = true;
		run.stored_objects++;
	}
	enum sci_store_result stored =
		sci_shard_put(run.shard, make_name(key, &name), &content, run.now_ms);
	if (entry.object && stored != SCI_STORE_OK) {
		/* The object stays with the caller of a put that fails. */
		entry.object->is_stored = false;
		run.stored_objects--;
	}
	release_removed();
	if (old) {
		assert_gone(old);
		sct_naive_drop(&run.model, old);
	}
	if (stored == SCI_STORE_OK)
		entry = *sct_naive_store(&run.model, entry, run.now_ms);
	else
		assert_true(entry.len > 1000 || run.pin_count > 0);
	/* What was stored is found, unless it is large and was declined. */
	struct sci_found found;
	if (stored == SCI_STORE_OK && entry.key % 2) {
		if (sci_shard_find(run.shard, &name.name, run.now_ms, &found) == SCI_LOOKUP_HIT) {
			assert_found(&entry, &found);
			assert_notes(&entry, &found);
			sct_naive_use(&run.model, sct_naive_find(&run.model, key), run.now_ms);
		} else {
			assert_true(may_be_missing(&entry));
			assert_true(sci_shard_stats(run.shard).evictions > evicted);
			assert_true(entry.len + entry.annex_words * 8 >
				run.config->options.bytes / 250);
		}
	}
	if (knows_what_was_evicted())
		model_shrink();
}

/* Without the lock the same is found, or nothing is said. Returns whether it was found. */
static bool peek(const struct sci_name *name, const struct sct_entry *entry)
{
	static _Alignas(8) unsigned char buffer[65536];
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };

	enum sci_peek peek = sci_shard_peek(run.shard, name, run.now_ms, &copy);
	size_t len = copy.len;
	enum sci_peek peek_quick = sct_peek_quick(run.shard, name, run.now_ms, &copy);
	if (peek == SCI_PEEK_MISS || peek_quick == SCI_PEEK_MISS)
		assert_true(!entry || may_be_missing(entry));
	if (peek != SCI_PEEK_HIT) {
		assert_int_not_equal(peek_quick, SCI_PEEK_HIT);
		return false;
	}
	assert_true(peek_quick == SCI_PEEK_HIT || sci_peek_is_worth_another(peek_quick));
	copy.len = len;
	assert_true(entry && !entry->object && !has_expired(entry) &&
		(!entry->has_notes || run.now_ms < entry->fresh_until_ms));
	assert_bytes(entry, buffer, copy.len);
	return true;
}

static void do_find(int key)
{
	struct sct_entry *entry = sct_naive_find(&run.model, key);
	struct sci_found found;
	struct name name;

	make_name(key, &name);
	bool is_there = below(2) && peek(&name.name, entry);
	enum sci_lookup lookup = sci_shard_find(run.shard, &name.name, run.now_ms, &found);
	release_removed();
	if (lookup != SCI_LOOKUP_HIT) {
		assert_false(is_there);
		if (!entry)
			return;
		assert_gone(entry);
		assert_true(
			lookup == SCI_LOOKUP_EXPIRED ? has_expired(entry) : may_be_missing(entry));
		sct_naive_drop(&run.model, entry);
		return;
	}
	run.hits++;
	assert_true(entry && !has_expired(entry));
	assert_found(entry, &found);
	assert_notes(entry, &found);
	if (entry->has_notes && below(5) == 0)
		change_notes(entry, &found);
	entry = sct_naive_use(&run.model, entry, run.now_ms);
	if (has(PINS) && !entry->object && run.pin_count < PINS_MAX && below(4) == 0) {
		assert_true(sci_shard_pin(run.shard, found.offset));
		run.pins[run.pin_count++] = (struct pin){ found, *entry };
	}
}

static void do_unpin(int key)
{
	(void)key;
	if (run.pin_count == 0)
		return;
	size_t i = below(run.pin_count);
	/* A pinned value does not change or move, whatever happens to its entry. */
	assert_found(&run.pins[i].entry, &run.pins[i].found);
	sci_shard_unpin(run.shard, run.pins[i].found.offset);
	run.pins[i] = run.pins[--run.pin_count];
}

static void do_remove(int key)
{
	struct sct_entry *entry = sct_naive_find(&run.model, key);
	struct name name;

	bool removed = sci_shard_remove(run.shard, make_name(key, &name));
	release_removed();
	if (removed)
		assert_non_null(entry);
	if (!entry)
		return;
	assert_gone(entry);
	assert_true(removed || may_be_missing(entry));
	sct_naive_drop(&run.model, entry);
}

static void do_clear(int key)
{
	if (key % 50)
		return; /* seldom: otherwise the shard never fills */
	uint64_t entries = sci_shard_stats(run.shard).entries;
	assert_int_equal(sci_shard_clear(run.shard), entries);
	release_removed();
	assert_int_equal(run.stored_objects, 0);
	run.model.count = 0;
}

static void do_pass_time(int key)
{
	run.now_ms += key % 20 ? key % 3 : (int64_t)below(100);
}

/* All expired entries are removed, and no other. */
static void do_expire(int key)
{
	uint64_t before = sci_shard_stats(run.shard).entries, expired = 0;
	bool all = key % 4 == 0;
	for (size_t i = 0; i < run.model.count; i++)
		expired += has_expired(&run.model.entries[i]);
	uint64_t removed =
		sci_shard_expire(run.shard, run.now_ms, all ? UINT32_MAX : (uint32_t)key);
	release_removed();
	assert_int_equal(sci_shard_stats(run.shard).entries, before - removed);
	assert_true(removed <= expired);
	if (!all)
		return;
	assert_false(sci_shard_is_due(run.shard, run.now_ms));
	for (size_t i = run.model.count; i-- > 0;) {
		struct name name;
		if (!has_expired(&run.model.entries[i]))
			continue;
		assert_gone(&run.model.entries[i]);
		assert_false(
			sci_shard_remove(run.shard, make_name(run.model.entries[i].key, &name)));
		sct_naive_drop(&run.model, &run.model.entries[i]);
	}
}

static const struct sct_operation operations[] = {
	{ 400, do_put },
	{ 450, do_find },
	{ 50, do_remove },
	{ 100, do_unpin },
	{ 50, do_pass_time },
	{ 10, do_expire },
	{ 10, do_clear },
};

static void assert_sound(long operation)
{
	const char *wrong = sci_shard_check(run.shard);
	struct sci_shard_stats stats = sci_shard_stats(run.shard);
	const struct sci_shard_options *options = &run.config->options;

	if (wrong)
		fail_msg("operation %ld: %s", operation, wrong);
	assert_true(!options->max_entries || stats.entries <= options->max_entries);
	assert_true(stats.bytes <= options->bytes && stats.pinned_bytes <= stats.bytes);
	assert_true(stats.entries <= run.model.count && run.stored_objects <= stats.entries);
	assert_int_equal(stats.pinned > 0, run.pin_count > 0);
}

static void agree_with_the_model(const void *configured, uint64_t seed, long count)
{
	run = (struct run){ .config = configured, .random = seed, .seed = seed };
	const struct sci_shard_options *options = &run.config->options;
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, options->bytes);
	assert_non_null(memory);
	memset(memory, 0, options->bytes);
	run.shard = sci_shard_format(memory, options);
	for (long i = 0; i < count; i++) {
		sct_pick_operation(operations, sizeof operations / sizeof operations[0],
			&run.random)
			->call((int)below(KEYS));
		assert_sound(i);
	}
	assert_true(run.hits > 0);
	assert_int_equal(sci_shard_stats(run.shard).forgotten > 0, has(FORGETS));
	while (run.pin_count)
		do_unpin(0);
	do_clear(0);
	assert_sound(count);
	assert_int_equal(sci_shard_stats(run.shard).bytes, 0);
	free_objects();
	free(memory);
}

int main(void)
{
	return sct_seeded_runs_main(&(const struct sct_seeded_runs){
		.configs = configs,
		.config_size = sizeof configs[0],
		.count = sizeof configs / sizeof configs[0],
		.seeds = 3,
		.operations = 5000,
		.run = agree_with_the_model,
	});
}
