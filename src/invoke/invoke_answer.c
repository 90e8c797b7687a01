/* The Invoke API reports the outcome in three places: the status, the header
 * X-Amz-Function-Error (the status is 200 when the function failed), and, for its own errors,
 * the header x-amzn-ErrorType. The message is in a small JSON object, whose field names differ
 * in case between services. Nothing in it is trusted: messages are cut, and control characters
 * removed. */
#include "invoke/invoke_answer.h"

#include "base/error.h"

#include <jansson.h>
#include <string.h>

/* A larger body is no error message. */
#define WORDS_FROM_MAX ((size_t)64 * 1024)

static const char *first_string(const json_t *object, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_object_get(object, names[i]));
		if (text)
			return text;
	}
	return NULL;
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7F)
			*text = ' ';
}

static void explain(struct sc_error *error, const struct sci_invoke_answer *answer,
	const char *type)
{
	static const char *const messages[] = { "errorMessage", "message", "Message" };
	static const char *const types[] = { "errorType", "__type", "code" };
	static const char *const reasons[] = { "Reason", "reason" };
	json_t *body = NULL;

	if (answer->payload.len <= WORDS_FROM_MAX)
		body = json_loadb(answer->payload.data, answer->payload.len, 0, NULL);
	const char *message = first_string(body, messages, sizeof messages / sizeof messages[0]);
	if (type[0] == '\0')
		type = first_string(body, types, sizeof types / sizeof types[0]);
	const char *reason = first_string(body, reasons, sizeof reasons / sizeof reasons[0]);
	const char *colon = message && type ? ": " : "";
	const char *open = reason ? " (" : "", *close = reason ? ")" : "";

	type = type ? type : "";
	message = message ? message : "";
	reason = reason ? reason : "";
	if (answer->outcome == SCI_INVOKE_FUNCTION_ERROR)
		sci_error_set(error, SC_E_FUNCTION, 0, "the function failed (%s) %s%s%s",
			answer->function_error, type, colon, message);
	else
		sci_error_set(error, SC_E_IO, 0, "the endpoint answered %d %s%s%s%s%s%s",
			answer->status, type, colon, message, open, reason, close);
	error->http_status = answer->status;
	make_printable(error->message);
	json_decref(body);
}

void sci_invoke_answer_read(struct sci_invoke_answer *answer,
	const struct sci_http_response *response, char *data, struct sc_error *error)
{
	struct sci_http_header header;
	const char *type = "";
	size_t at = 0;

	answer->status = response->status;
	answer->payload =
		(struct sci_invoke_payload){ data + response->body_at, response->body_len };
	answer->request_id = answer->function_error = answer->complaint = "";
	while (sci_http_header_next(response, data, &at, &header)) {
		const char **place = sci_http_header_is(&header, "x-amz-function-error")
			? &answer->function_error
			: sci_http_header_is(&header, "x-amzn-requestid") ? &answer->request_id
			: sci_http_header_is(&header, "x-amzn-errortype") ? &type
									  : NULL;
		if (!place)
			continue;
		header.value[header.value_len] = '\0';
		*place = header.value;
	}
	if (answer->status == 200)
		answer->outcome =
			answer->function_error[0] ? SCI_INVOKE_FUNCTION_ERROR : SCI_INVOKE_OK;
	else
		answer->outcome = answer->status == 429 ? SCI_INVOKE_THROTTLED : SCI_INVOKE_REFUSED;
	if (answer->outcome != SCI_INVOKE_OK) {
		explain(error, answer, type);
		answer->complaint = error->message;
	}
}

void sci_invoke_answer_missing(struct sci_invoke_answer *answer, const struct sc_error *error)
{
	answer->outcome =
		error->code == SC_E_DEADLINE ? SCI_INVOKE_TIMED_OUT : SCI_INVOKE_NO_ANSWER;
	answer->status = 0;
	answer->payload = (struct sci_invoke_payload){ "", 0 };
	answer->request_id = answer->function_error = "";
	answer->complaint = error->message;
}
