/* The source of a load: which loader a fetch uses, and the result of one load of a batch. A batch
 * loader serves a single key as a batch of one. No state and no locks. */
#include "cache/lead.h"

#include "base/error.h"
#include "base/sized.h"

int sci_source_of(const struct sc_cache *cache, const struct sc_fetch_options *options,
	struct sci_source *source, struct sc_error *error)
{
	const struct sc_cache_options *own = &cache->options;
	struct sc_fetch_options known = { 0 };

	if (options && !sci_sized_read(&known, sizeof known, options, options->size))
		return sci_error_set(error, SC_E_INVAL, 0,
			"the fetch's options have no size, or one is set that this version of the "
			"library does not know");
	*source = known.loader
		? (struct sci_source){ known.loader, known.loader_context, NULL }
		: (struct sci_source){ own->loader, own->loader_context, own->batch_loader };
	if (!source->loader && !source->batch_loader)
		return sci_error_set(error, SC_E_INVAL, 0,
			"there is no loader: open the cache with one, or name one for this fetch");
	return 0;
}

int sci_batch_result(const struct sc_load *load, int rc)
{
	if (load->has_failed)
		return load->failed_with < 0 ? load->failed_with : SC_E_LOAD;
	if (load->value)
		return 0;
	return rc < 0 ? rc : SC_E_ABSENT;
}

int sci_source_load(struct sc_load *load, const struct sci_source *source)
{
	if (source->loader)
		return source->loader(load, source->context);
	return sci_batch_result(load, source->batch_loader(&load, 1, source->context));
}
