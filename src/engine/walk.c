/* A tag occurs only in its two lines, sixteen slots, so a search for repeated tags is quick, and
 * no state is kept of earlier steps. */
#include "engine/walk.h"

#include "engine/index.h"

/* Marks a used slot in a word of tags; 0 is an empty slot. */
#define IS_THERE UINT16_C(0x8000)

_Static_assert(64 - SCI_SLOT_TAG_SHIFT < 16, "a tag leaves a bit of a word free");

uint64_t sci_walk_steps(const struct sci_shard *shard)
{
	return (uint64_t)shard->buckets * SCI_BUCKET_SLOTS;
}

void sci_walk_begin(const struct sci_shard *shard, uint16_t *tags)
{
	uint64_t steps = sci_walk_steps(shard);

	for (uint64_t i = 0; i < steps; i++) {
		uint64_t slot = sci_slots(shard)[i];
		tags[i] = slot ? (uint16_t)(slot >> SCI_SLOT_TAG_SHIFT) | IS_THERE : 0;
	}
}

static bool has_tag(const uint16_t *tags, uint64_t from, uint64_t end, uint16_t tag)
{
	for (uint64_t i = from; i < end; i++)
		if (tags[i] == tag)
			return true;
	return false;
}

/* Whether an earlier step had the same tag and lines. */
static bool is_repeated(const uint16_t *tags, uint64_t step, uint32_t other)
{
	uint64_t line = step / SCI_BUCKET_SLOTS, first = line * SCI_BUCKET_SLOTS;
	uint64_t first_of_other = (uint64_t)other * SCI_BUCKET_SLOTS;

	return has_tag(tags, first, step, tags[step]) ||
		(other < line &&
			has_tag(tags, first_of_other, first_of_other + SCI_BUCKET_SLOTS,
				tags[step]));
}

/* The keys of a line that have this tag. */
static unsigned step_in_line(const struct sci_shard *shard, uint32_t line, uint64_t tagged,
	int64_t now_ms, struct sci_walk_key *keys)
{
	const struct sci_bucket *bucket = sci_buckets(shard) + line;
	unsigned count = 0;

	for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = bucket->slot[i];
		if (!slot || !sci_slot_has_tag(slot, tagged))
			continue;
		const struct sci_record *record = sci_record_at(shard, sci_slot_offset(slot));
		if (sci_record_is_stale(record, now_ms))
			continue;
		keys[count++] = (struct sci_walk_key){
			.data = sci_record_key(record),
			.len = sci_header_key_len(record->header),
		};
	}
	return count;
}

unsigned sci_walk_step(const struct sci_shard *shard, const uint16_t *tags, uint64_t step,
	int64_t now_ms, struct sci_walk_key keys[SCI_WALK_KEYS_MAX])
{
	uint64_t tagged = (uint64_t)tags[step] << SCI_SLOT_TAG_SHIFT;
	uint32_t line = (uint32_t)(step / SCI_BUCKET_SLOTS);

	if (!tags[step])
		return 0;
	uint32_t other = sci_index_other(shard, tagged, line);
	if (is_repeated(tags, step, other))
		return 0;
	unsigned count = step_in_line(shard, line, tagged, now_ms, keys);
	if (other != line)
		count += step_in_line(shard, other, tagged, now_ms, keys + count);
	return count;
}
