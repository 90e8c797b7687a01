/* What a loader can read and set. Its value is a block on the heap from the start, because it goes
 * to the caller, to the waiters and into the cache. */
#include "cache/load.h"

#include "base/clock.h"
#include "base/error.h"
#include "cache/cache_time.h"
#include "cache/memory.h"
#include "cache/tags.h"

#include <stdarg.h>

struct sc_load *sci_load_open(const struct sci_name *name, bool is_secret)
{
	size_t bytes = sizeof(struct sc_load) + sci_key_text_bytes(name->len);
	struct sc_load *load = sci_alloc(bytes);

	if (!load)
		return NULL;
	*load = (struct sc_load){ .secret_bytes = is_secret ? bytes : 0 };
	sci_key_decode(&load->parts, (char *)(load + 1), name->key, name->len);
	load->key = (struct sc_key){ load->parts.parts, load->parts.count };
	load->until_mono_ms = INT64_MAX;
	load->freshness.validator = load->validator;
	load->freshness.tags = &load->tags;
	load->terms.freshness = &load->freshness;
	return load;
}

void sci_load_close(struct sc_load *load)
{
	if (load)
		sci_free_wiped(load, load->secret_bytes);
}

const struct sc_key *sc_load_key(const struct sc_load *load)
{
	return &load->key;
}

const struct sc_value *sc_load_old(const struct sc_load *load)
{
	return load->old;
}

const char *sc_load_old_validator(const struct sc_load *load)
{
	return load->old_validator[0] ? load->old_validator : NULL;
}

const char *sc_load_text(const struct sc_load *load, size_t index)
{
	if (index >= load->key.count || load->key.parts[index].type != SC_PART_TEXT)
		return NULL;
	return load->key.parts[index].data;
}

int64_t sc_load_number(const struct sc_load *load, size_t index)
{
	/* Parts that are not numbers have 0 there. */
	return index < load->key.count ? load->key.parts[index].number : 0;
}

/* The old value is released last: freeing an object runs the user's code. */
static void set(struct sc_load *load, struct sci_blob *blob)
{
	struct sci_blob *old = load->value;

	load->value = blob;
	load->has_failed = load->is_unchanged = false;
	sci_blob_release(old);
}

int sc_load_reserve(struct sc_load *load, size_t len, void **data)
{
	struct sci_blob *blob = sci_blob_open(len, load->secret_bytes > 0);

	*data = NULL;
	if (!blob)
		return SC_E_NOMEM;
	set(load, blob);
	*data = blob->data;
	return 0;
}

int sc_load_set_value(struct sc_load *load, const void *data, size_t len)
{
	struct sci_blob *blob = sci_blob_open(len, load->secret_bytes > 0);

	if (!blob)
		return SC_E_NOMEM;
	/* `data` may be the value set before. */
	if (len)
		memcpy(blob->data, data, len);
	set(load, blob);
	return 0;
}

int sc_load_set_unchanged(struct sc_load *load)
{
	if (!load->previous.holder)
		return SC_E_INVAL;
	/* Last: freeing an object that was given before may not return. */
	load->is_unchanged = true;
	load->has_failed = false;
	struct sci_blob *given = load->value;
	load->value = NULL;
	sci_blob_release(given);
	return 0;
}

int sc_load_set_validator(struct sc_load *load, const char *validator)
{
	size_t len = validator ? strlen(validator) : 0;

	load->validator[0] = '\0';
	if (len > SC_VALIDATOR_BYTES_MAX)
		return SC_E_TOO_LARGE;
	if (len)
		memcpy(load->validator, validator, len + 1);
	return 0;
}

int sc_load_add_tag(struct sc_load *load, const char *tag)
{
	return sci_entry_tags_add(&load->tags, load->cache, tag);
}

void sc_load_set_refresh_after_ms(struct sc_load *load, int64_t refresh_after_ms)
{
	load->freshness.refresh_after_ms = refresh_after_ms;
}

void sc_load_set_stale_while_revalidate_ms(struct sc_load *load, int64_t stale_ms)
{
	load->freshness.stale_while_revalidate_ms = stale_ms;
}

void sc_load_set_stale_if_error_ms(struct sc_load *load, int64_t stale_ms)
{
	load->freshness.stale_if_error_ms = stale_ms;
}

void sc_load_set_ttl_ms(struct sc_load *load, int64_t ttl_ms)
{
	load->terms.ttl_ms = ttl_ms;
}

void sc_load_set_tti_ms(struct sc_load *load, int64_t tti_ms)
{
	load->terms.tti_ms = tti_ms;
}

void sc_load_set_cost(struct sc_load *load, uint64_t cost)
{
	load->terms.cost = cost;
}

int sc_load_set_object(struct sc_load *load, const struct sc_object *object)
{
	if (!object || !object->pointer)
		return SC_E_INVAL;
	struct sci_blob *blob = sci_blob_open_object(object);
	if (!blob)
		return SC_E_NOMEM;
	set(load, blob);
	return 0;
}

int sc_load_fail(struct sc_load *load, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sci_error_vset(&load->error, SC_E_LOAD, 0, format, args);
	va_end(args);
	load->has_failed = true;
	load->failed_with = code;
	return code;
}

void sc_load_set_kind(struct sc_load *load, enum sc_load_kind kind)
{
	load->kind = (int)kind;
}

void sc_load_set_retry_after_ms(struct sc_load *load, int64_t retry_after_ms)
{
	load->retry_after_ms = retry_after_ms > 0 ? retry_after_ms : 0;
}

int64_t sc_load_remaining_ms(const struct sc_load *load)
{
	int64_t until_mono_ms = sci_invocation_deadline_mono_ms();

	if (load->until_mono_ms < until_mono_ms)
		until_mono_ms = load->until_mono_ms;
	if (until_mono_ms == INT64_MAX)
		return SC_NO_DEADLINE;
	int64_t remaining_ms = until_mono_ms - sci_mono_ms();
	return remaining_ms > 0 ? remaining_ms : 0;
}
