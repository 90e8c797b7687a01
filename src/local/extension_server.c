/* Statuses, types and messages of errors are those of AWS's Runtime Interface Emulator, which uses
 * Lambda's own code: every refusal is a 403. Requests are checked in its order too, so that one
 * with several faults gets the same error. JSON is read as leniently as there: names of members
 * may have letters of either case, unknown ones are ignored, and null is as good as nothing. */
#include "local/extension_server.h"

#include "base/json_text.h"
#include "local/api_reply.h"
#include "local/deployment.h"
#include "local/extensions.h"
#include "local/http_exchange.h"

#include <jansson.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PREFIX          "/2020-01-01/extension/"
#define ID_HEADER       "Lambda-Extension-Identifier"
#define TYPE_HEADER     "Lambda-Extension-Function-Error-Type"
#define FEATURES_HEADER "Lambda-Extension-Accept-Feature"

static const char *const paths[] = { PREFIX "register", PREFIX "event/next", PREFIX "init/error",
	PREFIX "exit/error" };
enum path { REGISTER, NEXT, INIT_ERROR, EXIT_ERROR, PATHS };

static enum path find_path(const char *path)
{
	int at = 0;

	while (at < PATHS && strcmp(path, paths[at]) != 0)
		at++;
	return (enum path)at;
}

bool sci_extension_server_serves(const char *path)
{
	return find_path(path) != PATHS;
}

/* ---- Registration. ---- */

/* The value of a member, whatever the case of its name; the last one counts. */
static json_t *member(json_t *object, const char *name)
{
	json_t *found = NULL, *value;
	const char *key;

	json_object_foreach(object, key, value) if (strcasecmp(key, name) == 0) found = value;
	return json_is_null(found) ? NULL : found;
}

static void refuse_format(struct sci_exchange *exchange, const char *why)
{
	sci_api_reply_error(exchange, 403, "InvalidRequestFormat", "%s", why);
}

/* Returns false after answering with an error. */
static bool read_event(struct sci_exchange *exchange, const json_t *event, bool *gets_invoke)
{
	const char *name = json_string_value(event);

	if (!name && !json_is_null(event)) {
		refuse_format(exchange, "an event is not a text");
		return false;
	}
	if (name && strcmp(name, "INVOKE") == 0) {
		*gets_invoke = true;
		return true;
	}
	sci_api_reply_error(exchange, 403, "Extension.InvalidEventType", "%s: %s", name ? name : "",
		name && strcmp(name, "SHUTDOWN") == 0
			? "ShutdownEventNotSupportedForInternalExtension"
			: "ErrorInvalidEventType");
	return false;
}

static bool read_registration(struct sci_exchange *exchange, json_t *body, bool *gets_invoke)
{
	json_t *keys = member(body, "configurationKeys"), *events = member(body, "events"), *event;
	size_t at;

	if ((keys && !json_is_array(keys)) || (events && !json_is_array(events)) ||
		(!json_is_object(body) && !json_is_null(body))) {
		refuse_format(exchange,
			"a registration is {\"events\":[...]}, with the names of events");
		return false;
	}
	if (json_array_size(keys) > 0) {
		refuse_format(exchange,
			"configurationKeys are deprecated; use environment variables instead");
		return false;
	}
	json_array_foreach(events, at,
		event) if (!read_event(exchange, event, gets_invoke)) return false;
	return true;
}

/* Returns NULL after answering with an error. */
static json_t *read_body(struct sci_exchange *exchange)
{
	const struct sci_shared_bytes *bytes = sci_exchange_body(exchange);
	json_error_t why;

	if (sci_exchange_body_length(exchange) > SCI_REGISTRATION_MAX) {
		sci_api_reply_error(exchange, 413, "RequestEntityTooLarge",
			"Exceeded maximum allowed payload size (%d bytes).", SCI_REGISTRATION_MAX);
		return NULL;
	}
	json_t *body = bytes
		? json_loadb(bytes->buffer.data, bytes->buffer.len, JSON_DECODE_ANY, &why)
		: NULL;
	if (!body)
		refuse_format(exchange, bytes ? why.text : "unexpected end of JSON input");
	return body;
}

