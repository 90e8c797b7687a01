/* An answer to an exchange may run the listener, and so bring the next request of the same
 * extension before the call returns. The state is therefore changed first, and `is_due` tells an
 * event that is not sent yet from one that the extension has worked off. While an extension is due
 * it is not ready, so that the invocation cannot end, and its event cannot change, before all have
 * it. */
#include "local/extensions.h"

#include "local/http_exchange.h"

#include <stdlib.h>
#include <string.h>

static bool is_taken(const struct sci_extensions *extensions, const char *name)
{
	for (size_t i = 0; i < extensions->count; i++)
		if (strcmp(extensions->all[i].name, name) == 0)
			return true;
	return false;
}

enum sci_registered sci_extensions_register(struct sci_extensions *extensions, const char *name,
	bool gets_invoke, const struct sci_extension **out)
{
	if (extensions->closed)
		return SCI_REGISTERED_TOO_LATE;
	if (extensions->count == SCI_EXTENSIONS_MAX)
		return SCI_REGISTERED_TOO_MANY;
	if (is_taken(extensions, name))
		return SCI_REGISTERED_TWICE;
	struct sci_extension *extension = &extensions->all[extensions->count];
	*extension = (struct sci_extension){ .name = strdup(name), .gets_invoke = gets_invoke };
	if (!extension->name)
		return SCI_REGISTERED_NO_MEMORY;
	sci_request_id(extension->id);
	extensions->count++;
	*out = extension;
	return SCI_REGISTERED_NEW;
}

void sci_extensions_close(struct sci_extensions *extensions)
{
	extensions->closed = true;
}

struct sci_extension *sci_extensions_find(struct sci_extensions *extensions, const char *id)
{
	for (size_t i = 0; i < extensions->count; i++)
		if (strcmp(extensions->all[i].id, id) == 0)
			return &extensions->all[i];
	return NULL;
}

bool sci_extensions_ask(struct sci_extensions *extensions, struct sci_extension *extension,
	struct sci_exchange *exchange)
{
	if (extension->state != SCI_EXTENSION_REGISTERED &&
		extension->state != SCI_EXTENSION_RUNNING)
		return false;
	extension->state = SCI_EXTENSION_READY;
	extension->poll = exchange;
	if (extensions->ready)
		extensions->ready(extensions->arg);
	return true;
}

bool sci_extensions_fail(struct sci_extensions *extensions, struct sci_extension *extension,
	enum sci_extension_state error)
{
	bool in_init = error == SCI_EXTENSION_INIT_ERROR;
	bool is_allowed = extension->state == error ||
		extension->state == SCI_EXTENSION_REGISTERED ||
		(!in_init && extension->state != SCI_EXTENSION_INIT_ERROR);

	if (!is_allowed)
		return false;
	extension->state = error;
	if (!extensions->failure)
		extensions->failure = in_init ? "Extension.InitError" : "Extension.ExitError";
	return true;
}

bool sci_extensions_get_invoke(const struct sci_extensions *extensions)
{
	for (size_t i = 0; i < extensions->count; i++)
		if (extensions->all[i].gets_invoke)
			return true;
	return false;
}

void sci_extensions_begin(struct sci_extensions *extensions, struct sci_shared_bytes *event)
{
	sci_shared_bytes_release(extensions->event);
	extensions->event = sci_shared_bytes_acquire(event);
	for (size_t i = 0; i < extensions->count; i++)
		extensions->all[i].is_due = extensions->all[i].gets_invoke &&
			extensions->all[i].state == SCI_EXTENSION_READY;
}

static void send_event(struct sci_extensions *extensions, struct sci_extension *extension)
{
	struct sci_shared_bytes *event = sci_shared_bytes_acquire(extensions->event);
	struct sci_exchange *poll = extension->poll;
	char event_id[SCI_REQUEST_ID_BYTES];
	const struct sci_header headers[] = {
		{ "Content-Type", "application/json" },
		{ "Lambda-Extension-Event-Identifier", event_id },
	};

	sci_request_id(event_id);
	extension->poll = NULL;
	extension->is_due = false;
	/* An extension that has said that it failed gets no event. */
	if (extension->state == SCI_EXTENSION_READY) {
		extension->state = SCI_EXTENSION_RUNNING;
		sci_exchange_reply(poll, 200, headers, sizeof headers / sizeof *headers, event);
	}
	sci_shared_bytes_release(event);
}

void sci_extensions_deliver(struct sci_extensions *extensions)
{
	for (size_t i = 0; i < extensions->count; i++)
		if (extensions->all[i].is_due)
			send_event(extensions, &extensions->all[i]);
}

const struct sci_extension *sci_extensions_unready(const struct sci_extensions *extensions,
	bool in_init)
{
	for (size_t i = 0; i < extensions->count; i++) {
		const struct sci_extension *extension = &extensions->all[i];
		bool is_ready = extension->state == SCI_EXTENSION_READY && !extension->is_due;
		if (!is_ready && (in_init || extension->gets_invoke))
			return extension;
	}
	return NULL;
}

const char *sci_extension_state_name(enum sci_extension_state state)
{
	static const char *const names[] = { "Registered", "Ready", "Running", "InitError",
		"ExitError" };

	return names[state];
}

void sci_extensions_fini(struct sci_extensions *extensions)
{
	for (size_t i = 0; i < extensions->count; i++)
		free(extensions->all[i].name);
	sci_shared_bytes_release(extensions->event);
	extensions->count = 0;
	extensions->event = NULL;
}
