/* Names and values are checked before they are appended. A path is formatted in place, checked, and
 * removed when it is not valid. */
#include "http/http_request.h"

#include "http/http_bytes.h"

#include <scopecache/error.h>

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

static int append_text(struct sci_buffer *out, const char *text)
{
	return sci_buffer_append(out, text, strlen(text));
}

static bool is_path(const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (path[i] <= ' ' || path[i] >= 0x7F)
			return false;
	return len > 0 && path[0] == '/';
}

static bool is_name(const char *name)
{
	size_t len = 0;

	while (sci_http_is_token((unsigned char)name[len]))
		len++;
	return len > 0 && name[len] == '\0';
}

static int append_line(struct sci_buffer *out, const char *method, const char *path, va_list args)
	__attribute__((format(printf, 3, 0)));

static int append_line(struct sci_buffer *out, const char *method, const char *path, va_list args)
{
	int rc = sci_buffer_printf(out, "%s ", method);
	if (rc < 0)
		return rc;
	size_t path_at = out->len;
	rc = sci_buffer_vprintf(out, path, args);
	if (rc < 0)
		return rc;
	if (!is_path(out->data + path_at, out->len - path_at))
		return SC_E_INVAL;
	return append_text(out, " HTTP/1.1\r\n");
}

int sci_http_request_line(struct sci_buffer *out, const char *method, const char *path, ...)
{
	size_t before = out->len;
	va_list args;

	va_start(args, path);
	int rc = append_line(out, method, path, args);
	va_end(args);
	if (rc < 0)
		out->len = before;
	return rc;
}

int sci_http_request_header(struct sci_buffer *out, const char *name, const char *value)
{
	if (!is_name(name) || !sci_http_is_text_all(value, strlen(value)))
		return SC_E_INVAL;
	return sci_buffer_printf(out, "%s: %s\r\n", name, value);
}

int sci_http_request_length(struct sci_buffer *out, size_t body_len)
{
	return sci_buffer_printf(out, "Content-Length: %zu\r\n", body_len);
}

int sci_http_request_end(struct sci_buffer *out)
{
	return append_text(out, "\r\n");
}
