/* The switch that makes every lookup of the process miss.
 *
 * sc_process_set_bypass() overrides the environment for the rest of the process. The environment
 * is read once, when the first cache opens, unless that call came before. No locks. */
#include "cache/bypass.h"

#include <scopecache/process.h>

#include <stdlib.h>
#include <string.h>

atomic_bool sci_bypass;
static atomic_bool decided;

void sci_bypass_start(void)
{
	if (atomic_load(&decided))
		return;
	const char *wanted = getenv("SCOPECACHE_BYPASS");
	bool bypass = wanted && *wanted && strcmp(wanted, "0") != 0;
	if (!atomic_exchange(&decided, true) && bypass)
		atomic_store(&sci_bypass, true);
}

void sc_process_set_bypass(int bypass)
{
	atomic_store(&decided, true);
	atomic_store(&sci_bypass, bypass != 0);
}

int sc_process_is_bypassed(void)
{
	return sci_is_bypassed();
}
