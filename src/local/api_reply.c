/* An error is answered even without memory for its text: its status says most. */
#include "local/api_reply.h"

#include "base/json_text.h"
#include "local/http_exchange.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

void sci_api_reply_error(struct sci_exchange *exchange, unsigned status, const char *type,
	const char *format, ...)
{
	static const char no_memory[] = "{\"errorMessage\":\"out of memory\"}";
	struct sci_buffer message = { 0 }, json = { 0 };
	va_list args;

	va_start(args, format);
	sci_buffer_vprintf(&message, format, args);
	va_end(args);
	sci_buffer_printf(&json, "{\"errorMessage\":");
	sci_json_text(&json, message.data, message.len);
	sci_buffer_printf(&json, ",\"errorType\":\"%s\"}", type);
	if (sci_buffer_result(&message) < 0 || sci_buffer_result(&json) < 0)
		sci_exchange_reply_json(exchange, status, NULL, 0, no_memory, sizeof no_memory - 1);
	else
		sci_exchange_reply_json(exchange, status, NULL, 0, json.data, json.len);
	sci_buffer_fini(&message);
	sci_buffer_fini(&json);
}

void sci_api_reply_accepted(struct sci_exchange *exchange)
{
	static const char accepted[] = "{\"status\":\"OK\"}\n";

	sci_exchange_reply_json(exchange, 202, NULL, 0, accepted, sizeof accepted - 1);
}

bool sci_api_is_method(struct sci_exchange *exchange, const char *method)
{
	if (strcmp(sci_exchange_method(exchange), method) == 0)
		return true;
	sci_api_reply_error(exchange, 405, "MethodNotAllowed", "Use %s", method);
	return false;
}
