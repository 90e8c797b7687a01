/* An array of bytes that grows: one allocation, kept and used again. */
#ifndef SCI_BASE_BUFFER_H
#define SCI_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty buffer. `data` has `cap` bytes, of which the first `len` are set. */
struct sci_buffer {
	char *data;
	size_t len, cap;
	bool failed; /* an append found no memory since the buffer was last cleared */
};

/* Free what the buffer holds and make it empty again. */
void sci_buffer_fini(struct sci_buffer *buffer);

/* Make the buffer empty, and forget that an append failed; the memory stays. */
void sci_buffer_clear(struct sci_buffer *buffer);

/* Reserve `more` bytes after `len`. Returns 0, or SC_E_NOMEM with the buffer as it was. */
int sci_buffer_reserve(struct sci_buffer *buffer, size_t more);

/* Append bytes, or text as printf makes it (a NUL that is not counted follows the text). Return 0,
 * or SC_E_NOMEM with the bytes as they were and `failed` set: code that appends many times may
 * ignore each result and return sci_buffer_result(). */
int sci_buffer_append(struct sci_buffer *buffer, const void *data, size_t len);
int sci_buffer_printf(struct sci_buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int sci_buffer_vprintf(struct sci_buffer *buffer, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* SC_E_NOMEM when an append has failed since the buffer was last cleared, else 0. */
int sci_buffer_result(const struct sci_buffer *buffer);

#endif
