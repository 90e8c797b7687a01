/* sci_shard_peek_quick() for any name of up to SCT_QUICK_KEY_MAX bytes. */
#ifndef SCT_SUPPORT_QUICK_PEEK_H
#define SCT_SUPPORT_QUICK_PEEK_H

#include "engine/peek.h"

#define SCT_QUICK_KEY_MAX 1024u

struct sct_moment {
	int64_t now_ms;
};

static inline int64_t sct_moment_ms(const void *moment)
{
	return ((const struct sct_moment *)moment)->now_ms;
}

static inline enum sci_peek sct_peek_quick(const struct sci_shard *shard,
	const struct sci_name *name, int64_t now_ms, struct sci_copy *copy)
{
	struct sct_moment moment = { now_ms };
	uint64_t words[SCT_QUICK_KEY_MAX / 8 + 1] = { 0 };
	struct sci_name with_words = { (char *)words + 4, name->len, name->hash, words };

	if (name->len > SCT_QUICK_KEY_MAX)
		return SCI_PEEK_OTHER;
	if (name->len > 0)
		memcpy((char *)words + 4, name->key, name->len);
	struct sci_quick_name quick = sci_peek_name(&with_words);
	return sci_shard_peek_quick(shard, &quick, sct_moment_ms, &moment, copy->buffer,
		copy->capacity, &copy->len);
}

#endif
