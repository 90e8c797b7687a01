/* In builds with SC_AUDIT a shard proves at each eviction, in the middle of whatever call made it necessary,
 * that it is sound; it is the moment when all its parts change together. */
#ifndef SCI_ENGINE_AUDIT_H
#define SCI_ENGINE_AUDIT_H

#include "engine/layout.h"
#include "engine/shard_check.h"

#ifdef SC_AUDIT

#include <stdio.h>
#include <stdlib.h>

/* A shard of so many slots and entries is proved sound at each eviction. */
#define SCI_AUDIT_SMALL 1024u

/* In a larger one, so much may be walked over for one eviction on average. */
#define SCI_AUDIT_STEPS 32u

/* The evictions after which the next proof comes. A proof walks over the whole shard, so large shards are
 * proved sound once in so many evictions that these cost the same, however large. */
static inline uint64_t sci_audit_period(const struct sci_shard *shard)
{
	uint64_t steps = (uint64_t)shard->buckets * SCI_BUCKET_SLOTS + shard->entries;

	return steps <= SCI_AUDIT_SMALL ? 1 : steps / SCI_AUDIT_STEPS;
}

/* An entry went to make room, and is counted. Nothing but a resize has anything half done then: while it lowers
 * the bound on entries there are more of them than it allows, and the proof has to wait until the last that
 * was too much has gone. */
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
