/* Queues of entries, linked through their records. */
#ifndef SCI_ENGINE_QUEUE_H
#define SCI_ENGINE_QUEUE_H

#include "engine/layout.h"

/* Add a record at the front of a queue. */
void sci_queue_add(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset);

/* Add a record to the window, at the front of a segment. */
void sci_queue_add_to_segment(struct sci_shard *shard, sci_offset offset, unsigned segment);

/* Remove a record from its queue. */
void sci_queue_remove(struct sci_shard *shard, sci_offset offset);

/* Move a record to the front of a queue, its own or the other. Writes nothing if it is there. */
void sci_queue_renew(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset);

/* The record was moved, with its links. */
void sci_queue_moved(struct sci_shard *shard, sci_offset from, sci_offset to);

/* The oldest record of a queue that is not pinned; 0 if there is none. Few records are pinned. */
sci_offset sci_queue_oldest(const struct sci_shard *shard, enum sci_queue_name name);

#endif
