/* The life of an entry: a record in the index and in a queue, until it is detached. */
#ifndef SCI_ENGINE_ENTRY_H
#define SCI_ENGINE_ENTRY_H

#include "engine/layout.h"

/* Remove an entry from the index and its queue. Its record becomes dead, or detached while it is
 * pinned; an object is added to `to_free`. The caller counts the cause. */
void sci_entry_detach(struct sci_shard *shard, sci_offset offset);

/* Replace the entry in a slot by the record at `offset`. Readers find one or the other at any
 * time. */
void sci_entry_replace(struct sci_shard *shard, sci_slot *slot, sci_offset offset);

/* Free a detached record after its last unpin. */
void sci_entry_die(struct sci_shard *shard, sci_offset offset);

/* Move the record of an unpinned entry down to `to`; the two may overlap. */
void sci_entry_move(struct sci_shard *shard, sci_offset from, sci_offset to);

#endif
