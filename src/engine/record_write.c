/* Records are written in whole words: a reader without the lock may read them meanwhile. record.h
 * has the layout. */
#include "engine/record_write.h"

#include "engine/deadline.h"

uint64_t sci_record_header_for(const struct sci_name *name, const struct sci_content *content)
{
	size_t len = content->object ? sizeof(void *) : content->len;
	uint64_t header = sci_header(content->object ? SCI_RECORD_OBJECT : SCI_RECORD_LIVE,
		sci_value_offset(name->len) + len + sci_content_annex_bytes(content), name->len);

	if (content->cost || content->weight)
		header |= SCI_HEADER_WORTH;
	if (content->notes)
		return header | SCI_HEADER_IDLE;
	if (content->expires_ms != SCI_NEVER || content->idle_ms)
		header |= SCI_HEADER_TIMED;
	if (content->idle_ms)
		header |= SCI_HEADER_IDLE;
	return header;
}

/* Write the key from the middle of a word on, with zeros to the end of its last word. */
static void write_key(sci_word *words, uint32_t slot, const struct sci_name *name)
{
	const unsigned char *key = name->key;
	size_t head_len = name->len < 4 ? name->len : 4;
	size_t count = (4 + name->len + SCI_UNIT - 1) / SCI_UNIT;

	if (!name->words) {
		sci_write(&words[0], slot | sci_word_of(key, head_len) << 32);
		sci_words_copy_in(&words[1], key + head_len, name->len - head_len);
		return;
	}
	sci_write(&words[0], slot | name->words[0] >> 32 << 32);
	for (size_t i = 1; i < count; i++)
		sci_write(&words[i], name->words[i]);
}

void sci_record_write(struct sci_shard *shard, struct sci_record *record, uint64_t header,
	const struct sci_name *name, const struct sci_content *content, int64_t now_ms)
{
	sci_word *words = sci_record_words(record);

	sci_write(&record->header, header);
	/* The key begins in the word of the slot. */
	write_key(&words[2], record->slot, name);
	words += sci_value_offset(name->len) / SCI_UNIT;
	if (content->object) {
		sci_write(words++, (uint64_t)(uintptr_t)content->object);
	} else {
		sci_words_copy_in(words, content->value, content->len);
		words += (content->len + SCI_UNIT - 1) / SCI_UNIT;
	}
	if (content->notes)
		for (unsigned i = 0; i < content->annex_words; i++)
			sci_write(words++, content->annex[i]);
	if (header & SCI_HEADER_WORTH)
		sci_write(words++,
			content->cost | (uint64_t)sci_content_weight_units(content) << 32);
	if (sci_header_has_deadline(header))
		sci_deadline_write(shard, words, content, sci_content_annex_bytes(content), now_ms);
}
