/* Public structs that may grow: their first word is the size that their maker was compiled with. */
#ifndef SCI_BASE_SIZED_H
#define SCI_BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* No public struct is larger, so a larger `size` was never set. */
#define SCI_SIZED_BYTES_MAX 4096u

/* Read a struct of `size` bytes into `out`, which has the `known` bytes that this version knows.
 * Fields that a shorter struct lacks become zero. False, with `out` unchanged, when the size was
 * not set, or when a byte beyond the known ones is not zero. */
bool sci_sized_read(void *out, size_t known, const void *given, size_t size);

/* Fill a caller's struct of `size` bytes with the `known` bytes of `all`, and what is left with
 * zeros. The first word of `all` is `size` too. Returns 0, or SC_E_INVAL when the size was not
 * set. */
int sci_sized_write(void *out, size_t size, const void *all, size_t known);

#endif
