/* Not setenv(): it allocates for every new value and can never free an old one, and the id is
 * new in each invocation. putenv() makes the environment point to a text of this file, which
 * then changes in place. */
#include "lambda/trace_environment.h"

#include <scopecache/error.h>

#include <stdlib.h>
#include <string.h>

static const char name[] = "_X_AMZN_TRACE_ID";

/* Let `text` hold `size` bytes. The environment must not point to the old text when it is freed. */
static int reserve_text(struct sci_trace_environment *trace, size_t size)
{
	struct sci_buffer larger = { 0 };

	if (size <= trace->text.cap)
		return 0;
	unsetenv(name);
	sci_buffer_fini(&trace->text);
	int rc = sci_buffer_reserve(&larger, size);
	trace->text = larger;
	return rc;
}

int sci_trace_environment_set(struct sci_trace_environment *trace, const char *trace_id)
{
	if (!trace_id) {
		unsetenv(name);
		return 0;
	}
	if (reserve_text(trace, sizeof name + strlen(trace_id) + 1) < 0)
		return SC_E_NOMEM;
	char *text = trace->text.data, *value = text + sizeof name;
	memcpy(text, name, sizeof name - 1);
	value[-1] = '=';
	memcpy(value, trace_id, strlen(trace_id) + 1);
	/* The environment changes only the first time, and after other code has changed the
	 * variable. */
	if (getenv(name) != value && putenv(text) != 0) {
		unsetenv(name);
		return SC_E_NOMEM;
	}
	return 0;
}

void sci_trace_environment_fini(struct sci_trace_environment *trace)
{
	unsetenv(name);
	sci_buffer_fini(&trace->text);
}
