/* An entry's life: a record that is in the index and in a queue, until it is detached. */
#ifndef SCI_ENGINE_ENTRY_H
#define SCI_ENGINE_ENTRY_H

#include "engine/layout.h"

/* The entry goes: out of the index and its queue. Its record is dead, or, while it is pinned,
 * detached; an object joins the departed. Counts nothing: why it goes is the caller's to know. */
void sci_entry_detach(struct sci_shard *shard, sci_offset offset);

/* The record at `place` takes over the slot of another, which goes, without the key being absent between. */
void sci_entry_replace(struct sci_shard *shard, sci_slot *slot, sci_offset offset);

/* The last pin of a detached record is gone: its space is free. */
void sci_entry_die(struct sci_shard *shard, sci_offset offset);

/* Move an unpinned entry's record down to `to`, over whatever is there; the two may overlap. */
void sci_entry_move(struct sci_shard *shard, sci_offset from, sci_offset to);

#endif
