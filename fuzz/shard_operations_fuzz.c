/* Bytes become operations on a shard. Its invariants must hold after each of them, and it must
 * release each object once.
 *
 * The first bytes select the shard's options and the bits of the hashes that count, so that keys
 * collide. Each operation is a byte for its kind and its key, and further bytes as needed. The
 * target records the last value of each key: the shard may have evicted it, but must never have
 * another. */
#include "fuzz.h"
#include "fuzz_input.h"

#include "base/hash.h"
#include "engine/shard.h"
#include "engine/shard_check.h"
#include "support/quick_peek.h"

#include <string.h>

#define KEYS     32u
#define PINS_MAX 8u

/* An object that is stored by its address, one for each version. */
struct object {
	struct sci_object_link link; /* first */
	bool is_stored;
};

struct stored {
	bool there;
	uint8_t version;
	size_t len;
	struct object *object;
	int64_t final_ms, idle_ms, expires_ms;
};

struct pin {
	struct sci_found found;
	struct stored stored;
};

struct run {
	struct input input;
	struct sci_shard *shard;
	struct sci_shard_options options;
	uint64_t hash_mask;
	int64_t now_ms;
	uint8_t versions;
	struct object objects[UINT8_MAX + 1];
	struct stored keys[KEYS];
	struct pin pins[PINS_MAX];
	size_t pin_count;
};

static struct sci_name name_of(const struct run *run, uint8_t key, char text[64])
{
	/* Values have all lengths, 0 included. */
	size_t len = key * 2u;

	memset(text, 'a' + key % 26, len);
	return (struct sci_name){ text, len, sci_hash(text, len, 1) & run->hash_mask, NULL };
}

static void check_value(const struct sci_found *found, const struct stored *stored)
{
	const unsigned char *value = found->value;

	check_that(stored->there, "a value that was never stored, or was removed");
	if (stored->object) {
		check_that(found->object == &stored->object->link && stored->object->is_stored,
			"an object that is not this one, or was released");
		return;
	}
	check_that(!found->object && found->len == stored->len, "a value of another length");
	check_that((uintptr_t)value % 8 == 0, "a value is not aligned");
	for (size_t i = 0; i < found->len; i++)
		check_that(value[i] == (unsigned char)(stored->version + i), "a value has changed");
}

/* The shard must release each object once. */
static void release_removed(struct run *run)
{
	struct sci_object_link *to_free = sci_shard_take_removed(run->shard);

	for (; to_free; to_free = to_free->next) {
		struct object *object = (struct object *)(void *)to_free;
		check_that(object->is_stored, "the shard released an object that it did not have");
		object->is_stored = false;
	}
}

static void use(const struct run *run, struct stored *stored)
{
	bool is_sooner = stored->idle_ms && stored->idle_ms < stored->final_ms - run->now_ms;
	int64_t expires_ms = is_sooner ? run->now_ms + stored->idle_ms : stored->final_ms;

	stored->expires_ms = expires_ms;
}

/* The content to store: a byte selects its kind and its times. */
static struct sci_content make_content(struct run *run, struct stored *stored)
{
	uint8_t kind = next(&run->input);
	struct object *object = &run->objects[stored->version];
	struct sci_content content = { .len = stored->len, .expires_ms = SCI_NEVER };

	if (kind % 4 == 0)
		content.expires_ms = run->now_ms + 1 + kind;
	if (kind % 8 == 5)
		content.idle_ms = 1 + kind / 8;
	if (kind % 16 > 12)
		content.cost = (uint32_t)1 << kind / 8;
	if (kind % 32 == 11 && !object->is_stored) {
		stored->object = object;
		content.object = &object->link;
		content.weight = stored->len;
		content.len = 0;
	}
	stored->final_ms = content.expires_ms;
	stored->idle_ms = content.idle_ms;
	use(run, stored);
	return content;
}

static void put(struct run *run, uint8_t key)
{
	static unsigned char value[1 << 16];
	struct stored *stored = &run->keys[key];
	size_t len = next(&run->input);
	char text[64];

	if (len >= 192)
		len = (len - 191) * (1u + next(&run->input) * 4u);
	if (len > sizeof value)
		len = sizeof value;
	*stored = (struct stored){ .there = true, .version = ++run->versions, .len = len };
	struct sci_content content = make_content(run, stored);
	for (size_t i = 0; i < len; i++)
		value[i] = (unsigned char)(stored->version + i);
	content.value = value;
	struct sci_name name = name_of(run, key, text);
	uint64_t evicted = sci_shard_stats(run->shard).evictions;
	if (stored->object)
		stored->object->is_stored = true;
	stored->there = sci_shard_put(run->shard, &name, &content, run->now_ms) == SCI_STORE_OK;
	if (stored->object && !stored->there)
		stored->object->is_stored = false;
	release_removed(run);

	struct sci_found found;
	enum sci_lookup lookup = sci_shard_find(run->shard, &name, run->now_ms, &found);
	/* A large value may be evicted at once. */
	if (lookup == SCI_LOOKUP_MISS && sci_shard_stats(run->shard).evictions > evicted)
		stored->there = false;
	check_that((lookup == SCI_LOOKUP_HIT) == stored->there,
		"what was stored is there, and nothing else");
	check_that(!stored->object || stored->object->is_stored == stored->there,
		"an object departs when its entry does");
	if (lookup == SCI_LOOKUP_HIT)
		check_value(&found, stored);
}

