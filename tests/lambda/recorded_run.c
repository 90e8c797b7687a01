/* Some callbacks have no argument for the test, so the record is a global variable. */
#include "lambda/recorded_run.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct recorded_run recorded;

/* The only state; a second init in a process would restart the count. */
static int invocations;

static void note(char what)
{
	size_t len = strlen(recorded.order);

	assert_true(len < sizeof recorded.order - 1);
	recorded.order[len] = what;
}

int recorded_init(void **state, struct sc_error *error)
{
	(void)error;
	invocations = 0;
	*state = &invocations;
	return 0;
}

int recorded_handle(struct sc_invocation *inv, void *state)
{
	int *count = state;
	size_t len;

	sc_invocation_event(inv, &len);
	*count += 1;
	return sc_invocation_printf(inv, "{\"n\":%d,\"len\":%zu}", *count, len);
}

static int noting_init(void **state, struct sc_error *error)
{
	note('i');
	assert_null(*state);
	return recorded.init ? recorded.init(state, error) : recorded_init(state, error);
}

static int noting_handle(struct sc_invocation *inv, void *state)
{
	note('h');
	recorded.remaining_ms = sc_invocation_remaining_ms(inv);
	return recorded.handle ? recorded.handle(inv, state) : recorded_handle(inv, state);
}

static void note_fini(void *state)
{
	note('f');
	assert_ptr_equal(state, &invocations);
}

static void note_log(enum sc_log_level level, const char *line)
{
	size_t len = strlen(recorded.log);

	assert_null(strchr(line, '\n'));
	snprintf(recorded.log + len, sizeof recorded.log - len, "%d %s\n", (int)level, line);
	if (recorded.exits_from_log)
		pthread_exit(NULL);
}

static void note_begin(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	note('b');
	assert_int_equal(info->size, sizeof *info);
	assert_true(info->remaining_ms >= 0);
	assert_non_null(info->request_id);
	assert_ptr_equal(info->log, note_log);
}

static void note_end(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	note('e');
	assert_true(info->remaining_ms >= 0);
	assert_non_null(info->request_id);
}

static void note_shutdown(void *context)
{
	(void)context;
	note('s');
}

int recorded_clear(void **state)
{
	(void)state;
	memset(&recorded, 0, sizeof recorded);
	return 0;
}

int recorded_run_at(const char *address)
{
	static const struct sc_hooks hooks = {
		.size = sizeof hooks,
		.invocation_begin = note_begin,
		.invocation_end = note_end,
		.shutdown = note_shutdown,
	};
	static const struct sc_hooks *const noting[] = { &hooks, NULL };

	return sc_lambda_run(
		&SC_LAMBDA_FUNCTION(.init = noting_init, .handle = noting_handle, .fini = note_fini,
			.hooks = recorded.hooks ? recorded.hooks : noting, .log = note_log,
			.runtime_api = address, .extension = recorded.extension),
		&recorded.error);
}

int recorded_run(struct sct_reply_list gets, struct sct_reply_list posts)
{
	recorded.server.gets = gets;
	recorded.server.posts = posts;
	recorded.server.terminate = getpid();
	sct_scripted_server_start(&recorded.server);
	int rc = recorded_run_at(recorded.server.address);
	sct_scripted_server_stop(&recorded.server);
	return rc;
}

static bool is_post(size_t request)
{
	return strncmp(recorded.server.requests[request].head, "POST ", 5) == 0;
}

size_t recorded_post_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < recorded.server.request_count; i++)
		count += is_post(i);
	return count;
}

const struct sct_scripted_request *recorded_post(size_t nth)
{
	for (size_t i = 0; i < recorded.server.request_count; i++)
		if (is_post(i) && nth-- == 0)
			return &recorded.server.requests[i];
	fail_msg("there was no such POST");
	abort();
}

void recorded_assert_post(size_t nth, const char *path, const char *body)
{
	const struct sct_scripted_request *post = recorded_post(nth);
	char line[256];

	snprintf(line, sizeof line, "POST /2018-06-01/runtime/%s HTTP/1.1\r\n", path);
	if (strncmp(post->head, line, strlen(line)) != 0)
		fail_msg("%s is not the POST to %s", post->head, path);
	assert_string_equal(post->body, body);
	assert_int_equal(post->body_len, strlen(body));
}

size_t recorded_logged(const char *text)
{
	size_t count = 0;

	for (const char *at = recorded.log; (at = strstr(at, text)); at++)
		count++;
	return count;
}
