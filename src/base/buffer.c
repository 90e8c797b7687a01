/* A buffer grows by half, so n appends cost O(n), and a buffer that has held its largest message
 * allocates no more. */
#include "base/buffer.h"

#include <scopecache/error.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 256

void sci_buffer_fini(struct sci_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct sci_buffer){ 0 };
}

void sci_buffer_clear(struct sci_buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
}

int sci_buffer_result(const struct sci_buffer *buffer)
{
	return buffer->failed ? SC_E_NOMEM : 0;
}

int sci_buffer_reserve(struct sci_buffer *buffer, size_t more)
{
	if (more <= buffer->cap - buffer->len)
		return 0;
	if (more > PTRDIFF_MAX - buffer->len)
		return SC_E_NOMEM;

	size_t cap = buffer->cap < FIRST_BYTES ? FIRST_BYTES : buffer->cap + buffer->cap / 2;
	if (cap < buffer->len + more)
		cap = buffer->len + more;
	char *data = realloc(buffer->data, cap);
	if (!data)
		return SC_E_NOMEM;
	buffer->data = data;
	buffer->cap = cap;
	return 0;
}

int sci_buffer_append(struct sci_buffer *buffer, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	int rc = sci_buffer_reserve(buffer, len);
	if (rc < 0) {
		buffer->failed = true;
		return rc;
	}
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	return 0;
}

int sci_buffer_vprintf(struct sci_buffer *buffer, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	int rc = len < 0 ? SC_E_NOMEM : sci_buffer_reserve(buffer, (size_t)len + 1);
	if (rc == 0) {
		vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, again);
		buffer->len += (size_t)len;
	} else {
		buffer->failed = true;
	}
	va_end(again);
	return rc;
}

int sci_buffer_printf(struct sci_buffer *buffer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int rc = sci_buffer_vprintf(buffer, format, args);
	va_end(args);
	return rc;
}
