/* A function without caches, which fails here because there is no Runtime API. */
#include <scopecache/lambda.h>

#include <stdio.h>

static int handle(struct sc_invocation *inv, void *state)
{
	(void)state;
	return sc_invocation_printf(inv, "{}");
}

int main(void)
{
	struct sc_error error;
	int rc = sc_lambda_run(&SC_LAMBDA_FUNCTION(.handle = handle), &error);
	if (rc < 0)
		fprintf(stderr, "%s\n", error.message);
	return rc < 0;
}
