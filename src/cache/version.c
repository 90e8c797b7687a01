/* The version with which the library was compiled, which may differ from that of the headers. */
#include <scopecache/version.h>

const char *sc_version(void)
{
	return SC_VERSION_TEXT;
}

uint32_t sc_version_number(void)
{
	return SC_VERSION_NUMBER;
}
