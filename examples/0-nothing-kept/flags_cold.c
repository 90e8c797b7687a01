/* Nothing kept: feature flags without a technique.
 *
 * Every invocation asks the source, and fails while that is down. This is the baseline for
 * technique 5, which answers with the same flags.
 */
#include "flags/flags_source.h"

#include <scopecache/function.h>

static int handle(struct sc_invocation *inv, void *state)
{
	char flags[FLAGS_BYTES_MAX];
	struct sc_error error;
	size_t len;

	(void)state;
	if (flags_read(flags, &len, &error) < 0)
		return sc_invocation_fail(inv, "Function.FlagsUnavailable", "%s", error.message);
	return sc_invocation_printf(inv, "{\"flags\":%.*s,\"age_ms\":0,\"stale\":false}", (int)len,
		flags);
}

SC_LAMBDA_MAIN(NULL, handle, NULL)
