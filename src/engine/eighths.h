/* The window in eighths: an entry that is given another chance is put back by how recently it was used, and not
 * only in front of all. Each entry's record knows its eighth; of each eighth the oldest entry is known. */
#ifndef SCI_ENGINE_EIGHTHS_H
#define SCI_ENGINE_EIGHTHS_H

#include "engine/layout.h"

/* Behind which entry of the window, seen from the newest, one has to be put to be the newest of this
 * eighth; 0: it becomes the newest of all. */
sci_offset sci_eighths_before(const struct sci_shard *shard, unsigned eighth);

/* An entry has been put into the window there; it is about to be taken out; it was moved. */
void sci_eighths_added(struct sci_shard *shard, sci_offset offset, unsigned eighth);
void sci_eighths_remove(struct sci_shard *shard, sci_offset offset);
void sci_eighths_moved(struct sci_shard *shard, sci_offset from, sci_offset to);

/* Move the bounds between the eighths so that none but the last has more than its share. */
void sci_eighths_balance(struct sci_shard *shard);

#endif
