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

/* Never met by keys of the cache's own making; kept out of the way of those. */
static __attribute__((noinline)) bool is_key_in_bytes(const sci_word *words,
	const struct sci_name *name)
{
	return sci_words_equal_bytes(words, name->key, name->len);
}

/* What a form has to say of a record in the index with a key of this length. */
#define EXPECTED_MASK (SCI_KEY_LEN_MAX | UINT64_C(1) << SCI_KEY_LEN_BITS)

/* Whether there is a record with this key at `place`, with all of it inside the log. */
static inline bool is_record_of(const struct sci_shard *shard, sci_place place,
	const struct sci_name *name, struct sighting *sighting)
{
	uint64_t offset = sci_value_offset(name->len);
	sci_place limit = sci_read(&shard->log_limit);

	if (place < shard->log_start || place >= limit)
		return false;
	const sci_word *words = sci_record_words(sci_record_at(shard, place));
	uint64_t form = sci_read(&words[0]), bytes = sci_form_bytes(form);
	if ((form >> SCI_KEY_LEN_SHIFT & EXPECTED_MASK) !=
			(name->len | UINT64_C(1) << SCI_KEY_LEN_BITS) ||
		bytes < offset || bytes > (uint64_t)(limit - place) * SCI_UNIT)
		return false;
	sighting->form = form;
	return name->words ? sci_words_equal(words + 2, name->words, offset / SCI_UNIT - 2)
			   : is_key_in_bytes(words + 2, name);
}

/* Look through both lines of the key. */
static inline bool look(const struct sci_shard *shard, const struct sci_name *name,
	struct sighting *sighting)
{
	uint64_t hash = name->hash;
	uint32_t line = sci_index_home(shard, hash);

	for (int lines = 0; lines < 2; lines++) {
		struct sci_bucket *bucket = sci_buckets(shard) + line;
		unsigned at = sci_index_favourite(hash);
		for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
			uint64_t slot = sci_read(&bucket->slot[at]);
			if (sci_slot_has_tag(slot, hash) &&
				is_record_of(shard, sci_slot_place(slot), name, sighting)) {
				sighting->slot = &bucket->slot[at];
				sighting->seen = slot;
				return true;
			}
			at = (at + 1) % SCI_BUCKET_SLOTS;
		}
		line = sci_index_other(shard, hash, line);
	}
	return false;
}

/* What only the lock allows: handing out an object, and putting off a deadline by a use. Also for a
 * record that is past its deadline, or whose times are not inside the log because it is none. */
static __attribute__((noinline)) bool needs_lock(const struct sci_shard *shard,
	const struct sci_record *record, uint64_t form, int64_t now_ms)
{
	if (sci_form_state(form) == SCI_RECORD_OBJECT)
		return true;
	if (!(form & SCI_FORM_TIMED))
		return false;
	const sci_word *expires = sci_record_expires(record, form);
	if (sci_record_words(record) + sci_form_units(form) >
		sci_record_words(sci_record_at(shard, sci_read(&shard->log_limit))))
		return true;
	int64_t expires_ms = (int64_t)sci_read(expires);
	return now_ms >= expires_ms ||
		((form & SCI_FORM_IDLE) && sci_expiry_after_use(expires, now_ms) > expires_ms);
}

/* Most have no deadline and are no objects: one look at the form. */
#define UNUSUAL (SCI_FORM_TIMED | sci_form(SCI_RECORD_DETACHED, 0, 0))

static inline enum sci_peek peek_once(const struct sci_shard *shard, const struct sci_name *name,
	int64_t now_ms, struct sci_copy *copy, struct sighting *sighting)
{
	if (!look(shard, name, sighting))
		return SCI_PEEK_MISS;
	const struct sci_record *record = sci_record_at(shard, sci_slot_place(sighting->seen));
	uint64_t form = sighting->form, offset = sci_value_offset(name->len);
	uint64_t len = sci_form_bytes(form) - offset;
	if (len > VALUE_BYTES_MAX || ((form & UNUSUAL) && needs_lock(shard, record, form, now_ms)))
		return SCI_PEEK_UNSURE;
	copy->len = len;
	if (len > copy->capacity)
		return SCI_PEEK_TOO_LARGE;
	sci_words_copy_out(copy->buffer, sci_record_words(record) + offset / SCI_UNIT, len);
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
		if (peek == SCI_PEEK_HIT && sci_slot_mark(sighting.seen) < SCI_MARK_MAX)
			sci_policy_mark(shard, sighting.slot, sighting.seen);
		return peek;
	}
	return SCI_PEEK_UNSURE;
}
