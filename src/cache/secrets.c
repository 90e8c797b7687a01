/* Secret caches wipe what they free (engine/entry.c, and sci_free_wiped() on the heap). What is
 * left is when: what has expired has to go although no call asks for it, and a process that ends,
 * or forks, must leave nothing behind.
 *
 * In a child of fork() the region is made anew, all zero. So a value that was pinned at the fork is
 * zero there, until an entry of the child's own takes its place; and its release, which would
 * otherwise unpin a record that does not exist, is told by the number of forks in its hold
 * (stripe.h). Objects were only in the region: the child has their copies and never frees them. */
#include "cache/secrets.h"

#include "cache/cache_time.h"
#include "cache/flight.h"
#include "cache/fork.h"
#include "cache/refresh_queue.h"
#include "cache/region.h"
#include "cache/stripes.h"
#include "cache/upkeep.h"

static atomic_uint are_open; /* secret caches, so that a process without any pays for nothing */

void sci_secrets_opened(const struct sc_cache *cache)
{
	are_open += cache->options.secret != 0;
}

void sci_secrets_closed(const struct sc_cache *cache)
{
	are_open -= cache->options.secret != 0;
}

/* Maintenance without an end works in steps under the lock, as always. */
void sci_secrets_expire(void)
{
	struct sc_cache *cache = NULL;

	if (are_open == 0)
		return;
	/* What expired during this invocation, too. */
	sci_cache_time_advance();
	while ((cache = sci_cache_next_open(cache)))
		if (cache->options.secret)
			sci_upkeep_in_background(cache, UINT64_MAX);
}

struct sci_object_link *sci_secrets_clear(void)
{
	struct sci_object_link *objects = NULL;
	struct sc_cache *cache = NULL;

	if (are_open == 0)
		return NULL;
	while ((cache = sci_cache_next_open(cache))) {
		if (!cache->options.secret)
			continue;
		sci_flight_invalidate(cache, NULL);
		sci_refresh_cancel(cache, NULL);
		struct sci_object_link *first = sci_cache_clear(cache);
		sci_object_list_append(&first, objects);
		objects = first;
	}
	return objects;
}

/* The process ends by exit(), or the library is unloaded. Objects are the user's, whose code does
 * not run any more. */
__attribute__((destructor)) static void clear_at_exit(void)
{
	sci_secrets_clear();
}

void sci_secrets_fork(struct sc_cache *cache, enum sci_fork_stage stage)
{
	if (!cache->options.secret || stage != SCI_FORK_IN_CHILD)
		return;
	sci_refresh_cancel(cache, NULL);
	sci_region_renew(cache);
	sci_stripes_format(cache);
	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		struct sci_stripe *stripe = &cache->stripes[i];
		sci_lock_assert_held(&stripe->lock);
		stripe->populated = 0;
		stripe->hold = sci_hold_after_fork(stripe->hold);
	}
	sci_cache_bound_locked(cache, cache->max_entries, cache->max_bytes, 0, NULL);
}
