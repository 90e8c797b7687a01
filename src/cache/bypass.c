/* A call of the user's decides for good; the environment is read once, before the first. */
#include "cache/bypass.h"

#include <scopecache/process.h>

#include <stdlib.h>
#include <string.h>

atomic_int sci_bypass;

void sci_bypass_start(void)
{
	int undecided = SCI_BYPASS_UNDECIDED;

	if (atomic_load(&sci_bypass) != undecided)
		return;
	const char *wanted = getenv("SCOPECACHE_BYPASS");
	bool bypass = wanted && *wanted && strcmp(wanted, "0") != 0;
	/* A call of the user's meanwhile has decided. */
	atomic_compare_exchange_strong(&sci_bypass, &undecided,
		bypass ? SCI_BYPASS_ON : SCI_BYPASS_OFF);
}

void sc_process_set_bypass(int bypass)
{
	atomic_store(&sci_bypass, bypass ? SCI_BYPASS_ON : SCI_BYPASS_OFF);
}

int sc_process_is_bypassed(void)
{
	return sci_is_bypassed();
}
