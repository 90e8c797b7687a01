/* Structs that cross the boundary of a library and may grow: their first word is their size, as the one who
 * made them was compiled. */
#ifndef SCI_BASE_SIZED_H
#define SCI_BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* No struct of a caller's is larger: a larger `size` was never set. */
#define SCI_SIZED_BYTES_MAX 4096u

/* Read a struct of `size` bytes into `out`, of which `known` bytes are known here. What a shorter one lacks is
 * zero. False, with `out` unchanged, when the size was not set, or when something is set that is not known. */
bool sci_sized_read(void *out, size_t known, const void *given, size_t size);

/* Fill a caller's struct of `size` bytes with the `known` bytes of `all`; the rest of it is zero. The first
 * word of `all` is `size` too. Returns 0, or SC_E_INVAL when the size was not set. */
int sci_sized_write(void *out, size_t size, const void *all, size_t known);

#endif
