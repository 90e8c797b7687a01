/* A function for tests: answers with the event itself, fails for the event "fail", and ends its
 * process for the event "exit". */
#include <scopecache/function.h>

#include <stdlib.h>
#include <string.h>

static int handle(struct sc_invocation *inv, void *state)
{
	size_t len;
	const char *event = sc_invocation_event(inv, &len);

	(void)state;
	if (strcmp(event, "\"exit\"") == 0)
		_Exit(3);
	if (strcmp(event, "\"fail\"") == 0)
		return sc_invocation_fail(inv, "Function.Asked", "you asked for it");
	return sc_invocation_answer(inv, event, len, NULL);
}

SC_LAMBDA_MAIN(NULL, handle, NULL)
