/* The members that every runtime sends; a C function has no stack trace to offer. */
#include "lambda/error_json.h"

#include "base/json_text.h"

#include <string.h>

int sci_error_json(struct sci_buffer *out, const char *type, const char *message,
	size_t message_len)
{
	sci_buffer_clear(out);
	sci_buffer_printf(out, "{\"errorMessage\":");
	sci_json_text(out, message, message_len);
	sci_buffer_printf(out, ",\"errorType\":");
	sci_json_text(out, type, strlen(type));
	sci_buffer_printf(out, ",\"stackTrace\":[]}");
	if (out->failed)
		out->len = 0;
	return sci_buffer_result(out);
}
