/* Deadlines of records. */
#ifndef SCI_ENGINE_DEADLINE_H
#define SCI_ENGINE_DEADLINE_H

#include "engine/layout.h"

/* Write a record's words of expiry and notes, and lower the shard's earliest deadline. */
void sci_deadline_write(struct sci_shard *shard, sci_word *words, const struct sci_content *content,
	uint64_t annex_bytes, int64_t now_ms);

/* The words of a record's notes, with the length of its annex. */
void sci_notes_write(sci_word *words, const struct sci_notes *notes, uint64_t annex_bytes);
struct sci_notes sci_notes_read(const sci_word *words);

/* The bytes of padding and annex after a value. */
uint64_t sci_content_annex_bytes(const struct sci_content *content);

/* Restart the idle time of an entry that was used. */
void sci_deadline_used(const struct sci_record *record, int64_t now_ms);

/* The deadline after a use at `now_ms`, from a record's words of expiry. */
int64_t sci_deadline_after_use(const sci_word *expires, int64_t now_ms);

/* Lower the earliest deadline for an entry that was moved: the search may have passed its new
 * slot. */
void sci_deadline_moved(struct sci_shard *shard, const struct sci_record *record);

#endif
