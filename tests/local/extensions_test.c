/* The extensions of an environment over a real connection: the states that the init phase and an
 * invocation wait for, events that meet a failed extension, and every allocation failing. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "local/call.h"
#include "local/extension_event.h"
#include "local/extension_server.h"
#include "local/extensions.h"
#include "local/http_listener.h"

#include <event2/event.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX   20000
#define CLIENTS_MAX 4

static struct event_base *base;
static struct sci_http_listener *listener;
static struct sci_extensions extensions;
static int ready_calls;
static int clients[CLIENTS_MAX];
static size_t client_count;
static char answer[4096];

static void handle(struct sci_exchange *exchange, void *arg)
{
	(void)arg;
	sci_extension_server_handle(exchange, sci_exchange_path(exchange), &extensions);
}

static void refuse(struct sci_exchange *exchange, unsigned status, const char *message, void *arg)
{
	(void)arg;
	sci_exchange_reply_json(exchange, status, NULL, 0, message, strlen(message));
}

static void on_ready(void *arg)
{
	(void)arg;
	ready_calls++;
}

/* Returns false without memory. */
static bool begin(void)
{
	static const struct sci_http_listener_options options = {
		.host = "127.0.0.1",
		.idle_seconds = 60,
		.head_ms = 10000,
		.body_ms = 10000,
		.check_ms = 1000,
		.max_head_bytes = 8192,
		.max_body_bytes = 100000,
		.handle = handle,
		.refuse = refuse,
	};
	struct sc_error error;

	extensions =
		(struct sci_extensions){ .function_name = "f", .handler = "h", .ready = on_ready };
	ready_calls = 0;
	client_count = 0;
	base = event_base_new();
	assert_non_null(base);
	if (sci_http_listener_open(base, &options, &listener, &error) == 0)
		return true;
	event_base_free(base);
	return false;
}

static void end(void)
{
	while (client_count > 0)
		close(clients[--client_count]);
	sci_http_listener_close(listener);
	sci_extensions_fini(&extensions);
	event_base_free(base);
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static int send_text(const char *text)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(sci_http_listener_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_true(client_count < CLIENTS_MAX);
	clients[client_count++] = fd;
	return fd;
}

/* The status of the answer, whose text is then in `answer`; 0: the connection was closed. */
static int status_of(int fd)
{
	ssize_t got = -1;

	for (int turns = 0; got < 0 && turns < TURNS_MAX; turns++) {
		turn();
		got = recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT);
	}
	assert_true(got >= 0);
	answer[got] = '\0';
	return got > 0 ? (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10) : 0;
}

static int status_of_post(const char *path, const char *headers, const char *body)
{
	char text[1024];

	snprintf(text, sizeof text,
		"POST /2020-01-01/extension/%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: "
		"%zu\r\n\r\n%s",
		path, headers, strlen(body), body);
	int fd = send_text(text);
	int status = status_of(fd);
	close(fd);
	client_count--;
	return status;
}

static int register_name(const char *name, const char *events)
{
	char header[128], body[128];

	snprintf(header, sizeof header, "Lambda-Extension-Name: %s\r\n", name);
	snprintf(body, sizeof body, "{\"events\":[%s]}", events);
	return status_of_post("register", header, body);
}

static int fail_extension(const char *path, const char *id)
{
	char headers[256];

	snprintf(headers, sizeof headers,
		"Lambda-Extension-Identifier: %s\r\n"
		"Lambda-Extension-Function-Error-Type: Extension.Bad\r\n",
		id);
	return status_of_post(path, headers, "");
}

/* Ask for an event, and run the loop until the request is read. Returns the connection. */
static int ask(size_t nth)
{
	struct sci_extension *extension = &extensions.all[nth];
	char text[256];

	snprintf(text, sizeof text,
		"GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: localhost\r\n"
		"Lambda-Extension-Identifier: %s\r\n\r\n",
		extension->id);
	int fd = send_text(text);
	char byte;
	for (int turns = 0; turns < TURNS_MAX && extension->state != SCI_EXTENSION_READY &&
		recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
		turns++)
		turn();
	return fd;
}

static struct sci_call call = {
	.request_id = "id",
	.arn = (char[]){ "arn:\"f\"" },
	.trace_id = (char[]){ "Root=\x80" },
};

/* Returns false without memory. */
static bool begin_invocation(void)
{
	struct sci_shared_bytes *event = sci_extension_invoke_event(&call, 4711);

	if (event)
		sci_extensions_begin(&extensions, event);
	sci_shared_bytes_release(event);
	return event;
}

static const char *unready(bool in_init)
{
	const struct sci_extension *extension = sci_extensions_unready(&extensions, in_init);

	return extension ? extension->name : "none";
}

