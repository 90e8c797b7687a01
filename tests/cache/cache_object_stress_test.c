/* Threads put, load, pin, remove, evict and expire objects at the same time. An object is alive
 * while referenced, is freed once, and at the end as many were freed as created. */
#include "cache/striped_cache.h"
#include "cache/fetch_with_loader.h"
#include "support/random.h"
#include "support/threads.h"

#include <stdio.h>

#define KEYS    12
#define THREADS 5
#define ROUNDS  5500
#define HELD    3

#define ALIVE UINT64_C(0xA11FEA11FEA11FE0)
#define DEAD  UINT64_C(0xDEADDEADDEADDEAD)

struct creature {
	_Atomic uint64_t magic;
	uint64_t key;
};

static struct {
	struct sc_cache *cache;
	uint64_t most_bytes;
	_Atomic int64_t now_ms;
	atomic_uint made, freed, refused, held;
} arena;

static struct creature *make(uint64_t key)
{
	struct creature *creature = malloc(sizeof *creature);

	sct_check(creature != NULL);
	atomic_init(&creature->magic, ALIVE + key);
	creature->key = key;
	atomic_fetch_add(&arena.made, 1);
	return creature;
}

/* Sometimes the free function uses the cache. */
static void bury(void *pointer, void *context)
{
	struct creature *creature = pointer;
	uint64_t key = creature->key;
	char byte;
	size_t len;

	sct_check(context == &arena);
	sct_check(atomic_exchange(&creature->magic, DEAD) == ALIVE + key);
	free(creature);
	if (atomic_fetch_add(&arena.freed, 1) % 4 == 0) {
		sc_cache_get(arena.cache, SC_KEY("text"), &byte, 1, &len);
		sc_cache_put(arena.cache, SC_KEY("text"), "x", 1);
		sc_cache_invalidate(arena.cache, SC_KEY("creature", (key + 1) % KEYS));
	}
}

static struct sc_object object_of(struct creature *creature)
{
	return (struct sc_object){
		.pointer = creature,
		.weight = creature->key * 700,
		.free = bury,
		.context = &arena,
	};
}

static int load_creature(struct sc_load *load, void *context)
{
	struct sc_object object = object_of(make((uint64_t)sc_load_number(load, 1)));
	uint64_t *random = context;

	sct_check(sc_load_set_object(load, &object) == 0);
	if (sct_below(random, 4) == 0)
		sct_pause();
	/* Some loads fail, others give a second object. */
	if (sct_below(random, 8) == 0)
		return sc_load_fail(load, -1, "after all");
	if (sct_below(random, 8) == 0) {
		object = object_of(make(((struct creature *)object.pointer)->key));
		sct_check(sc_load_set_object(load, &object) == 0);
	}
	return 0;
}

static void check(const struct sc_value *value, uint64_t key)
{
	struct creature *creature = (struct creature *)(uintptr_t)value->data;

	sct_check(value->len == 0);
	sct_check(atomic_load(&creature->magic) == ALIVE + key);
}

static void put(uint64_t *random, uint64_t key)
{
	struct creature *creature = make(key);
	struct sc_object object = object_of(creature);
	const struct sc_put_options *options =
		SC_PUT_OPTIONS(.ttl_ms = 1 + (int64_t)sct_below(random, 5), .tti_ms = 2);

	/* Sometimes an object that cannot be stored. */
	if (sct_below(random, 10) == 0)
		object.weight = 1 << 20;
	if (sc_cache_put_object(arena.cache, SC_KEY("creature", key), &object, options) < 0) {
		atomic_fetch_add(&arena.refused, 1);
		bury(creature, &arena);
	}
}

static void change_something(uint64_t *random, uint64_t key)
{
	switch (sct_below(random, 16)) {
	case 0:
		sc_cache_clear(arena.cache);
		break;
	case 1:
		sct_check(sc_cache_resize(arena.cache, 4 + sct_below(random, 12),
				  arena.most_bytes / 2 + sct_below(random, arena.most_bytes / 2),
				  NULL) == 0);
		break;
	case 2:
		sct_check(sc_cache_maintain(arena.cache, sct_below(random, 2)) >= 0);
		break;
	case 3:
	case 4:
	case 5:
		atomic_fetch_add(&arena.now_ms, 1);
		break;
	default:
		sct_check(sc_cache_invalidate(arena.cache, SC_KEY("creature", key)) >= 0);
		break;
	}
}

struct held {
	struct sc_value value;
	uint64_t key;
};

static void release(struct held *held)
{
	if (held->value.data) {
		check(&held->value, held->key);
		atomic_fetch_add(&arena.held, 1);
	}
	sc_value_release(&held->value);
}

static void live(unsigned number, void *arg)
{
	struct held held[HELD] = { 0 };
	uint64_t random = number + 1;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct held *one = &held[sct_below(&random, HELD)];
		uint64_t key = sct_below(&random, KEYS), what = sct_below(&random, 16);
		release(one);
		one->key = key;
		if (what < 4)
			put(&random, key);
		else if (what < 5)
			change_something(&random, key);
		else if (what < 10)
			sc_cache_acquire(arena.cache, SC_KEY("creature", key), &one->value);
		else
			sct_fetch(arena.cache, SC_KEY("creature", key), load_creature, &random,
				&one->value, NULL);
		if (one->value.data)
			check(&one->value, key);
	}
	for (unsigned i = 0; i < HELD; i++)
		release(&held[i]);
}

static void no_object_is_lost_or_freed_twice(void **state)
{
	const struct {
		bool is_striped;
		uint64_t policy, most_bytes;
	} caches[] = {
		{ false, SC_POLICY_ADAPTIVE, 32 << 10 },
		{ false, SC_POLICY_LRU, 32 << 10 },
		{ true, SC_POLICY_ADAPTIVE, 256 << 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
		memset(&arena, 0, sizeof arena);
		arena.most_bytes = caches[i].most_bytes;
		const struct sc_cache_options *options =
			SC_CACHE_OPTIONS(.max_entries = 8, .grow_entries = 16,
				.max_bytes = arena.most_bytes, .policy = caches[i].policy,
				.ttl_ms = 3, .clock = sct_clock_of(&arena.now_ms));
		arena.cache = caches[i].is_striped ? sct_striped_cache_open(options)
						   : sct_cache_open(options);
		sct_threads_run(THREADS, live, NULL);
		struct sc_cache_stats stats = sct_stats(arena.cache);
		assert_int_equal(arena.made,
			arena.freed + stats.entries -
				(sc_cache_invalidate(arena.cache, SC_KEY("text")) == SC_HIT));
		sc_cache_clear(arena.cache);
		assert_int_equal(arena.made, arena.freed);
		printf("%u objects, %u refused, %u held; %llu evicted, %llu expired, %llu "
		       "reclaimed\n",
			arena.made, arena.refused, arena.held, (unsigned long long)stats.evictions,
			(unsigned long long)stats.expired, (unsigned long long)stats.reclaimed);
		assert_true(arena.held > ROUNDS);
		assert_true(stats.evictions > 0);
		assert_true(stats.expired > 0);
		/* The index of a striped cache is so large that puts find few expired entries. */
		assert_true(stats.reclaimed > 0 || caches[i].is_striped);
		sc_cache_close(arena.cache);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_object_is_lost_or_freed_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
