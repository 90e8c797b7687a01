/* Reading options by the table in cache.h. A caller compiled with an older header has a shorter
 * struct, whose missing tail is zero; one compiled with a newer header may have a longer one,
 * which is accepted if its unknown tail is zero. */
#include "cache/options.h"

#include "base/error.h"
#include "base/sized.h"

#include <inttypes.h>

static const struct number_row {
	const char *name;
	uint64_t preset, least, most;
	size_t at;
} numbers[] = {
#define NUMBER(name, preset, least, most, text)                                                    \
	{ #name, preset, least, most, offsetof(struct sc_cache_options, name) },
#define OTHER(...)
	SC_CACHE_OPTION_TABLE(NUMBER, OTHER, OTHER)
#undef NUMBER
};

static const struct time_row {
	const char *name;
	size_t at;
} times[] = {
#define TIME(name, text) { #name, offsetof(struct sc_cache_options, name) },
	SC_CACHE_OPTION_TABLE(OTHER, TIME, OTHER)
#undef TIME
#undef OTHER
};

/* Rows have eight bytes each, so there is no padding, and a longer struct begins like this one. */
enum { ROW_BYTES = 8 };

struct a_byte_for_each_row {
#define ROW(name, ...)               char name;
#define POINTER_ROW(type, name, ...) char name;
	SC_CACHE_OPTION_TABLE(ROW, ROW, POINTER_ROW)
#undef ROW
#undef POINTER_ROW
};

_Static_assert(sizeof(struct sc_cache_options) ==
		sizeof(size_t) + sizeof(struct a_byte_for_each_row) * ROW_BYTES,
	"a row of the table is eight bytes");

static int read_number(struct sc_cache_options *options, const struct number_row *row,
	struct sc_error *error)
{
	uint64_t *value = (uint64_t *)(void *)((char *)options + row->at);

	if (*value == 0)
		*value = row->preset;
	if (*value >= row->least && *value <= row->most)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"%s is %" PRIu64 ", but must be between %" PRIu64 " and %" PRIu64, row->name,
		*value, row->least, row->most);
}

static int check_time(const struct sc_cache_options *options, const struct time_row *row,
	struct sc_error *error)
{
	int64_t time_ms = *(const int64_t *)(const void *)((const char *)options + row->at);

	if (time_ms >= 0)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"%s is %" PRIi64 ", but must not be negative; 0 is no end", row->name, time_ms);
}

static int copy_known(struct sc_cache_options *out, const struct sc_cache_options *options,
	struct sc_error *error)
{
	if (options->size < sizeof options->size || options->size > SCI_SIZED_BYTES_MAX)
		return sci_error_set(error, SC_E_INVAL, 0,
			"the options' size is %zu: set it to sizeof(struct sc_cache_options), as "
			"SC_CACHE_OPTIONS() does",
			options->size);
	if (!sci_sized_read(out, sizeof *out, options, options->size))
		return sci_error_set(error, SC_E_INVAL, 0,
			"an option is set that this version of the library does not know");
	return 0;
}

/* A cache may always grow to the bounds that it is opened with. */
static int read_growth(const char *name, uint64_t *grow, uint64_t max, struct sc_error *error)
{
	if (*grow == 0)
		*grow = max;
	if (*grow >= max)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"grow_%s is %" PRIu64 ", which is less than max_%s, %" PRIu64, name, *grow, name,
		max);
}

static int check_scopes(const struct sc_cache_options *out, struct sc_error *error)
{
	if (!out->shared || !out->strict)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"shared and strict exclude each other: a shared cache has no scopes");
}

static int read_freshness(struct sc_cache_options *out, struct sc_error *error)
{
	bool refreshes = out->refresh_after_ms || out->stale_while_revalidate_ms;

	if (refreshes && !out->loader && !out->batch_loader)
		return sci_error_set(error, SC_E_INVAL, 0,
			"%s needs a loader of the cache's own: nobody waits for a refresh",
			out->refresh_after_ms ? "refresh_after_ms" : "stale_while_revalidate_ms");
	if ((out->stale_if_error_ms || refreshes) && !out->retry_after_ms)
		out->retry_after_ms = SCI_RETRY_AFTER_MS;
	return 0;
}

int sci_cache_options_read(struct sc_cache_options *out, const struct sc_cache_options *options,
	struct sc_error *error)
{
	memset(out, 0, sizeof *out);
	int rc = options ? copy_known(out, options, error) : 0;
	if (rc < 0)
		return rc;
	out->size = sizeof *out;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		rc = read_number(out, &numbers[i], error);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		rc = check_time(out, &times[i], error);
		if (rc < 0)
			return rc;
	}
	rc = read_growth("entries", &out->grow_entries, out->max_entries, error);
	if (rc < 0)
		return rc;
	rc = read_growth("bytes", &out->grow_bytes, out->max_bytes, error);
	if (rc < 0)
		return rc;
	if (out->clock && !out->clock->now_ms)
		return sci_error_set(error, SC_E_INVAL, 0, "the clock has no function");
	rc = check_scopes(out, error);
	return rc < 0 ? rc : read_freshness(out, error);
}
