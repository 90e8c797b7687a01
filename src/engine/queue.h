/* Queues of entries, through the records themselves. */
#ifndef SCI_ENGINE_QUEUE_H
#define SCI_ENGINE_QUEUE_H

#include "engine/layout.h"

/* Add a record as the newest of a queue. */
void sci_queue_add(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset);

/* Add it to the window as the newest of an eighth of it. */
void sci_queue_add_to_eighth(struct sci_shard *shard, sci_offset offset, unsigned eighth);

/* Take a record out of the queue that it is in. */
void sci_queue_remove(struct sci_shard *shard, sci_offset offset);

/* The record becomes the newest of a queue, its own or the other. Writes nothing when it is. */
void sci_queue_renew(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset);

/* The record has moved, and brought its links along. */
void sci_queue_moved(struct sci_shard *shard, sci_offset from, sci_offset to);

/* The oldest record of a queue that is not pinned; 0 if there is none. Steps over the pinned ones, of
 * which there are few. */
sci_offset sci_queue_oldest(const struct sci_shard *shard, enum sci_queue_name name);

#endif
