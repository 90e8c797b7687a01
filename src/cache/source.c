/* Where a fetch loads from. */
#include "cache/lead.h"

#include "base/error.h"
#include "base/sized.h"

/* What the options of a fetch say instead. */
static int read_options(const struct sc_cache *cache, const struct sc_fetch_options *options,
	struct sci_source *source, struct sc_error *error)
{
	struct sc_fetch_options known = { 0 };

	if (!sci_sized_read(&known, sizeof known, options, options->size))
		return sci_error_set(error, SC_E_INVAL, 0,
			"the fetch's options have no size, or one is set that this version of the "
			"library does not know");
	if (known.max_age_ms < 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"max_age_ms is negative: 0 is any age, and .force = 1 loads in any case");
	if (known.max_age_ms && !cache->keeps_notes)
		return sci_error_set(error, SC_E_INVAL, 0,
			"the cache does not know how old its values are: open it with .track_age = "
			"1");
	if (known.loader) {
		source->loader = known.loader;
		source->context = known.loader_context;
		source->batch_loader = NULL;
	}
	source->entered = known.context;
	source->wanted.max_age_ms = known.max_age_ms;
	source->wanted.force = known.force != 0;
	if (known.load_timeout_ms < 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"load_timeout_ms is negative: 0 is the cache's, and SC_NO_END is none");
	if (known.load_timeout_ms)
		source->wanted.timeout_ms = known.load_timeout_ms;
	return 0;
}

int sci_source_of(const struct sc_cache *cache, const struct sc_fetch_options *options,
	struct sci_source *source, struct sc_error *error)
{
	const struct sc_cache_options *own = &cache->options;

	*source = (struct sci_source){
		.loader = own->loader,
		.context = own->loader_context,
		.batch_loader = own->batch_loader,
		.wanted.timeout_ms = own->load_timeout_ms ? own->load_timeout_ms : SC_NO_END,
	};
	int rc = options ? read_options(cache, options, source, error) : 0;
	if (rc < 0 || source->loader || source->batch_loader)
		return rc;
	return sci_error_set(error, SC_E_INVAL, 0,
		"there is no loader: open the cache with one, or name one for this fetch");
}

int sci_batch_result(const struct sc_load *load, int rc)
{
	if (load->has_failed)
		return load->failed_with < 0 ? load->failed_with : SC_E_LOAD;
	if (load->value || load->is_unchanged)
		return 0;
	return rc < 0 ? rc : SC_E_ABSENT;
}

int sci_source_load(struct sc_load *load, const struct sci_source *source)
{
	if (source->loader)
		return source->loader(load, source->context);
	return sci_batch_result(load, source->batch_loader(&load, 1, source->context));
}