static void phases_wait_for_their_extensions(void **state)
{
	(void)state;
	assert_true(begin());
	assert_string_equal(unready(true), "none");
	assert_int_equal(register_name("quiet", ""), 200);
	assert_false(sci_extensions_get_invoke(&extensions));
	assert_int_equal(register_name("told", "\"INVOKE\""), 200);
	assert_true(sci_extensions_get_invoke(&extensions));
	/* The init phase waits for both, an invocation for one. */
	assert_string_equal(unready(true), "quiet");
	assert_string_equal(unready(false), "told");
	ask(0);
	assert_int_equal(ready_calls, 1);
	assert_string_equal(unready(true), "told");
	int told = ask(1);
	assert_int_equal(ready_calls, 2);
	assert_string_equal(unready(true), "none");

	assert_true(begin_invocation());
	/* Its event is due: it is not ready, although it has asked. */
	assert_string_equal(unready(false), "told");
	sci_extensions_deliver(&extensions);
	assert_string_equal(unready(false), "told");
	assert_int_equal(status_of(told), 200);
	assert_non_null(strstr(answer,
		"\r\n\r\n{\"eventType\":\"INVOKE\",\"deadlineMs\":4711,"
		"\"requestId\":\"id\",\"invokedFunctionArn\":\"arn:\\\"f\\\"\","
		"\"tracing\":{\"type\":\"X-Amzn-Trace-Id\","
		"\"value\":\"Root=\xEF\xBF\xBD\"}}"));
	ask(1);
	assert_int_equal(ready_calls, 3);
	assert_string_equal(unready(false), "none");
	/* The quiet one has got nothing. */
	assert_non_null(extensions.all[0].poll);
	end();
}

static void a_failed_extension_gets_no_event(void **state)
{
	char id[SCI_REQUEST_ID_BYTES];

	(void)state;
	assert_true(begin());
	assert_int_equal(register_name("one", "\"INVOKE\""), 200);
	memcpy(id, extensions.all[0].id, sizeof id);
	int poll = ask(0);
	assert_true(begin_invocation());
	/* It fails between the beginning and the delivery, as it may when the runtime answers
	 * first. */
	assert_null(extensions.failure);
	assert_int_equal(fail_extension("exit/error", id), 202);
	assert_string_equal(extensions.failure, "Extension.ExitError");
	sci_extensions_deliver(&extensions);
	assert_string_equal(unready(false), "one");
	for (int turns = 0; turns < 100; turns++)
		turn();
	char byte;
	assert_true(recv(poll, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
	/* Nor is it due in a later invocation. */
	assert_true(begin_invocation());
	assert_false(extensions.all[0].is_due);
	end();
}

static void the_first_failure_is_the_cause(void **state)
{
	char id[SCI_REQUEST_ID_BYTES];

	(void)state;
	assert_true(begin());
	for (int i = 0; i < 2; i++) {
		assert_int_equal(register_name(i ? "b" : "a", ""), 200);
		memcpy(id, extensions.all[i].id, sizeof id);
		assert_int_equal(fail_extension(i ? "exit/error" : "init/error", id), 202);
	}
	assert_string_equal(extensions.failure, "Extension.InitError");
	sci_extensions_close(&extensions);
	assert_int_equal(register_name("c", ""), 403);
	assert_non_null(strstr(answer, "Extension.RegistrationClosed"));
	end();
}

/* With the failure of an allocation a request has an error, or its connection is closed. */
static void scenario(void *arg)
{
	(void)arg;
	if (!begin()) {
		assert_true(sct_allocation_failed());
		return;
	}
	int status = register_name("one", "\"INVOKE\"");
	assert_true(status == 200 || status == 500 || status == 403 || status == 0);
	assert_true(status == 200 || sct_allocation_failed());
	/* One whose answer was lost may be registered. */
	if (status == 200)
		assert_int_equal(extensions.count, 1);
	if (extensions.count == 1) {
		int poll = ask(0);
		bool has_asked = extensions.all[0].state == SCI_EXTENSION_READY;
		assert_true(has_asked || sct_allocation_failed());
		if (has_asked && begin_invocation()) {
			sci_extensions_deliver(&extensions);
			assert_int_equal(extensions.all[0].state, SCI_EXTENSION_RUNNING);
			status = status_of(poll);
			assert_true(status == 200 || (status == 0 && sct_allocation_failed()));
		}
		status = fail_extension("exit/error", extensions.all[0].id);
		assert_true(status == 202 || (status == 0 && sct_allocation_failed()));
	}
	end();
}

static void extensions_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(scenario, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_wait_for_their_extensions),
		cmocka_unit_test(a_failed_extension_gets_no_event),
		cmocka_unit_test(the_first_failure_is_the_cause),
		cmocka_unit_test(extensions_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
