/* The words of a record that say when it expires. The shard keeps the earliest deadline, so that
 * the search for expired entries (expiry.c) can rest until then. */
#include "engine/deadline.h"

static void expect(struct sci_shard *shard, int64_t expires_ms)
{
	if (expires_ms < shard->expiry.due_ms)
		shard->expiry.due_ms = expires_ms;
	if (expires_ms < shard->expiry.lap_due_ms)
		shard->expiry.lap_due_ms = expires_ms;
}

static int64_t sooner(int64_t now_ms, int64_t idle_ms, int64_t final_ms)
{
	int64_t idle_until_ms;

	if (__builtin_add_overflow(now_ms, idle_ms, &idle_until_ms))
		return final_ms;
	return idle_until_ms < final_ms ? idle_until_ms : final_ms;
}

/* The lowest byte of the tag. */
#define ANNEX_MASK ((UINT64_C(1) << SCI_NOTES_TAG_SHIFT) - 1)

void sci_notes_write(sci_word *words, const struct sci_notes *notes, uint64_t annex_bytes)
{
	sci_write(&words[0], (uint64_t)notes->fresh_until_ms);
	sci_write(&words[1], (uint64_t)notes->stored_ms);
	sci_write(&words[2], (uint64_t)notes->due_at_ms);
	sci_write(&words[3], (uint64_t)notes->revalidate_until_ms);
	sci_write(&words[4], (notes->tag & ~ANNEX_MASK) | annex_bytes);
}

struct sci_notes sci_notes_read(const sci_word *words)
{
	return (struct sci_notes){
		.fresh_until_ms = (int64_t)words[0],
		.stored_ms = (int64_t)words[1],
		.due_at_ms = (int64_t)words[2],
		.revalidate_until_ms = (int64_t)words[3],
		.tag = words[4] & ~ANNEX_MASK,
	};
}

/* The annex begins at a whole word. */
uint64_t sci_content_annex_bytes(const struct sci_content *content)
{
	uint64_t len = content->object ? sizeof(void *) : content->len;

	if (!content->notes || content->annex_words == 0)
		return 0;
	return (UINT64_C(0) - len) % SCI_UNIT + content->annex_words * UINT64_C(8);
}

void sci_deadline_write(struct sci_shard *shard, sci_word *words, const struct sci_content *content,
	uint64_t annex_bytes, int64_t now_ms)
{
	int64_t expires_ms = content->expires_ms;

	if (content->idle_ms || content->notes) {
		int64_t idle_ms = content->idle_ms ? content->idle_ms : SCI_NEVER;
		expires_ms = sooner(now_ms, idle_ms, expires_ms);
		sci_write(&words[1], (uint64_t)idle_ms);
		sci_write(&words[2], (uint64_t)content->expires_ms);
	}
	if (content->notes)
		sci_notes_write(&words[3], content->notes, annex_bytes);
	sci_write(&words[0], (uint64_t)expires_ms);
	expect(shard, expires_ms);
}

/* Threads may see different times: one in an invocation is behind. A late use must not move the
 * deadline back. */
int64_t sci_deadline_after_use(const sci_word *expires, int64_t now_ms)
{
	/* A lookup that began before any entry could expire does not know the time. */
	int64_t expires_ms = (int64_t)sci_read(expires);
	int64_t after_ms =
		sooner(now_ms, (int64_t)sci_read(&expires[1]), (int64_t)sci_read(&expires[2]));

	return after_ms > expires_ms ? after_ms : expires_ms;
}

void sci_deadline_used(const struct sci_record *record, int64_t now_ms)
{
	uint64_t header = record->header;

	if (!(header & SCI_HEADER_IDLE))
		return;
	sci_word *expires = sci_record_expires(record, header);
	sci_write(expires, (uint64_t)sci_deadline_after_use(expires, now_ms));
}

void sci_deadline_moved(struct sci_shard *shard, const struct sci_record *record)
{
	uint64_t header = record->header;

	if (sci_header_has_deadline(header))
		expect(shard, (int64_t)*sci_record_expires(record, header));
}