static bool wants_account(const struct sci_exchange *exchange)
{
	static const char account[] = "accountId", blank[] = " \t";
	const char *at = sci_exchange_header(exchange, FEATURES_HEADER);

	while (at && *at) {
		size_t len = strcspn(at, ",");
		const char *end = at + len, *from = at + strspn(at, blank);
		size_t word = strcspn(from, ", \t");
		if (from < end && word == sizeof account - 1 && memcmp(from, account, word) == 0 &&
			from + word + strspn(from + word, blank) == end)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

static void reply_registered(struct sci_exchange *exchange, const struct sci_extensions *extensions,
	const struct sci_extension *extension)
{
	const struct sci_header header = { ID_HEADER, extension->id };
	struct sci_buffer json = { 0 };

	sci_buffer_printf(&json, "{%s\"functionName\":",
		wants_account(exchange) ? "\"accountId\":\"" SCI_ACCOUNT_ID "\"," : "");
	sci_json_text(&json, extensions->function_name, strlen(extensions->function_name));
	sci_buffer_printf(&json, ",\"functionVersion\":\"$LATEST\",\"handler\":");
	sci_json_text(&json, extensions->handler, strlen(extensions->handler));
	sci_buffer_printf(&json, "}\n");
	/* Without memory for the text the extension still gets its id, and works. */
	sci_exchange_reply_json(exchange, 200, &header, 1, json.failed ? "{}" : json.data,
		json.failed ? 2 : json.len);
	sci_buffer_fini(&json);
}

static void register_extension(struct sci_exchange *exchange, const char *name, bool gets_invoke,
	struct sci_extensions *extensions)
{
	const struct sci_extension *extension;

	switch (sci_extensions_register(extensions, name, gets_invoke, &extension)) {
	case SCI_REGISTERED_NEW:
		reply_registered(exchange, extensions, extension);
		return;
	case SCI_REGISTERED_TOO_LATE:
		sci_api_reply_error(exchange, 403, "Extension.RegistrationClosed",
			"Extension registration closed already");
		return;
	case SCI_REGISTERED_TOO_MANY:
		sci_api_reply_error(exchange, 403, "Extension.TooManyExtensions",
			"Extension limit (%d) reached", SCI_EXTENSIONS_MAX);
		return;
	case SCI_REGISTERED_TWICE:
		sci_api_reply_error(exchange, 403, "Extension.InvalidExtensionState",
			"Extension with this name already registered");
		return;
	case SCI_REGISTERED_NO_MEMORY:
		sci_api_reply_error(exchange, 500, "InternalServerError", "Internal Server Error");
		return;
	}
}

static void handle_register(struct sci_exchange *exchange, struct sci_extensions *extensions)
{
	const char *name = sci_exchange_header(exchange, "Lambda-Extension-Name");
	bool gets_invoke = false;

	if (!name) {
		sci_api_reply_error(exchange, 403, "Extension.InvalidExtensionName",
			"Empty extension name");
		return;
	}
	json_t *body = read_body(exchange);
	if (body && read_registration(exchange, body, &gets_invoke))
		register_extension(exchange, name, gets_invoke, extensions);
	json_decref(body);
}

/* ---- Requests of a registered extension. ---- */

/* Read an id, which is a UUID; letters of either case are the same. */
static bool read_id(const char *text, char id[SCI_REQUEST_ID_BYTES])
{
	if (strlen(text) != SCI_REQUEST_ID_BYTES - 1)
		return false;
	for (size_t i = 0; i < SCI_REQUEST_ID_BYTES; i++) {
		unsigned char byte = (unsigned char)text[i];
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (i < SCI_REQUEST_ID_BYTES - 1 && (is_dash ? byte != '-' : !isxdigit(byte)))
			return false;
		id[i] = (char)tolower(byte);
	}
	return true;
}

/* The id of the request. Returns false after answering with an error. */
static bool take_id(struct sci_exchange *exchange, char id[SCI_REQUEST_ID_BYTES])
{
	const char *text = sci_exchange_header(exchange, ID_HEADER);

	if (!text)
		sci_api_reply_error(exchange, 403, "Extension.MissingExtensionIdentifier",
			"Missing " ID_HEADER " header");
	else if (!read_id(text, id))
		sci_api_reply_error(exchange, 403, "Extension.InvalidExtensionIdentifier",
			"Invalid " ID_HEADER);
	else
		return true;
	return false;
}

static void refuse_state(struct sci_exchange *exchange, const struct sci_extension *extension,
	const char *wanted)
{
	sci_api_reply_error(exchange, 403, "Extension.InvalidExtensionState",
		"State transition from %s to %s failed for extension %s. "
		"Error: State transition is not allowed",
		sci_extension_state_name(extension->state), wanted, extension->id);
}

static void handle_next(struct sci_exchange *exchange, struct sci_extensions *extensions)
{
	char id[SCI_REQUEST_ID_BYTES];

	if (!take_id(exchange, id))
		return;
	struct sci_extension *extension = sci_extensions_find(extensions, id);
	if (!extension)
		sci_api_reply_error(exchange, 403, "Extension.UnknownExtensionIdentifier",
			"Unknown extension %s", id);
	else if (!sci_extensions_ask(extensions, extension, exchange))
		refuse_state(exchange, extension, "Ready");
}

static void handle_error(struct sci_exchange *exchange, struct sci_extensions *extensions,
	enum path path)
{
	bool in_init = path == INIT_ERROR;
	char id[SCI_REQUEST_ID_BYTES];

	if (!take_id(exchange, id))
		return;
	if (!sci_exchange_header(exchange, TYPE_HEADER)) {
		sci_api_reply_error(exchange, 403, "Extension.MissingHeader",
			TYPE_HEADER " not found");
		return;
	}
	struct sci_extension *extension = sci_extensions_find(extensions, id);
	if (!extension)
		sci_api_reply_error(exchange, 403, "Extension.UnknownExtensionIdentifier",
			"Unknown " ID_HEADER);
	else if (!sci_extensions_fail(extensions, extension,
			 in_init ? SCI_EXTENSION_INIT_ERROR : SCI_EXTENSION_EXIT_ERROR))
		refuse_state(exchange, extension, in_init ? "InitError" : "Exited");
	else
		sci_api_reply_accepted(exchange);
}

void sci_extension_server_handle(struct sci_exchange *exchange, const char *path,
	struct sci_extensions *extensions)
{
	enum path which = find_path(path);

	if (!sci_api_is_method(exchange, which == NEXT ? "GET" : "POST"))
		return;
	if (which == REGISTER)
		handle_register(exchange, extensions);
	else if (which == NEXT)
		handle_next(exchange, extensions);
	else
		handle_error(exchange, extensions, which);
}
