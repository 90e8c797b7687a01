/* A complete function. Started without a Runtime API, it must report that and end. */
#include <scopecache/function.h>

static int handle(struct sc_invocation *inv, void *state)
{
	(void)state;
	return sc_invocation_printf(inv, "{\"hello\":\"world\"}");
}

SC_LAMBDA_MAIN(NULL, handle, NULL)
