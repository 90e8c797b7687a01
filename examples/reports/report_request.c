/* Callers may send any event, so it is read strictly. The error for the caller says what is wrong
 * without repeating the event. */
#include "reports/report_request.h"

#include "reports/reports.h"

#include <jansson.h>

#include <string.h>

static int refuse(struct sc_invocation *inv, const char *what, const char *is_wrong)
{
	return sc_invocation_fail(inv, "Function.BadRequest",
		"%s %s; an event is {\"user\":\"alice\",\"param\":\"2024\"}", what, is_wrong);
}

/* The text of the event's member `name`; NULL after failing the invocation. */
static const char *read_text(struct sc_invocation *inv, const json_t *event, const char *name)
{
	const json_t *value = json_object_get(event, name);
	const char *wrong = NULL;

	if (!value)
		wrong = "is missing";
	else if (!json_is_string(value))
		wrong = "is not a text";
	else if (json_string_length(value) == 0)
		wrong = "is empty";
	else if (json_string_length(value) > REPORT_REQUEST_TEXT_MAX)
		wrong = "is too long";
	if (wrong)
		refuse(inv, name, wrong);
	return wrong ? NULL : json_string_value(value);
}

int report_request_init(struct report_request *request, struct sc_invocation *inv)
{
	size_t len;
	const void *bytes = sc_invocation_event(inv, &len);
	json_error_t at;

	memset(request, 0, sizeof *request);
	json_t *event = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &at);
	if (!event && json_error_code(&at) == json_error_out_of_memory)
		return sc_invocation_fail(inv, NULL, "out of memory");
	if (!event)
		return refuse(inv, "the event", "is not well-formed JSON");
	request->event = event;
	if (!json_is_object(event))
		refuse(inv, "the event", "is not a JSON object");
	else if ((request->user = read_text(inv, event, "user")))
		request->param = read_text(inv, event, "param");
	if (request->param)
		return 0;
	report_request_fini(request);
	return SC_E_FUNCTION;
}

void report_request_fini(struct report_request *request)
{
	json_decref(request->event);
	memset(request, 0, sizeof *request);
}

int report_request_fail(struct sc_invocation *inv, const struct sc_error *error)
{
	const char *type = "Function.ReportsUnavailable";

	if (error->user_code == REPORTS_NO_SUCH_USER)
		type = "Function.NoSuchUser";
	return sc_invocation_fail(inv, type, "%s", error->message);
}
