/* Deadlines of records. */
#ifndef SCI_ENGINE_DEADLINE_H
#define SCI_ENGINE_DEADLINE_H

#include "engine/layout.h"

/* Write the words of a timed record that say when it expires, and expect that. */
void sci_deadline_write(struct sci_shard *shard, sci_word *words, const struct sci_content *content,
	int64_t now_ms);

/* The entry is used: an idle time begins anew. */
void sci_deadline_used(const struct sci_record *record, int64_t now_ms);

/* The deadline that a use at `now_ms` gives to a record whose idle time is in these words. */
int64_t sci_deadline_after_use(const sci_word *expires, int64_t now_ms);

/* The entry in the index was moved to where the search may have been already. */
void sci_deadline_moved(struct sci_shard *shard, const struct sci_record *record);

#endif
