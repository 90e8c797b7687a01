/* A function as a user writes it, with only the public header. */
#include <scopecache/lambda.h>

#include <stdio.h>

static int handle(struct sc_invocation *inv, void *state)
{
	size_t len;

	(void)state;
	sc_invocation_event(inv, &len);
	return sc_invocation_printf(inv, "{\"len\":%zu}", len);
}

int main(void)
{
	struct sc_error error;

	int rc = sc_lambda_run(&SC_LAMBDA_FUNCTION(.handle = handle, .log = sc_lambda_log_stderr),
		&error);
	if (rc < 0)
		fprintf(stderr, "[ERROR] %s\n", error.message);
	return rc < 0;
}
