/* Holes: dead records of the log that are large enough to be reused. */
#ifndef SCI_ENGINE_HOLES_H
#define SCI_ENGINE_HOLES_H

#include "engine/layout.h"

/* The smallest hole has room for its links. */
#define SCI_HOLE_UNITS_MIN 2u

/* Turn space into a dead record, and a hole if it is large enough. Joins it with dead records and
 * the gap behind it. */
void sci_holes_add(struct sci_shard *shard, sci_offset offset, uint32_t units);

/* The same without joining. */
void sci_holes_insert(struct sci_shard *shard, sci_offset offset, uint32_t units);

/* A dead record is about to be reused: remove it from its list. */
void sci_holes_remove(struct sci_shard *shard, sci_offset offset);

/* Take `units` from a hole; the rest is a hole again. Returns 0 if no hole is large enough. */
sci_offset sci_holes_take(struct sci_shard *shard, uint32_t units);

#endif
