/* A run of bytes that grows: one allocation, kept and used again. */
#ifndef SCI_BASE_BUFFER_H
#define SCI_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

/* All zero is an empty buffer. `data` has room for `cap` bytes, of which the first `len` are set. */
struct sci_buffer {
	char *data;
	size_t len, cap;
};

/* Free what the buffer holds and make it empty again. */
void sci_buffer_fini(struct sci_buffer *buffer);

/* Make room for `more` bytes after `len`. Returns 0, or SC_E_NOMEM with the buffer as it was. */
int sci_buffer_reserve(struct sci_buffer *buffer, size_t more);

/* Append bytes, or text as printf makes it (a NUL that is not counted follows the text).
 * Return 0, or SC_E_NOMEM with the buffer as it was. */
int sci_buffer_append(struct sci_buffer *buffer, const void *data, size_t len);
int sci_buffer_printf(struct sci_buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int sci_buffer_vprintf(struct sci_buffer *buffer, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#endif
