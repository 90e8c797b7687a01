/* The callbacks that take no argument of ours need a place to note things: hence one
 * global stage. */
#include "lambda/stage.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct stage stage;

/* The one state: a second init in a process would start counting again. */
static int invocations;

static void note(char what)
{
	size_t len = strlen(stage.order);

	assert_true(len < sizeof stage.order - 1);
	stage.order[len] = what;
}

int stage_init(void **state, struct sc_error *error)
{
	(void)error;
	invocations = 0;
	*state = &invocations;
	return 0;
}

int stage_handle(struct sc_invocation *inv, void *state)
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
	return stage.init ? stage.init(state, error) : stage_init(state, error);
}

static int noting_handle(struct sc_invocation *inv, void *state)
{
	note('h');
	stage.remaining_ms = sc_invocation_remaining_ms(inv);
	return stage.handle ? stage.handle(inv, state) : stage_handle(inv, state);
}

static void note_fini(void *state)
{
	note('f');
	assert_ptr_equal(state, &invocations);
}

static void note_log(enum sc_log_level level, const char *line)
{
	size_t len = strlen(stage.log);

	assert_null(strchr(line, '\n'));
	snprintf(stage.log + len, sizeof stage.log - len, "%d %s\n", (int)level, line);
	if (stage.exits_from_log)
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

int stage_clear(void **state)
{
	(void)state;
	memset(&stage, 0, sizeof stage);
	return 0;
}

int stage_run_at(const char *address)
{
	static const struct sc_hooks hooks = {
		.size = sizeof hooks,
		.invocation_begin = note_begin,
		.invocation_end = note_end,
		.shutdown = note_shutdown,
	};
	static const struct sc_hooks *const noting[] = { &hooks, NULL };

	return sc_lambda_run(&SC_LAMBDA_FUNCTION(.init = noting_init, .handle = noting_handle,
				     .fini = note_fini, .hooks = stage.hooks ? stage.hooks : noting,
				     .log = note_log, .runtime_api = address),
		&stage.error);
}

int stage_run(struct sct_odd_plays gets, struct sct_odd_plays posts)
{
	stage.server.gets = gets;
	stage.server.posts = posts;
	stage.server.terminate = getpid();
	sct_odd_server_start(&stage.server);
	int rc = stage_run_at(stage.server.address);
	sct_odd_server_stop(&stage.server);
	return rc;
}

static bool is_post(size_t request)
{
	return strncmp(stage.server.requests[request].head, "POST ", 5) == 0;
}

size_t stage_post_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < stage.server.request_count; i++)
		count += is_post(i);
	return count;
}

const struct sct_odd_request *stage_post(size_t nth)
{
	for (size_t i = 0; i < stage.server.request_count; i++)
		if (is_post(i) && nth-- == 0)
			return &stage.server.requests[i];
	fail_msg("there was no such POST");
	abort();
}

void stage_assert_post(size_t nth, const char *path, const char *body)
{
	const struct sct_odd_request *post = stage_post(nth);
	char line[256];

	snprintf(line, sizeof line, "POST /2018-06-01/runtime/%s HTTP/1.1\r\n", path);
	if (strncmp(post->head, line, strlen(line)) != 0)
		fail_msg("%s is not the POST to %s", post->head, path);
	assert_string_equal(post->body, body);
	assert_int_equal(post->body_len, strlen(body));
}

size_t stage_logged(const char *text)
{
	size_t count = 0;

	for (const char *at = stage.log; (at = strstr(at, text)); at++)
		count++;
	return count;
}
