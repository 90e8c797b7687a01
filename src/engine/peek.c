/* A lookup that copies out without the lock.
 *
 * The reader notes the shard's version, follows index and record, copies, and looks at the version again.
 * If it is the same, and was even, nothing that the reader looked at was changed meanwhile (words.h has
 * the order of memory that makes this true), and the copy is good. Otherwise it tries again, a few times.
 *
 * What it reads may be anything while a writer is at work, so every place and length is checked against
 * the log before it is used. */
#include "engine/index.h"
#include "engine/policy.h"

#define TRIES 8u

/* Longer values are better pinned and copied by memcpy. */
#define VALUE_BYTES_MAX 1024u

struct sighting {
	sci_slot *slot;
	uint64_t seen;
	uint32_t shape;
	uint8_t queue;
};

/* What a record at `place` says, if it is a record with this key at all. Sets *value_len. */
static bool is_record_of(const struct sci_shard *shard, sci_place place,
	const struct sci_name *name, struct sighting *sighting, uint64_t *value_len)
{
	if (place < shard->log.start || place > shard->log.limit - SCI_RECORD_HEADER / SCI_UNIT)
		return false;
	struct sci_record *record = sci_record_at(shard, place);
	uint64_t units = sci_read(&record->units);
	uint32_t shape = sci_read(&record->shape);
	uint64_t around = SCI_RECORD_HEADER + name->len + sci_shape_padding(shape);
	if (sci_shape_state(shape) != SCI_RECORD_LIVE || sci_shape_key_len(shape) != name->len ||
		sci_read(&record->hash) != (uint32_t)name->hash ||
		units > shard->log.limit - place || units * SCI_UNIT < around)
		return false;
	sighting->shape = shape;
	sighting->queue = sci_read(&record->queue);
	*value_len = units * SCI_UNIT - around;
	return sci_words_equal(sci_record_words(record), *value_len, name->key, name->len);
}

static bool find_in_line(const struct sci_shard *shard, uint32_t line, const struct sci_name *name,
	struct sighting *sighting, uint64_t *value_len)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;
	uint64_t tag = sci_slot_tag(name->hash);

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = sci_read(&bucket->slot[i]);
		if (!slot || (slot ^ tag) >> SCI_SLOT_TAG_SHIFT != 0 ||
			!is_record_of(shard, sci_slot_place(slot), name, sighting, value_len))
			continue;
		sighting->slot = &bucket->slot[i];
		sighting->seen = slot;
		return true;
	}
	return false;
}

static enum sci_peek peek_once(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy, struct sighting *sighting)
{
	struct sci_lines lines = sci_index_lines(shard, (uint32_t)name->hash);
	uint64_t len;

	if (!find_in_line(shard, lines.home, name, sighting, &len) &&
		!find_in_line(shard, lines.second, name, sighting, &len))
		return SCI_PEEK_MISS;
	struct sci_record *record = sci_record_at(shard, sci_slot_place(sighting->seen));
	if (len > VALUE_BYTES_MAX || now_ms >= sci_read(&record->expires_ms))
		return SCI_PEEK_UNSURE;
	copy->len = len;
	if (len > copy->capacity)
		return SCI_PEEK_TOO_LARGE;
	sci_words_copy_out(copy->buffer, sci_record_words(record), len);
	return SCI_PEEK_HIT;
}

enum sci_peek sci_shard_peek(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy)
{
	struct sighting sighting;

	/* Exact order of use has to be written down at every hit. */
	if (shard->policy == SCI_POLICY_LRU)
		return SCI_PEEK_UNSURE;
	for (unsigned tries = 0; tries < TRIES; tries++) {
		uint32_t version = sci_read(&shard->version);
		if (version % 2 != 0)
			continue;
		enum sci_peek peek = peek_once(shard, name, now_ms, copy, &sighting);
		if (atomic_load_explicit(&shard->version, memory_order_relaxed) != version)
			continue;
		if (peek == SCI_PEEK_HIT)
			sci_policy_mark(shard, sighting.slot, sighting.seen, sighting.queue,
				sighting.shape);
		return peek;
	}
	return SCI_PEEK_UNSURE;
}
