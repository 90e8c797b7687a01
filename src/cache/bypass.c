/* A call of the user's decides for good; the environment is read once, before the first. */
#include "cache/bypass.h"

#include <scopecache/process.h>

#include <stdlib.h>
#include <string.h>

atomic_uint sci_unusual;

/* Whether a call of the user's, or the environment, has decided. */
enum { UNDECIDED, DECIDED };
static atomic_int decision;

void sci_bypass_start(void)
{
	int undecided = UNDECIDED;

	if (atomic_load(&decision) != UNDECIDED)
		return;
	const char *wanted = getenv("SCOPECACHE_BYPASS");
	bool bypass = wanted && *wanted && strcmp(wanted, "0") != 0;
	/* A call of the user's meanwhile has decided. */
	if (atomic_compare_exchange_strong(&decision, &undecided, DECIDED) && bypass)
		sci_unusual_set(SCI_UNUSUAL_BYPASS, true);
}

void sc_process_set_bypass(int bypass)
{
	atomic_store(&decision, DECIDED);
	sci_unusual_set(SCI_UNUSUAL_BYPASS, bypass != 0);
}

int sc_process_is_bypassed(void)
{
	return sci_is_bypassed();
}
