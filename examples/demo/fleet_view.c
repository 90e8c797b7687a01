/* The request runs in the event loop that also invokes, so that it delays no invocation. */
#include "demo/fleet_view.h"

#include "base/error.h"
#include "http/http_request.h"

#include <jansson.h>
#include <string.h>

#define TIMEOUT_MS       5000
#define ANSWER_BYTES_MAX ((size_t)4 * 1024 * 1024)

static int malformed(struct sc_error *error)
{
	return sci_error_set(error, SC_E_PROTOCOL, 0,
		"the local Lambda does not describe its environments");
}

static bool is_of(const json_t *entry, const char *key, const char *function)
{
	const char *name = json_string_value(json_object_get(entry, key));

	return name && strcmp(name, function) == 0;
}

static void read_environment(struct fleet_figures *figures, const json_t *entry)
{
	json_int_t pid = json_integer_value(json_object_get(entry, "pid"));
	json_int_t memory_kb = json_integer_value(json_object_get(entry, "memory_kb"));
	const char *state = json_string_value(json_object_get(entry, "state"));
	bool is_busy = state && strcmp(state, "busy") == 0;

	if (memory_kb > figures->peak_memory_kb)
		figures->peak_memory_kb = memory_kb;
	if (pid > 1 && pid <= INT32_MAX && (figures->pid == 0 || is_busy))
		figures->pid = (pid_t)pid;
}

static int read_figures(struct fleet_figures *figures, const json_t *all, const char *function,
	struct sc_error *error)
{
	const json_t *environments = json_object_get(all, "environments");
	const json_t *functions = json_object_get(all, "functions");
	const json_t *entry;
	bool found = false;
	size_t i;

	*figures = (struct fleet_figures){ 0 };
	json_array_foreach(environments, i, entry) if (is_of(entry, "function", function))
		read_environment(figures, entry);
	json_array_foreach(functions, i, entry)
	{
		const json_t *cold_starts = json_object_get(entry, "cold_starts");
		if (!is_of(entry, "name", function) || !json_is_integer(cold_starts))
			continue;
		figures->cold_starts = (uint64_t)json_integer_value(cold_starts);
		found = true;
	}
	return found ? 0 : malformed(error);
}

static void on_ended(struct sci_channel *channel, const struct sc_error *error)
{
	struct fleet_view *view = (struct fleet_view *)channel;
	const struct sci_http_response *response = &channel->response;
	json_t *all = NULL;
	int rc;

	if (!error && response->status == 200)
		all = json_loadb(channel->in.data + response->body_at, response->body_len, 0, NULL);
	if (error) {
		view->error = *error;
		rc = error->code;
	} else {
		rc = all ? read_figures(&view->figures, all, view->function, &view->error)
			 : malformed(&view->error);
	}
	json_decref(all);
	/* The next request may be minutes later. */
	sci_channel_close(channel);
	view->seen(view, rc);
}

int fleet_view_init(struct fleet_view *view)
{
	view->channel = (struct sci_channel){
		.base = view->base,
		.address = view->address,
		.timeout_ms = TIMEOUT_MS,
		.max_body = ANSWER_BYTES_MAX,
		.ended = on_ended,
	};
	int rc = sci_channel_init(&view->channel);
	if (rc == 0)
		rc = sci_http_request_line(&view->head, "GET", "/_scopecache/environments");
	if (rc == 0)
		rc = sci_http_request_header(&view->head, "Host", view->host);
	if (rc == 0)
		rc = sci_http_request_end(&view->head);
	return rc;
}

void fleet_view_fini(struct fleet_view *view)
{
	sci_channel_fini(&view->channel);
	sci_buffer_fini(&view->head);
}

void fleet_view_look(struct fleet_view *view, const char *function)
{
	view->function = function;
	sci_channel_send(&view->channel, (struct iovec){ view->head.data, view->head.len },
		(struct iovec){ NULL, 0 });
}
