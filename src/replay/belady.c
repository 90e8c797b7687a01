/* The cached keys are in a heap, with the key on top whose next use is farthest away. That key
 * is evicted when a key with a sooner use is missed. A key without a next use, or with a next
 * use farther away than those of all cached keys, is not cached. */
#include "replay/belady.h"

#include "base/error.h"

#include <stdlib.h>

#define NEVER           UINT32_MAX /* a trace has fewer requests */
#define OUTSIDE         UINT32_MAX
#define REQUESTS_A_LOOK 4096u

struct sci_belady {
	const struct sci_trace *trace;
	uint32_t *next_request; /* of each request: the next one for the same key, or NEVER */
	uint32_t *next_use;     /* of each key in the cache, the same */
	uint32_t *place;        /* of each key: where in the heap it is, or OUTSIDE */
	uint32_t *heap;         /* keys */
	uint32_t held;
};

/* Backwards, `next_use` is the request that was seen last for each key. */
static void find_next_requests(struct sci_belady *belady)
{
	const struct sci_trace *trace = belady->trace;

	for (uint32_t key = 0; key < trace->key_count; key++)
		belady->next_use[key] = NEVER;
	for (uint32_t i = trace->requests; i-- > 0;) {
		belady->next_request[i] = belady->next_use[trace->keys[i]];
		belady->next_use[trace->keys[i]] = i;
	}
}

void sci_belady_close(struct sci_belady *belady)
{
	if (!belady)
		return;
	free(belady->next_request);
	free(belady->next_use);
	free(belady->place);
	free(belady->heap);
	free(belady);
}

int sci_belady_open(struct sci_belady **out, const struct sci_trace *trace, struct sc_error *error)
{
	struct sci_belady *belady = calloc(1, sizeof *belady);

	*out = NULL;
	if (belady) {
		belady->trace = trace;
		belady->next_request = malloc(trace->requests * sizeof(uint32_t));
		belady->next_use = malloc(trace->key_count * sizeof(uint32_t));
		belady->place = malloc(trace->key_count * sizeof(uint32_t));
		belady->heap = malloc(trace->key_count * sizeof(uint32_t));
	}
	if (!belady || !belady->next_request || !belady->next_use || !belady->place ||
		!belady->heap) {
		sci_belady_close(belady);
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory for the optimum of %s",
			trace->path);
	}
	find_next_requests(belady);
	*out = belady;
	return 0;
}

static void set(struct sci_belady *belady, uint32_t place, uint32_t key)
{
	belady->heap[place] = key;
	belady->place[key] = place;
}

/* `key` belongs at `place`, or above it. */
static void rise(struct sci_belady *belady, uint32_t place, uint32_t key)
{
	while (place > 0) {
		uint32_t above = (place - 1) / 2;
		if (belady->next_use[belady->heap[above]] >= belady->next_use[key])
			break;
		set(belady, place, belady->heap[above]);
		place = above;
	}
	set(belady, place, key);
}

/* `key` belongs on top, or under it. */
static void sink(struct sci_belady *belady, uint32_t key)
{
	uint32_t place = 0;

	for (;;) {
		uint64_t below = 2 * (uint64_t)place + 1;
		if (below >= belady->held)
			break;
		if (below + 1 < belady->held &&
			belady->next_use[belady->heap[below + 1]] >
				belady->next_use[belady->heap[below]])
			below++;
		if (belady->next_use[belady->heap[below]] <= belady->next_use[key])
			break;
		set(belady, place, belady->heap[below]);
		place = (uint32_t)below;
	}
	set(belady, place, key);
}

/* A key that is not cached, and will be used again. Returns true when another was evicted for
 * it. */
static bool take_in(struct sci_belady *belady, uint32_t key, uint32_t next, uint64_t entries)
{
	if (belady->held < entries) {
		belady->next_use[key] = next;
		rise(belady, belady->held++, key);
		return false;
	}
	uint32_t farthest = belady->heap[0];
	if (belady->next_use[farthest] <= next)
		return false;
	belady->place[farthest] = OUTSIDE;
	belady->next_use[key] = next;
	sink(belady, key);
	return true;
}

void sci_belady_replay(struct sci_belady *belady, uint64_t entries, struct sci_replay_bar *bar,
	struct sci_replay_result *result)
{
	const struct sci_trace *trace = belady->trace;

	*result = (struct sci_replay_result){ 0 };
	belady->held = 0;
	for (uint32_t key = 0; key < trace->key_count; key++)
		belady->place[key] = OUTSIDE;
	for (uint32_t i = 0; i < trace->requests; i++) {
		uint32_t key = trace->keys[i], next = belady->next_request[i];

		if (i % REQUESTS_A_LOOK == 0)
			sci_replay_bar_at(bar, i, trace->requests);
		if (belady->place[key] != OUTSIDE) {
			result->hits++;
			result->hit_bytes += sci_trace_size(trace, i);
			result->saved += sci_trace_cost(trace, i);
			belady->next_use[key] = next;
			rise(belady, belady->place[key], key);
		} else if (next != NEVER) {
			result->evictions += take_in(belady, key, next, entries);
		}
	}
}
