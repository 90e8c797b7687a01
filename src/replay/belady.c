/* The cached keys are in a heap, with the key on top whose next use is farthest away. That key is
 * evicted when a key with a sooner use is missed. A key without a next use, or with a next use
 * farther away than those of all cached keys, is not cached. */
#include "replay/belady.h"

#include "base/error.h"

#include <stdlib.h>

#define NEVER               UINT32_MAX /* a trace has fewer requests */
#define OUTSIDE             UINT32_MAX
#define REQUESTS_PER_UPDATE 4096u

struct sci_belady {
	const struct sci_trace *trace;
	uint32_t *next_request; /* of each request: the next request for its key, or NEVER */
	uint32_t *next_use;     /* of each cached key: its next request, or NEVER */
	uint32_t *position;     /* of each key: its index in the heap, or OUTSIDE */
	uint32_t *heap;         /* keys */
	uint32_t held;
};

/* Goes backwards, so `next_use` has each key's earliest request after `i`. */
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
	free(belady->position);
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
		belady->position = malloc(trace->key_count * sizeof(uint32_t));
		belady->heap = malloc(trace->key_count * sizeof(uint32_t));
	}
	if (!belady || !belady->next_request || !belady->next_use || !belady->position ||
		!belady->heap) {
		sci_belady_close(belady);
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory for the optimum of %s",
			trace->path);
	}
	find_next_requests(belady);
	*out = belady;
	return 0;
}

static void set(struct sci_belady *belady, uint32_t position, uint32_t key)
{
	belady->heap[position] = key;
	belady->position[key] = position;
}

/* Move `key` up from `position` to where it belongs. */
static void rise(struct sci_belady *belady, uint32_t position, uint32_t key)
{
	while (position > 0) {
		uint32_t above = (position - 1) / 2;
		if (belady->next_use[belady->heap[above]] >= belady->next_use[key])
			break;
		set(belady, position, belady->heap[above]);
		position = above;
	}
	set(belady, position, key);
}

/* Move `key` down from the top to where it belongs. */
static void sink(struct sci_belady *belady, uint32_t key)
{
	uint32_t position = 0;

	for (;;) {
		uint64_t below = 2 * (uint64_t)position + 1;
		if (below >= belady->held)
			break;
		if (below + 1 < belady->held &&
			belady->next_use[belady->heap[below + 1]] >
				belady->next_use[belady->heap[below]])
			below++;
		if (belady->next_use[belady->heap[below]] <= belady->next_use[key])
			break;
		set(belady, position, belady->heap[below]);
		position = (uint32_t)below;
	}
	set(belady, position, key);
}

/* Cache a missed key that will be used again, or not. Returns true when it evicted another key. */
static bool insert(struct sci_belady *belady, uint32_t key, uint32_t next, uint64_t entries)
{
	if (belady->held < entries) {
		belady->next_use[key] = next;
		rise(belady, belady->held++, key);
		return false;
	}
	uint32_t farthest = belady->heap[0];
	if (belady->next_use[farthest] <= next)
		return false;
	belady->position[farthest] = OUTSIDE;
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
		belady->position[key] = OUTSIDE;
	for (uint32_t i = 0; i < trace->requests; i++) {
		uint32_t key = trace->keys[i], next = belady->next_request[i];

		if (i % REQUESTS_PER_UPDATE == 0)
			sci_replay_bar_at(bar, i, trace->requests);
		if (belady->position[key] != OUTSIDE) {
			result->hits++;
			result->hit_bytes += sci_trace_size(trace, i);
			result->saved += sci_trace_cost(trace, i);
			belady->next_use[key] = next;
			rise(belady, belady->position[key], key);
		} else if (next != NEVER) {
			result->evictions += insert(belady, key, next, entries);
		}
	}
}
