/* The version that this library was compiled as, for those who run with it. */
#include <scopecache/version.h>

const char *sc_version(void)
{
	return SC_VERSION_TEXT;
}

uint32_t sc_version_number(void)
{
	return SC_VERSION_NUMBER;
}
