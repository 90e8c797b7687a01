/* The members that every runtime sends; a C function has no stack trace to offer. */
#include "lambda/error_json.h"

#include "base/json_text.h"

#include <string.h>

static int append_text(struct sci_buffer *out, const char *text)
{
	return sci_buffer_append(out, text, strlen(text));
}

int sci_error_json(struct sci_buffer *out, const char *type, const char *message,
	size_t message_len)
{
	out->len = 0;
	int rc = append_text(out, "{\"errorMessage\":");
	if (rc == 0)
		rc = sci_json_text(out, message, message_len);
	if (rc == 0)
		rc = append_text(out, ",\"errorType\":");
	if (rc == 0)
		rc = sci_json_text(out, type, strlen(type));
	if (rc == 0)
		rc = append_text(out, ",\"stackTrace\":[]}");
	if (rc < 0)
		out->len = 0;
	return rc;
}
