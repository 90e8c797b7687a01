/* The answer of an invocation, while the handler builds it. The last call decides: an answer
 * replaces a failure, and a failure an answer. Each call reserves memory before it changes
 * anything, so a call that finds no memory leaves the answer as it was. Only a failure always takes
 * effect, if necessary without its message.
 *
 * Bytes of the event are not copied: they stay where they are until the next event, so a
 * function can answer with a part of its event at no cost. */
#include "base/json_text.h"
#include "http/http_bytes.h"
#include "lambda/error_json.h"
#include "lambda/invocation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char json_type[] = "application/json";

/* Reserve memory for `len` bytes that will replace those in `buffer`. */
static int reserve_for(struct sci_buffer *buffer, size_t len)
{
	return len > buffer->len ? sci_buffer_reserve(buffer, len - buffer->len) : 0;
}

static void replace(struct sci_buffer *buffer, const void *data, size_t len)
{
	if (len > 0)
		memcpy(buffer->data, data, len);
	buffer->len = len;
}

static bool is_of_event(const struct sc_invocation *inv, const void *data, size_t len)
{
	uintptr_t from = (uintptr_t)data, event = (uintptr_t)inv->event->body;

	return from >= event && len <= inv->event->body_len &&
		from - event <= inv->event->body_len - len;
}

int sc_invocation_answer(struct sc_invocation *inv, const void *data, size_t len,
	const char *content_type)
{
	const char *type = content_type ? content_type : json_type;
	size_t type_size = strlen(type) + 1;
	bool lend = is_of_event(inv, data, len);

	if (type_size == 1 || !sci_http_is_text_all(type, type_size - 1) || (!data && len > 0))
		return SC_E_INVAL;
	int rc = lend ? 0 : reserve_for(&inv->body, len);
	if (rc < 0)
		return rc;
	rc = reserve_for(&inv->own_type, type_size);
	if (rc < 0)
		return rc;
	replace(&inv->body, data, lend ? 0 : len);
	inv->lent = lend ? data : NULL;
	inv->lent_len = len;
	replace(&inv->own_type, type, type_size);
	inv->content_type = inv->own_type.data;
	inv->outcome = SCI_ANSWERED;
	return 0;
}

const char *sci_invocation_response(const struct sc_invocation *inv, size_t *len)
{
	*len = inv->lent ? inv->lent_len : inv->body.len;
	return inv->lent ? inv->lent : inv->body.data;
}

/* Copy a lent answer into `body`, to which the next call appends. */
static int copy_lent(struct sc_invocation *inv)
{
	int rc = inv->lent ? sci_buffer_append(&inv->body, inv->lent, inv->lent_len) : 0;

	if (rc == 0)
		inv->lent = NULL;
	return rc;
}

/* Record the result of appending text. */
static int appended(struct sc_invocation *inv, int rc)
{
	if (rc < 0)
		return rc;
	if (inv->outcome != SCI_ANSWERED)
		inv->content_type = json_type;
	inv->outcome = SCI_ANSWERED;
	return 0;
}

int sc_invocation_printf(struct sc_invocation *inv, const char *format, ...)
{
	va_list args;

	int rc = copy_lent(inv);
	if (rc < 0)
		return rc;
	va_start(args, format);
	rc = sci_buffer_vprintf(&inv->body, format, args);
	va_end(args);
	return appended(inv, rc);
}

int sc_invocation_json_string(struct sc_invocation *inv, const char *text, size_t len)
{
	int rc = copy_lent(inv);

	if (rc == 0)
		rc = sci_json_text(&inv->body, text, len);
	return appended(inv, rc);
}

/* Lambda also replaces a type that is not valid in a header. */
static void set_failure_type(struct sc_invocation *inv, const char *type)
{
	size_t len = strlen(type);

	if (len >= sizeof inv->failure_type || !sci_http_is_text_all(type, len))
		type = "Function.Unknown";
	snprintf(inv->failure_type, sizeof inv->failure_type, "%s", type);
}

int sc_invocation_fail(struct sc_invocation *inv, const char *type, const char *format, ...)
{
	va_list args;

	if (!type || !*type)
		type = "Function.Error";
	inv->text.len = inv->failure.len = 0;
	va_start(args, format);
	if (sci_buffer_vprintf(&inv->text, format, args) == 0)
		sci_error_json(&inv->failure, type, inv->text.data, inv->text.len);
	va_end(args);
	set_failure_type(inv, type);
	inv->body.len = 0;
	inv->lent = NULL;
	inv->outcome = SCI_FAILED;
	return SC_E_FUNCTION;
}