static void find(struct run *run, uint8_t key, bool pin)
{
	static _Alignas(8) unsigned char buffer[1 << 16];
	struct stored *stored = &run->keys[key];
	struct sci_copy copy = { .buffer = buffer, .capacity = sizeof buffer };
	struct sci_found found;
	char text[64];
	struct sci_name name = name_of(run, key, text);

	enum sci_peek peek = sci_shard_peek(run->shard, &name, run->now_ms, &copy);
	enum sci_peek peek_quick = sct_peek_quick(run->shard, &name, run->now_ms, &copy);
	check_that(sci_peek_is_worth_another(peek_quick) || peek_quick == peek ||
			(peek_quick == SCI_PEEK_MISS && peek == SCI_PEEK_ORDERED),
		"a lookup of a short key finds something else");
	enum sci_lookup lookup = sci_shard_find(run->shard, &name, run->now_ms, &found);
	release_removed(run);
	check_that(sci_peek_gave_up(peek) || (peek == SCI_PEEK_MISS) == (lookup == SCI_LOOKUP_MISS),
		"a lookup without the lock finds something else");
	if (peek == SCI_PEEK_HIT)
		check_value(&(struct sci_found){ .value = buffer, .len = copy.len }, stored);
	if (lookup != SCI_LOOKUP_HIT) {
		check_that(lookup == SCI_LOOKUP_MISS || run->now_ms >= stored->expires_ms,
			"an entry expired too early");
		stored->there = false;
		return;
	}
	check_that(run->now_ms < stored->expires_ms, "an entry outlived its time");
	check_value(&found, stored);
	use(run, stored);
	if (pin && !found.object && run->pin_count < PINS_MAX &&
		sci_shard_pin(run->shard, found.offset))
		run->pins[run->pin_count++] = (struct pin){ found, *stored };
}

static void unpin(struct run *run, size_t i)
{
	if (run->pin_count == 0)
		return;
	struct pin *pin = &run->pins[i % run->pin_count];
	check_value(&pin->found, &pin->stored);
	sci_shard_unpin(run->shard, pin->found.offset);
	*pin = run->pins[--run->pin_count];
}

static void remove_key(struct run *run, uint8_t key)
{
	char text[64];
	struct sci_name name = name_of(run, key, text);

	bool removed = sci_shard_remove(run->shard, &name);
	release_removed(run);
	check_that(!removed || run->keys[key].there, "something was removed that was not there");
	run->keys[key].there = false;
}

static void resize(struct run *run)
{
	uint64_t least = sci_shard_bytes_least(run->shard);
	uint64_t bytes = least + (run->options.bytes - least) * next(&run->input) / UINT8_MAX;

	sci_shard_resize(run->shard, next(&run->input) % 40u, bytes, run->now_ms);
	sci_shard_shrink(run->shard, run->now_ms);
}

static void operate(struct run *run)
{
	uint8_t byte = next(&run->input), key = byte % KEYS;

	switch (byte / KEYS) {
	case 0:
	case 1:
	case 2:
		put(run, key);
		break;
	case 3:
	case 4:
		find(run, key, false);
		break;
	case 5:
		find(run, key, true);
		break;
	case 6:
		if (key < 20)
			unpin(run, key);
		else if (key < 28)
			run->now_ms += next(&run->input);
		else if (key < 30)
			sci_shard_expire(run->shard, run->now_ms, next(&run->input));
		else
			resize(run);
		break;
	default:
		if (key) {
			remove_key(run, key);
		} else {
			sci_shard_clear(run->shard);
			release_removed(run);
			memset(run->keys, 0, sizeof run->keys);
		}
		break;
	}
	release_removed(run);
}

static void check_shard(const struct run *run)
{
	const char *wrong = sci_shard_check(run->shard);
	struct sci_shard_stats stats = sci_shard_stats(run->shard);

	check_that(!wrong, wrong);
	check_that(stats.pinned <= run->pin_count && (stats.pinned > 0) == (run->pin_count > 0),
		"the number of pins");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t masks[] = { UINT64_MAX, 0, UINT64_C(3) << 30 | UINT64_MAX << 63,
		UINT64_C(0xFF000000) };
	struct run run = { .input = { data, data + size } };
	uint8_t first = next(&run.input);
	run.options = (struct sci_shard_options){
		.policy = first & 1 ? SCI_POLICY_LRU : SCI_POLICY_COUNTED,
		.bytes = (uint64_t)SCI_SHARD_BYTES_MIN << (first >> 1 & 3),
		.max_entries = next(&run.input) % 40u,
		.entry_bytes = 1u + next(&run.input) * 8u,
	};

	run.hash_mask = masks[first >> 3 & 3];
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, run.options.bytes);
	if (!memory)
		return 0;
	memset(memory, 0, run.options.bytes);
	run.shard = sci_shard_format(memory, &run.options);
	check_shard(&run);
	while (run.input.at < run.input.end) {
		operate(&run);
		check_shard(&run);
	}
	while (run.pin_count)
		unpin(&run, 0);
	sci_shard_clear(run.shard);
	check_shard(&run);
	check_that(sci_shard_stats(run.shard).bytes == 0, "an empty shard has no bytes in use");
	free(memory);
	return 0;
}
