/* Holes: dead records in the log that are large enough to be used again. */
#ifndef SCI_ENGINE_HOLES_H
#define SCI_ENGINE_HOLES_H

#include "engine/layout.h"

/* The least that can be a hole: its links must fit. */
#define SCI_HOLE_UNITS_MIN 2u

/* Make space into a dead record, and into a hole if it is large enough. Joins it with what is dead, or
 * gap, behind it. */
void sci_holes_add(struct sci_shard *shard, sci_offset offset, uint32_t units);

/* The same, with nothing joined. */
void sci_holes_insert(struct sci_shard *shard, sci_offset offset, uint32_t units);

/* A dead record is about to be used otherwise: it is a hole no more. */
void sci_holes_remove(struct sci_shard *shard, sci_offset offset);

/* Take `units` out of a hole that has them; what is left of it is a hole again. 0 if there is none. */
sci_offset sci_holes_take(struct sci_shard *shard, uint32_t units);

#endif
