/* The complete lookup without the lock: it handles equal tags, concurrent writers and misses.
 * peek.h says why it is correct. */
#include "engine/peek.h"

#include "engine/deadline.h"

#define TRIES 8u

/* What a reader saw: a slot with its line, and the header of the record. */
struct sighting {
	struct sci_bucket *line;
	uint64_t seen, header;
};

/* Whether the record at `offset` has this key and lies within the log. */
static bool holds_key(const struct sci_shard *shard, sci_offset offset, const struct sci_name *name,
	uint64_t *header)
{
	const sci_word *words = sci_record_words(sci_record_at(shard, offset));
	uint64_t value_at = sci_value_offset(name->len);
	uint32_t left = sci_peek_units_left(shard, offset);

	if (left == 0)
		return false;
	*header = sci_read(&words[0]);
	uint64_t bytes = sci_header_bytes(*header);
	if ((*header >> SCI_PEEK_UPPER_SHIFT & SCI_PEEK_UPPER_MASK) != sci_peek_upper(name->len) ||
		bytes < value_at || bytes > (uint64_t)left * SCI_UNIT)
		return false;
	return name->words ? sci_words_equal(words + 2, name->words, value_at / SCI_UNIT - 2)
			   : sci_words_equal_bytes(words + 2, name->key, name->len);
}

/* Search both lines of the key. */
static bool look(const struct sci_shard *shard, const struct sci_name *name,
	struct sighting *sighting)
{
	uint32_t line = sci_index_home(shard, name->hash);

	for (int lines = 0; lines < 2; lines++) {
		sighting->line = sci_buckets(shard) + line;
		for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
			sighting->seen = sci_read(&sighting->line->slot[i]);
			if (sci_slot_has_tag(sighting->seen, name->hash) &&
				holds_key(shard, sci_slot_offset(sighting->seen), name,
					&sighting->header))
				return true;
		}
		line = sci_index_other(shard, name->hash, line);
	}
	return false;
}

/* Without the annex, if the record has notes. While a writer is active they may be anything. */
static enum sci_peek cut_annex(const struct sci_record *record, uint64_t header, int64_t now_ms,
	uint64_t *len)
{
	if (!sci_header_has_notes(header))
		return SCI_PEEK_HIT;
	if (now_ms >= (int64_t)sci_read(sci_record_notes(record, header)))
		return SCI_PEEK_TIMED;
	uint64_t annex_bytes = sci_record_annex_bytes(record, header);
	if (annex_bytes > *len)
		return SCI_PEEK_BUSY;
	*len -= annex_bytes;
	return SCI_PEEK_HIT;
}

enum sci_peek sci_peek_why_lock(const struct sci_record *record, uint64_t header,
	uint32_t units_left, int64_t now_ms, uint64_t *len)
{
	if (sci_header_state(header) == SCI_RECORD_OBJECT)
		return SCI_PEEK_OBJECT;
	if (!sci_header_has_deadline(header))
		return SCI_PEEK_HIT;
	if (sci_header_units(header) > units_left)
		return SCI_PEEK_BUSY;
	const sci_word *expires = sci_record_expires(record, header);
	int64_t expires_ms = (int64_t)sci_read(expires);
	bool is_late = now_ms >= expires_ms ||
		((header & SCI_HEADER_IDLE) &&
			sci_deadline_after_use(expires, now_ms) > expires_ms);
	return is_late ? SCI_PEEK_TIMED : cut_annex(record, header, now_ms, len);
}

/* The reader knows what the slot held, not where in the line it is. */
void sci_peek_touch(struct sci_bucket *line, uint64_t seen)
{
	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++)
		if (sci_read(&line->slot[i]) == seen)
			sci_touch(&line->slot[i], seen);
}

static enum sci_peek peek_once(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy, struct sighting *sighting)
{
	if (!look(shard, name, sighting))
		return SCI_PEEK_MISS;
	sci_offset offset = sci_slot_offset(sighting->seen);
	const struct sci_record *record = sci_record_at(shard, offset);
	uint64_t header = sighting->header, value_at = sci_value_offset(name->len);
	uint64_t len = sci_header_bytes(header) - value_at;
	enum sci_peek why = len > SCI_PEEK_BYTES_MAX
		? SCI_PEEK_LONG
		: sci_peek_why_lock(record, header, sci_peek_units_left(shard, offset), now_ms,
			  &len);
	if (why != SCI_PEEK_HIT)
		return why;
	copy->len = len;
	if (len > copy->capacity)
		return SCI_PEEK_TOO_LARGE;
	sci_words_copy_out(copy->buffer, sci_record_words(record) + value_at / SCI_UNIT, len);
	return SCI_PEEK_HIT;
}

enum sci_peek sci_shard_peek(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy)
{
	struct sighting sighting;

	/* In exact LRU order each hit changes the order. */
	if (sci_read(&shard->peek_units) == 0)
		return SCI_PEEK_ORDERED;
	for (unsigned tries = 0; tries < TRIES; tries++) {
		uint32_t sequence = sci_read(&shard->sequence);
		if (sequence % 2 != 0)
			continue;
		enum sci_peek peek = peek_once(shard, name, now_ms, copy, &sighting);
		if (!sci_peek_is_unchanged(shard, sequence))
			continue;
		if (peek == SCI_PEEK_HIT && sci_touch_is_wanted(shard, sighting.seen))
			sci_peek_touch(sighting.line, sighting.seen);
		return peek;
	}
	return SCI_PEEK_BUSY;
}
