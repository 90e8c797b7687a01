/* What the model knows exactly: which entries exact LRU evicted, unless some expired or the index
 * dropped some; and which objects were freed, because each records that. */
#include "cache/cache_model.h"

#include "support/random.h"

struct sct_model sct_model;

uint64_t sct_model_below(uint64_t bound)
{
	return sct_below(&sct_model.random, bound);
}

bool sct_model_has(enum sct_model_feature feature)
{
	return sct_model.config->features & feature;
}

/* ---- Keys and values ---- */

struct sc_key sct_model_key(int number, struct sc_part parts[3])
{
	static char long_text[900];
	struct sc_key key = { parts, 2 };

	parts[0] = sc_part_integer(number / 7);
	switch (number % 7) {
	case 0:
		parts[1] = sc_part_text("");
		break;
	case 1:
		parts[1] = sc_part_absent();
		break;
	case 2:
		parts[1] = sc_part_bool(number % 4 == 0);
		break;
	case 3:
		parts[1] = sc_part_text_n(long_text, (size_t)number * 7);
		break;
	case 4:
		parts[1] = sc_part_bytes(long_text, (size_t)number);
		break;
	case 5:
		parts[0] = sc_part_text_n(long_text, (size_t)number);
		key.count = 1;
		break;
	default:
		parts[1] = sc_part_unsigned(UINT64_MAX - (uint64_t)number);
		key.count = 3;
		parts[2] = sc_part_text("third");
		break;
	}
	return key;
}

struct sct_entry sct_model_new_entry(int key)
{
	struct sct_entry entry = { .key = key, .version = ++sct_model.versions };

	entry.len = sct_model_below(
		(sct_model_below(50) ? sct_model.config->value_max : SCT_LARGE) + 1);
	if (sct_model_has(SCT_OBJECTS) && sct_model_below(3) == 0)
		entry.object = sct_object_open(&sct_model.naive, entry.version);
	return entry;
}

void sct_model_assert_content(const struct sct_entry *entry, const void *data, size_t len)
{
	if (entry->object) {
		assert_ptr_equal(data, entry->object);
		assert_int_equal(len, 0);
		assert_true(entry->object->is_given && !entry->object->is_freed);
		assert_int_equal(entry->object->version, entry->version);
		return;
	}
	assert_int_equal(len, entry->len);
	assert_true(sct_is_filled(data, len, entry->version));
}

void sct_model_set_times(struct sct_entry *entry, int64_t ttl_ms, int64_t tti_ms)
{
	bool ends = ttl_ms && ttl_ms != SC_NO_END;

	entry->final_ms = ends ? sct_model.now_ms + ttl_ms : SCT_NEVER;
	entry->tti_ms = tti_ms == SC_NO_END ? 0 : tti_ms;
}

int64_t sct_model_some_time(void)
{
	return sct_model_below(4) ? 1 + (int64_t)sct_model_below(100) : SC_NO_END;
}

/* ---- The model ---- */

static bool is_held(const struct sct_entry *entry)
{
	for (size_t i = 0; i < sct_model.hold_count; i++)
		if (!entry->object && sct_model.holds[i].entry.version == entry->version)
			return true;
	return false;
}

void sct_model_evict(uint64_t evicted)
{
	struct sct_naive *model = &sct_model.naive;

	for (; evicted > 0; evicted--) {
		size_t i = 0;
		while (i < model->count && is_held(&model->entries[i]))
			i++;
		assert_true(model->count > 0);
		sct_naive_drop(model, &model->entries[i < model->count ? i : 0]);
	}
}

uint64_t sct_model_evicted(void)
{
	return sct_stats(sct_model.cache).evictions;
}

bool sct_model_expires(void)
{
	return sct_model.config->ttl_ms || sct_model.config->tti_ms || sct_model_has(SCT_TERMS);
}

uint64_t sct_model_fitting(void)
{
	return sct_model.max_bytes / 2 / (sct_model_has(SCT_STRIPED) ? SCT_STRIPES : 1);
}

bool sct_model_is_exact(void)
{
	return sct_model.config->policy == SC_POLICY_LRU && !sct_model_expires() &&
		!sct_model_has(SCT_STRIPED) && sct_stats(sct_model.cache).forgotten == 0;
}

bool sct_model_has_expired(const struct sct_entry *entry)
{
	return sct_model.now_ms >= entry->expires_ms;
}

bool sct_model_may_miss(const struct sct_entry *entry)
{
	struct sc_cache_stats stats = sct_stats(sct_model.cache);

	if (entry->object && sct_object_is_there(entry->object))
		return false;
	return sct_model_has_expired(entry) ||
		(!sct_model_is_exact() && stats.evictions + stats.forgotten > 0);
}

void sct_model_assert_gone(const struct sct_entry *entry)
{
	assert_true(!entry->object || !sct_object_is_there(entry->object));
}

struct sct_entry *sct_model_look_up(int key, bool found)
{
	struct sct_entry *entry = sct_naive_find(&sct_model.naive, key);

	sct_model.lookups++;
	sct_model.expected.hits += found;
	sct_model.expected.misses += !found;
	if (found) {
		if (!entry)
			fail_msg("key %d was found, which the model does not have", key);
		assert_true(entry && !sct_model_has_expired(entry));
		return sct_naive_use(&sct_model.naive, entry, sct_model.now_ms);
	}
	if (entry) {
		sct_model_assert_gone(entry);
		assert_true(sct_model_may_miss(entry));
		sct_model.missed += !sct_model_has_expired(entry);
		sct_naive_drop(&sct_model.naive, entry);
	}
	return NULL;
}

bool sct_model_is_held(void)
{
	return sct_model.hold_count > 0 || sct_model.update_holds;
}

void sct_model_store(const struct sct_entry *entry, int rc, uint64_t evicted)
{
	/* The key's old value was used last; it may have been evicted for the new value. */
	if (sct_model_is_exact())
		sct_model_evict(evicted);
	struct sct_entry *old = sct_naive_find(&sct_model.naive, entry->key);
	if (old) {
		sct_model_assert_gone(old);
		sct_naive_drop(&sct_model.naive, old);
	}
	sct_model.expected.puts += rc == SC_OK;
	sct_model.expected.rejected += rc != SC_OK;
	if (rc == SC_OK)
		sct_naive_store(&sct_model.naive, *entry, sct_model.now_ms);
	else
		assert_true(entry->len > sct_model_fitting() || sct_model_is_held());
	if (sct_model_is_exact())
		assert_int_equal(sct_stats(sct_model.cache).entries, sct_model.naive.count);
}

void sct_model_hold(struct sc_value *value, const struct sct_entry *entry)
{
	if (!sct_model_has(SCT_HOLD) || sct_model.hold_count == SCT_HOLDS || sct_model_below(3)) {
		sc_value_release(value);
		return;
	}
	sct_model.holds[sct_model.hold_count++] = (struct sct_model_hold){ *value, *entry };
	if (entry->object)
		entry->object->holders++;
}
