/* One reader and one writer for both libraries: if they refused different structs, a runtime and
 * a cache library of different versions could not be used together. */
#include "base/sized.h"

#include <scopecache/error.h>

#include <string.h>

static bool was_set(size_t size)
{
	return size >= sizeof size && size <= SCI_SIZED_BYTES_MAX;
}

bool sci_sized_read(void *out, size_t known, const void *given, size_t size)
{
	const unsigned char *byte = given;

	if (!was_set(size))
		return false;
	for (size_t i = known; i < size; i++)
		if (byte[i])
			return false;
	memset(out, 0, known);
	memcpy(out, given, size < known ? size : known);
	return true;
}

int sci_sized_write(void *out, size_t size, const void *all, size_t known)
{
	if (!was_set(size))
		return SC_E_INVAL;
	memset(out, 0, size);
	memcpy(out, all, size < known ? size : known);
	return 0;
}
