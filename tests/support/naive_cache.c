/* Linear searches in an array whose order is kept by moving the later entries: too simple to be
 * wrong. */
#include "support/naive_cache.h"

#include "support/cmocka.h"

#include <stdbool.h>
#include <string.h>

struct sct_entry *sct_naive_find(struct sct_naive *naive, int key)
{
	for (size_t i = 0; i < naive->count; i++)
		if (naive->entries[i].key == key)
			return &naive->entries[i];
	return NULL;
}

void sct_naive_drop(struct sct_naive *naive, struct sct_entry *entry)
{
	const struct sct_entry *end = naive->entries + naive->count;

	memmove(entry, entry + 1, (size_t)(end - (entry + 1)) * sizeof *entry);
	naive->count--;
}

void sct_naive_renew(struct sct_entry *entry, int64_t now_ms)
{
	bool is_sooner = entry->tti_ms && entry->tti_ms < entry->final_ms - now_ms;

	entry->expires_ms = is_sooner ? now_ms + entry->tti_ms : entry->final_ms;
}

static struct sct_entry *add(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms)
{
	assert_true(naive->count < SCT_NAIVE_MAX);
	sct_naive_renew(&entry, now_ms);
	naive->entries[naive->count] = entry;
	return &naive->entries[naive->count++];
}

struct sct_entry *sct_naive_store(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms)
{
	struct sct_entry *old = sct_naive_find(naive, entry.key);

	if (old)
		sct_naive_drop(naive, old);
	return add(naive, entry, now_ms);
}

struct sct_entry *sct_naive_use(struct sct_naive *naive, struct sct_entry *entry, int64_t now_ms)
{
	struct sct_entry used = *entry;

	sct_naive_drop(naive, entry);
	return add(naive, used, now_ms);
}
