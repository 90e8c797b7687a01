/* A lookup that copies out without the lock.
 *
 * The reader notes the shard's version, follows index and record, copies, and looks at the version again.
 * If it is the same, and was even, nothing that the reader looked at was changed meanwhile (words.h has
 * the order of memory that makes this true), and the copy is good. Otherwise it tries again, a few times.
 *
 * What it reads may be anything while a writer is at work, so every place and length is checked against
 * the log before it is used. */
#include "engine/expiry.h"
#include "engine/index.h"
#include "engine/policy.h"

#define TRIES 8u

/* Longer values are better pinned and copied by memcpy. */
#define VALUE_BYTES_MAX 1024u

/* What a reader saw: a slot, and the form of the record that it leads to. */
struct sighting {
	sci_slot *slot;
	uint64_t seen, form;
};

/* Whether there is a record with this key at `place`, inside the log as far as readers look at it. */
static inline bool is_record_of(const struct sci_shard *shard, sci_place place,
	const struct sci_name *name, uint64_t *form)
{
	if (place < shard->log_start || place >= shard->log_limit)
		return false;
	const struct sci_record *record = sci_record_at(shard, place);
	uint64_t seen = sci_read(&record->form);
	*form = seen;
	return sci_form_in_index(seen) && sci_form_key_len(seen) == name->len &&
		sci_form_bytes(seen) >= sci_value_offset(name->len) &&
		sci_form_units(seen) <= shard->log_limit - place &&
		sci_words_equal(sci_record_words(record) + 2, name->key, name->len);
}

static inline bool find_in_line(const struct sci_shard *shard, uint32_t line,
	const struct sci_name *name, struct sighting *sighting)
{
	struct sci_bucket *bucket = sci_buckets(shard) + line;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = sci_read(&bucket->slot[i]);
		if (!sci_slot_has_tag(slot, name->hash) ||
			!is_record_of(shard, sci_slot_place(slot), name, &sighting->form))
			continue;
		sighting->slot = &bucket->slot[i];
		sighting->seen = slot;
		return true;
	}
	return false;
}

/* Whether the record is past its deadline, or a use would put that off, which takes the lock. */
static bool needs_lock(const struct sci_record *record, uint64_t form, int64_t now_ms)
{
	if (!(form & SCI_FORM_TIMED))
		return false;
	const sci_word *expires = sci_record_expires(record, form);
	int64_t expires_ms = (int64_t)sci_read(expires);
	return now_ms >= expires_ms ||
		((form & SCI_FORM_IDLE) && sci_expiry_after_use(expires, now_ms) != expires_ms);
}

static inline enum sci_peek peek_once(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy, struct sighting *sighting)
{
	uint32_t home = sci_index_home(shard, name->hash);

	if (!find_in_line(shard, home, name, sighting) &&
		!find_in_line(shard, sci_index_other(shard, name->hash, home), name, sighting))
		return SCI_PEEK_MISS;
	const struct sci_record *record = sci_record_at(shard, sci_slot_place(sighting->seen));
	uint64_t form = sighting->form, len = sci_form_value_len(form);
	if (sci_form_state(form) == SCI_RECORD_OBJECT || len > VALUE_BYTES_MAX ||
		needs_lock(record, form, now_ms))
		return SCI_PEEK_UNSURE;
	copy->len = len;
	if (len > copy->capacity)
		return SCI_PEEK_TOO_LARGE;
	sci_words_copy_out(copy->buffer,
		sci_record_words(record) + sci_value_offset(name->len) / SCI_UNIT, len);
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
			sci_policy_mark(shard, sighting.slot, sighting.seen);
		return peek;
	}
	return SCI_PEEK_UNSURE;
}
