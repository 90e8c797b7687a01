/* Removing the entries whose keys a predicate names, a few slots at a time. An entry may move to a
 * slot that was passed; so callers sweep for what nobody can find, and sweep again when there is
 * more of it. */
#include "engine/shard.h"

#include "engine/entry.h"
#include "engine/policy.h"

/* The value and what follows it. */
static void overwrite(struct sci_shard *shard, const struct sci_record *record)
{
	uint64_t header = record->header;
	sci_word *words = sci_record_words(record);

	if (sci_record_is_pinned(record) || sci_header_state(header) == SCI_RECORD_OBJECT)
		return;
	sci_change_begin(shard);
	for (uint64_t i = sci_value_offset(sci_header_key_len(header)) / SCI_UNIT;
		i < sci_header_content_units(header); i++)
		sci_write(&words[i], 0);
	sci_change_end(shard);
}

uint32_t sci_shard_sweep(struct sci_shard *shard, uint32_t from, uint32_t slots,
	bool (*is_wanted)(const unsigned char *key, size_t len))
{
	uint32_t all = shard->buckets * SCI_BUCKET_SLOTS;

	for (; from < all && slots > 0; from++, slots--) {
		sci_offset offset = sci_slot_offset(sci_slots(shard)[from]);
		if (!sci_slots(shard)[from])
			continue;
		const struct sci_record *record = sci_record_at(shard, offset);
		if (!is_wanted(sci_record_key(record), sci_header_key_len(record->header)))
			continue;
		overwrite(shard, record);
		sci_policy_removed(shard, offset);
		sci_entry_detach(shard, offset);
	}
	return from < all ? from : 0;
}
