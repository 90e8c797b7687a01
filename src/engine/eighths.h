/* The window in eighths, so that an entry that gets a second chance is put back at its rank of
 * recency, and not only at the front. Each record stores its eighth; each eighth stores its oldest
 * entry. */
#ifndef SCI_ENGINE_EIGHTHS_H
#define SCI_ENGINE_EIGHTHS_H

#include "engine/layout.h"

/* The entry after which, from the newest, one is inserted as the newest of this eighth; 0: at the
 * front. */
sci_offset sci_eighths_before(const struct sci_shard *shard, unsigned eighth);

/* An entry was inserted, is about to be removed, or was moved. */
void sci_eighths_added(struct sci_shard *shard, sci_offset offset, unsigned eighth);
void sci_eighths_remove(struct sci_shard *shard, sci_offset offset);
void sci_eighths_moved(struct sci_shard *shard, sci_offset from, sci_offset to);

/* Move entries down so that no eighth but the last has more than its share. */
void sci_eighths_balance(struct sci_shard *shard);

#endif
