/* The values of a run, and its clock. All bytes of a value follow from its identity and its length,
 * so a torn value and one of another key are detected. An object is heap memory that is freed:
 * AddressSanitizer detects a read after the free, ThreadSanitizer one during it. */
#include "cache/history_run.h"

#define OBJECT_WORDS 4
#define NUMBER_BITS  40 /* key:16 | thread:8 | number:40 */

/* ThreadSanitizer looks for missing synchronisation, which a clock with stronger order would
 * hide. */
#ifdef SCT_UNDER_TSAN
#define STAMP_ORDER memory_order_relaxed
#else
#define STAMP_ORDER memory_order_seq_cst
#endif

static _Atomic uint64_t stamps;

void sct_stamps_begin(void)
{
	atomic_store(&stamps, 0);
}

uint64_t sct_stamp(void)
{
	return atomic_fetch_add_explicit(&stamps, 1, STAMP_ORDER) + 1;
}

int64_t sct_stamped_ms(void *context)
{
	(void)context;
	return (int64_t)(atomic_load_explicit(&stamps, STAMP_ORDER) >> SCT_CLOCK_BITS);
}

uint64_t sct_new_id(struct sct_caller *caller, uint32_t key)
{
	sct_check(caller->written + 1 < caller->capacity);
	return (uint64_t)key << 48 | (uint64_t)caller->number << NUMBER_BITS | ++caller->written;
}

uint64_t sct_empty_id(uint32_t key)
{
	return UINT64_MAX - key;
}

static uint64_t word_at(uint64_t id, size_t i)
{
	uint64_t state = id * 31 + i;

	return sct_random(&state);
}

/* Few lengths, so that some values are replaced in place. */
static size_t some_length(struct sct_caller *caller)
{
	return sct_below(&caller->random, 4) * sct_run.scenario->value_max / 4 +
		(sct_below(&caller->random, 2) ? sct_below(&caller->random, 17) : 0);
}

struct head {
	uint64_t id, len;
};

size_t sct_make_value(struct sct_caller *caller, uint64_t id, unsigned char *bytes)
{
	size_t len = some_length(caller);
	struct head head = { id, len };

	memcpy(bytes, &head, sizeof head);
	for (size_t i = 0; i < len; i += sizeof id) {
		uint64_t word = word_at(id, i);
		memcpy(bytes + sizeof head + i, &word,
			len - i < sizeof word ? len - i : sizeof word);
	}
	return sizeof head + len;
}

static uint64_t identify_value(const unsigned char *data, size_t len)
{
	struct head head;

	sct_check(len >= sizeof head);
	memcpy(&head, data, sizeof head);
	sct_check(head.len == len - sizeof head);
	for (size_t i = 0; i < head.len; i += sizeof head.id) {
		uint64_t word = word_at(head.id, i);
		size_t part = head.len - i < sizeof word ? head.len - i : sizeof word;
		sct_check(memcmp(data + sizeof head + i, &word, part) == 0);
	}
	return head.id;
}

/* ---- Objects ---- */

struct thing {
	uint64_t id;
	uint64_t words[OBJECT_WORDS];
};

static struct sct_free_record *free_record_of(uint64_t id)
{
	struct sct_caller *caller = &sct_run.callers[id >> NUMBER_BITS & 0xFF];

	return &caller->free_records[id & ((UINT64_C(1) << NUMBER_BITS) - 1)];
}

static uint64_t identify_object(const struct thing *thing)
{
	for (size_t i = 0; i < OBJECT_WORDS; i++)
		sct_check(thing->words[i] == word_at(thing->id, i));
	return thing->id;
}

static void free_thing(void *pointer, void *context)
{
	struct thing *thing = pointer;
	struct sct_free_record *record = free_record_of(identify_object(thing));

	sct_check(context == record && record->is_object);
	atomic_store_explicit(&record->freed, sct_stamp(), memory_order_relaxed);
	sct_check(atomic_fetch_add_explicit(&record->frees, 1, memory_order_relaxed) == 0);
	memset(thing, 0xDD, sizeof *thing);
	free(thing);
}

struct sc_object sct_make_object(struct sct_caller *caller, uint64_t id)
{
	struct thing *thing = malloc(sizeof *thing);
	struct sct_free_record *record = free_record_of(id);

	sct_check(thing != NULL);
	thing->id = id;
	for (size_t i = 0; i < OBJECT_WORDS; i++)
		thing->words[i] = word_at(id, i);
	record->is_object = true;
	return (struct sc_object){ .pointer = thing,
		.weight = some_length(caller),
		.free = free_thing,
		.context = record };
}

void sct_refuse_object(const struct sc_object *object)
{
	free_thing(object->pointer, object->context);
}

uint64_t sct_identify(const void *data, size_t len, uint32_t key)
{
	if (len == 0 && !sct_run_has(SCT_OBJECTS))
		return sct_empty_id(key);
	uint64_t id = len == 0 ? identify_object(data) : identify_value(data, len);
	sct_check(id >> 48 == key);
	return id;
}

static void assert_freed_once(const struct sct_caller *caller)
{
	for (uint64_t i = 0; i <= caller->written; i++)
		assert_int_equal(caller->free_records[i].frees, caller->free_records[i].is_object);
}

void sct_record_frees(struct sct_event *events, size_t count)
{
	for (size_t i = 0; i < SCT_THREADS; i++)
		assert_freed_once(&sct_run.callers[i]);
	for (size_t i = 0; i < count; i++) {
		bool writes = events[i].kind == SCT_PUT || events[i].kind == SCT_LOAD;
		if (!writes || events[i].value == sct_empty_id(events[i].key))
			continue;
		uint64_t freed = free_record_of(events[i].value)->freed;
		if (freed && (!events[i].expires || freed < events[i].expires))
			events[i].expires = freed;
	}
}
