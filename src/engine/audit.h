/* Builds with SC_AUDIT check all invariants of the shard at each eviction, in the middle of the
 * call that evicts: all structures change there. */
#ifndef SCI_ENGINE_AUDIT_H
#define SCI_ENGINE_AUDIT_H

#include "engine/layout.h"
#include "engine/shard_check.h"

#ifdef SC_AUDIT

#include <stdio.h>
#include <stdlib.h>

/* A shard with at most so many slots and entries is checked at each eviction. */
#define SCI_AUDIT_SMALL 1024u

/* A larger one may spend so many steps per eviction on checks, on average. */
#define SCI_AUDIT_STEPS 32u

/* After how many evictions the next check is due. A check walks the whole shard, so larger shards
 * are checked less often, at the same mean cost. */
static inline uint64_t sci_audit_period(const struct sci_shard *shard)
{
	uint64_t steps = (uint64_t)shard->buckets * SCI_BUCKET_SLOTS + shard->entries;

	return steps <= SCI_AUDIT_SMALL ? 1 : steps / SCI_AUDIT_STEPS;
}

/* Call after each counted eviction. During a resize there may be more entries than the new bound:
 * the check waits for the last of these evictions. */
static inline void sci_audit(const struct sci_shard *shard)
{
	uint64_t gone = shard->totals.evictions + shard->totals.forgotten;
	const char *wrong;

	if (gone % sci_audit_period(shard) != 0 || shard->entries > shard->max_entries)
		return;
	wrong = sci_shard_check(shard);
	if (!wrong)
		return;
	fprintf(stderr, "scopecache: after eviction %llu: %s\n", (unsigned long long)gone, wrong);
	abort();
}

#else

static inline void sci_audit(const struct sci_shard *shard)
{
	(void)shard;
}

#endif

#endif
