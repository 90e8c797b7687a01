/* Eviction orders for an index that the caller owns: the engine's foreign shards, on the heap.
 *
 * With a bound on entries and without `grow`, the memory never moves, so other threads may write
 * use bits. Otherwise it is replaced by a block of twice the size when all entry numbers are used.
 * No locks: the caller serialises all calls except the writing of use bits. */
#include "cache/memory.h"

#include "base/sized.h"
#include "engine/foreign.h"

#include <scopecache/eviction.h>

#include <string.h>

#define ENTRIES_MAX   (UINT64_C(1) << 28)
#define WEIGHT_MAX    (UINT64_C(1) << 34)
#define ENTRIES_FIRST 64u

struct order {
	struct sc_eviction face;
	struct sci_shard *shard;
	void *memory;         /* of the shard, not aligned; the marks follow the shard */
	uint32_t entries;     /* entry numbers allocated */
	uint32_t entries_max; /* the limit of `entries` */
	struct sci_foreign_bounds bounds;
};

_Static_assert(SC_EVICTION_NONE == SCI_FOREIGN_NONE, "the number of no entry");

static struct order *order_of(struct sc_eviction *face)
{
	return (struct order *)(void *)face;
}

static uint64_t units_of(uint64_t weight)
{
	return weight / SCI_UNIT + (weight % SCI_UNIT > 0);
}

/* Allocate a shard for `entries` entries, and move the existing ones into it. */
static int make_shard(struct order *order, uint32_t entries)
{
	uint64_t bytes = sci_foreign_bytes(entries, order->bounds.weight_units > 0);
	unsigned char *memory = sci_alloc_zeroed(bytes + SCI_SHARD_ALIGN + entries);

	if (!memory)
		return SC_E_NOMEM;
	unsigned char *aligned =
		memory + (SCI_SHARD_ALIGN - (uintptr_t)memory % SCI_SHARD_ALIGN) % SCI_SHARD_ALIGN;
	unsigned char *marks = aligned + bytes;
	if (order->shard)
		memcpy(marks, order->face.marks, order->entries);
	struct sci_shard *shard =
		sci_foreign_format(aligned, entries, &order->bounds, (_Atomic uint8_t *)marks);
	if (order->shard)
		sci_foreign_take_over(shard, order->shard);
	sci_free(order->memory);
	order->memory = memory;
	order->shard = shard;
	order->entries = entries;
	order->face.marks = marks;
	return 0;
}

/* Publish the shard's tick; call it after each call that may advance it. */
static void set_now(struct order *order)
{
	__atomic_store_n(&order->face.now, (unsigned char)(order->shard->tick & (SCI_TICKS - 1)),
		__ATOMIC_RELAXED);
}

/* One number more than entries, because a new entry needs one while its victim still has its own;
 * rounded up to whole buckets. */
static uint32_t numbers_for(uint64_t max_entries)
{
	return (uint32_t)(max_entries / SCI_BUCKET_SLOTS + 1) * SCI_BUCKET_SLOTS;
}

int sc_eviction_open(struct sc_eviction **out, const struct sc_eviction_options *options)
{
	struct sc_eviction_options known = { 0 };
	struct order *order;

	*out = NULL;
	if (!options || !sci_sized_read(&known, sizeof known, options, options->size) ||
		known.max_entries > ENTRIES_MAX || known.max_weight > WEIGHT_MAX ||
		known.grow > 1 || (!known.max_entries && !known.max_weight))
		return SC_E_INVAL;
	order = sci_alloc_zeroed(sizeof *order);
	if (!order)
		return SC_E_NOMEM;
	order->bounds.max_entries = known.max_entries;
	order->bounds.weight_units = units_of(known.max_weight);
	order->entries_max = numbers_for(known.max_entries ? known.max_entries : ENTRIES_MAX);
	if (make_shard(order,
		    (known.grow || !known.max_entries) && ENTRIES_FIRST < order->entries_max
			    ? ENTRIES_FIRST
			    : order->entries_max)) {
		sci_free(order);
		return SC_E_NOMEM;
	}
	*out = &order->face;
	return 0;
}

void sc_eviction_close(struct sc_eviction *face)
{
	if (!face)
		return;
	sci_free(order_of(face)->memory);
	sci_free(face);
}

static bool is_too_large(const struct order *order, uint64_t weight)
{
	return order->bounds.weight_units && units_of(weight) > order->bounds.weight_units;
}

int sc_eviction_insert(struct sc_eviction *face, uint64_t hash, uint64_t weight, uint32_t *entry)
{
	struct order *order = order_of(face);

	if (is_too_large(order, weight))
		return SC_E_TOO_LARGE;
	if (!sci_foreign_has_room(order->shard)) {
		if (order->entries == order->entries_max)
			return SC_E_INVAL;
		if (make_shard(order,
			    order->entries < order->entries_max / 2 ? order->entries * 2
								    : order->entries_max))
			return SC_E_NOMEM;
	}
	*entry = sci_foreign_insert(order->shard, hash, (uint32_t)units_of(weight));
	set_now(order);
	return 0;
}

int sc_eviction_replace(struct sc_eviction *face, uint32_t entry, uint64_t weight)
{
	struct order *order = order_of(face);

	if (!sci_foreign_has(order->shard, entry))
		return SC_E_INVAL;
	if (is_too_large(order, weight))
		return SC_E_TOO_LARGE;
	sci_foreign_replace(order->shard, entry, (uint32_t)units_of(weight));
	set_now(order);
	return 0;
}

int sc_eviction_remove(struct sc_eviction *face, uint32_t entry)
{
	struct order *order = order_of(face);

	if (!sci_foreign_has(order->shard, entry))
		return SC_E_INVAL;
	sci_foreign_remove(order->shard, entry);
	set_now(order);
	return 0;
}

int sc_eviction_victim(struct sc_eviction *face, uint32_t *entry)
{
	uint32_t victim = sci_foreign_victim(order_of(face)->shard);

	if (victim == SCI_FOREIGN_NONE)
		return 0;
	*entry = victim;
	return 1;
}
