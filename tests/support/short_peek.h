/* sci_shard_peek_short() for any name: of one that is not short it knows nothing. */
#ifndef SCT_SUPPORT_SHORT_PEEK_H
#define SCT_SUPPORT_SHORT_PEEK_H

#include "engine/peek.h"

struct sct_moment {
	int64_t now_ms;
};

static inline int64_t sct_moment_ms(const void *moment)
{
	return ((const struct sct_moment *)moment)->now_ms;
}

static inline enum sci_peek sct_peek_short(const struct sci_shard *shard,
	const struct sci_name *name, int64_t now_ms, struct sci_copy *copy)
{
	struct sct_moment moment = { now_ms };
	uint64_t words[3] = { 0 };

	if (name->len > SCI_SHORT_KEY_MAX)
		return SCI_PEEK_UNSURE;
	if (name->len > 0)
		memcpy((char *)words + 4, name->key, name->len);
	struct sci_short_name short_name = { (uint32_t)(words[0] >> 32), words[1], words[2],
		name->len, name->hash };
	return sci_shard_peek_short(shard, &short_name, sct_moment_ms, &moment, copy->buffer,
		copy->capacity, &copy->len);
}

#endif
