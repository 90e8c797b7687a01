/* The order of use: a list through the live records, the newest first. */
#ifndef SCI_ENGINE_RECENCY_H
#define SCI_ENGINE_RECENCY_H

#include "engine/layout.h"

void sci_recency_add(struct sci_shard *shard, sci_place place);
void sci_recency_remove(struct sci_shard *shard, sci_place place);

/* The record was used: it becomes the newest. Writes nothing when it is. */
void sci_recency_use(struct sci_shard *shard, sci_place place);

/* The record has moved from one place to another, and brought its links along. */
void sci_recency_moved(struct sci_shard *shard, sci_place to);

/* The record that was not used for the longest time among those that are not pinned; 0 if there is
 * none. Steps over the pinned ones, of which there are few. */
sci_place sci_recency_victim(const struct sci_shard *shard);

#endif
