/* A function whose fini and resource leave a line each in the log, if they are ended in order. */
#include <scopecache/function.h>

#include <stdio.h>

static int invocations;

static int open_resource(void *context, void **instance, struct sc_error *error)
{
	(void)error;
	*instance = context;
	return 0;
}

static void close_resource(void *instance)
{
	(void)instance;
	fputs("resource closed\n", stderr);
}

static struct sc_resource resource = SC_RESOURCE_INIT(open_resource, close_resource, &invocations);

static int handle(struct sc_invocation *inv, void *state)
{
	struct sc_held held;

	(void)state;
	if (sc_resource_acquire(&resource, &held, NULL) < 0)
		return SC_E_FUNCTION;
	sc_resource_release(&resource, &held);
	return sc_invocation_printf(inv, "%d", ++invocations);
}

static void fini(void *state)
{
	(void)state;
	fprintf(stderr, "fini after %d invocations\n", invocations);
}

SC_LAMBDA_MAIN(NULL, handle, fini)
