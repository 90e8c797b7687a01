/* scopecache invoke: one invocation prints the answer of the function; several print figures.
 *
 * All options are checked before anything is sent, and any error in them ends the command with
 * status 2. The figures go to standard output, everything else to standard error. */
#include "cli/cmd_invoke.h"

#include "base/error.h"
#include "cli/invoke_options.h"
#include "invoke/invoke.h"
#include "invoke/invoke_summary.h"
#include "invoke/payload.h"
#include "invoke/progress.h"

#include <event2/event.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROGRESS_AFTER_MS 1000
/* Descriptors other than connections: the event loop's, the standard ones, inherited ones. */
#define OTHER_DESCRIPTORS 32

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_SIGNAL = 128 };

struct command {
	const struct sci_invoke_arguments *arguments;
	struct sci_endpoint endpoint;
	struct sci_buffer payload, host;
	struct sci_buffer answer, answer_json; /* of a single invocation */
	struct event_base *base;
	struct sci_invoke_run *run;
	int signal; /* that ended the run, or 0 */
	bool no_memory;
};

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
	va_list args;

	fputs("scopecache invoke: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static struct sci_invoke_payload next_payload(uint64_t index, void *arg)
{
	const struct command *command = arg;

	(void)index;
	return (struct sci_invoke_payload){ command->payload.data, command->payload.len };
}

/* Only for a single invocation, whose answer the command prints. */
static void on_answered(const struct sci_invoke_answer *answer, void *arg)
{
	struct command *command = arg;
	int rc = sci_buffer_append(&command->answer, answer->payload.data, answer->payload.len);

	if (rc == 0 && command->arguments->json)
		rc = sci_invoke_answer_json(&command->answer_json, answer);
	command->no_memory = rc < 0;
}

static void on_finished(void *arg)
{
	const struct command *command = arg;

	event_base_loopbreak(command->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct command *command = arg;

	(void)what;
	command->signal = (int)number;
	sci_invoke_cancel(command->run);
}

/* Every connection is a descriptor. Returns 0, or SC_E_INVAL when the system allows too few. */
static int allow_descriptors(unsigned parallel, struct sc_error *error)
{
	const rlim_t wanted = parallel + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"--parallel %u needs %llu open files, and ulimit -Hn allows %llu", parallel,
			(unsigned long long)wanted, (unsigned long long)limit.rlim_max);
	return 0;
}

static int check_payload(const struct sci_buffer *payload, struct sc_error *error)
{
	struct sc_error why;

	if (sci_payload_check_json(payload, &why) == 0)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0, "%s (--raw sends it as it is)", why.message);
}

/* Read and check what the options name. */
static int read_inputs(struct command *command, struct sc_error *error)
{
	const struct sci_invoke_arguments *arguments = command->arguments;

	int rc = sci_endpoint_parse(&command->endpoint, arguments->endpoint, error);
	if (rc < 0)
		return rc;
	rc = sci_payload_read(&command->payload, arguments->payload, error);
	if (rc < 0)
		return rc;
	rc = arguments->raw ? 0 : check_payload(&command->payload, error);
	if (rc < 0)
		return rc;
	rc = allow_descriptors(arguments->parallel, error);
	if (rc < 0)
		return rc;
	if (sci_endpoint_print(&command->endpoint, &command->host) < 0)
		return sci_error_plain(error, SC_E_NOMEM);
	return 0;
}

/* Returns an exit status; STATUS_OK to go on. */
static int prepare(struct command *command, struct sci_invoke_options *options)
{
	const struct sci_invoke_arguments *arguments = command->arguments;
	struct sc_error error;

	if (read_inputs(command, &error) < 0) {
		complain("%s", error.message);
		return STATUS_USAGE;
	}
	if (sci_endpoint_resolve(&command->endpoint, &options->address, &error) < 0) {
		complain("%s", error.message);
		return STATUS_FAILED;
	}
	options->host = command->host.data;
	options->path = command->endpoint.path;
	options->function = arguments->function;
	options->count = arguments->count;
	options->parallel = arguments->parallel;
	options->timeout_ms = arguments->timeout_ms;
	options->payload = next_payload;
	options->answered = arguments->count == 1 ? on_answered : NULL;
	options->finished = on_finished;
	options->arg = command;
	return STATUS_OK;
}

/* Let a signal end the run, unless the parent process ignored that signal (nohup). */
static int add_signal(struct event *event)
{
	struct sigaction now;

	if (sigaction(event_get_signal(event), NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		return 0;
	return event_add(event, NULL);
}

/* Drive the run until it is finished or a signal ends it. Returns 0 or SC_E_NOMEM, SC_E_INVAL. */
static int drive(struct command *command, const struct sci_invoke_options *options,
	struct sc_error *error)
{
	struct event *interrupt = NULL, *terminate = NULL;
	struct sci_progress progress = { 0 };

	command->base = event_base_new();
	if (!command->base)
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory for an event loop");
	int rc = sci_invoke_open(&command->run, command->base, options, error);
	if (rc < 0)
		return rc;
	interrupt = evsignal_new(command->base, SIGINT, on_signal, command);
	terminate = evsignal_new(command->base, SIGTERM, on_signal, command);
	if (interrupt && terminate && add_signal(interrupt) == 0 && add_signal(terminate) == 0) {
		if (options->count > 1 && !command->arguments->quiet)
			sci_progress_start(&progress, command->base, options->function,
				options->count, &sci_invoke_result(command->run)->done,
				PROGRESS_AFTER_MS);
		if (event_base_dispatch(command->base) < 0)
			rc = sci_error_set(error, SC_E_IO, 0, "the event loop failed");
		sci_progress_stop(&progress);
	} else {
		rc = sci_error_set(error, SC_E_NOMEM, 0, "no memory for the signals");
	}
	if (interrupt)
		event_free(interrupt);
	if (terminate)
		event_free(terminate);
	return rc;
}

/* The error as text; for a single function error also the function's answer. */
static void explain(const struct command *command, const struct sci_invoke_result *result)
{
	const struct sc_error *failure = &result->first_failure;

	if (result->unreachable)
		complain("%s: %s\n\tIs `scopecache local` running? Its first line says which "
			 "endpoint to give.",
			command->arguments->endpoint, failure->message);
	else if (failure->code && command->arguments->count == 1)
		complain("%s: %s", command->arguments->function, failure->message);
	else if (failure->code)
		complain("%s: the first failure: %s", command->arguments->function,
			failure->message);
	if (command->arguments->count == 1 && !command->arguments->json &&
		command->answer.len > 0 && result->outcomes[SCI_INVOKE_FUNCTION_ERROR] > 0) {
		fwrite(command->answer.data, 1, command->answer.len, stderr);
		fputc('\n', stderr);
	}
}

/* Append the output of the command: the answer of one invocation unchanged, or the figures. */
static int compose(struct sci_buffer *out, const struct command *command,
	const struct sci_invoke_result *result)
{
	const struct sci_invoke_arguments *arguments = command->arguments;
	const struct sci_invoke_subject subject = {
		.function = arguments->function,
		.endpoint = arguments->endpoint,
		.requested = arguments->count,
		.parallel = arguments->parallel,
		.interrupted = command->signal != 0,
	};

	if (arguments->json)
		return sci_invoke_print_json(out, &subject, result,
			arguments->count == 1 && result->done == 1 ? &command->answer_json : NULL);
	if (arguments->count > 1)
		return result->unreachable ? 0 : sci_invoke_print_table(out, &subject, result);
	if (result->outcomes[SCI_INVOKE_OK] != 1)
		return 0;
	sci_buffer_append(out, command->answer.data, command->answer.len);
	if (out->len > 0 && isatty(STDOUT_FILENO))
		sci_buffer_append(out, "\n", 1);
	return sci_buffer_result(out);
}

static int print(const struct command *command, const struct sci_invoke_result *result)
{
	struct sci_buffer out = { 0 };

	int rc = compose(&out, command, result);
	if (rc < 0)
		complain("%s", sc_result_text(rc));
	else if (out.len > 0 &&
		(fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
		complain("cannot write to standard output: %s", strerror(errno));
	if (ferror(stdout))
		rc = SC_E_IO;
	sci_buffer_fini(&out);
	return rc;
}

static int conclude(struct command *command)
{
	const struct sci_invoke_result *result = sci_invoke_result(command->run);

	if (command->no_memory) {
		complain("no memory for the answer");
		return STATUS_FAILED;
	}
	explain(command, result);
	int rc = command->arguments->quiet ? 0 : print(command, result);
	if (command->signal)
		return STATUS_SIGNAL + command->signal;
	return rc == 0 && result->outcomes[SCI_INVOKE_OK] == result->done ? STATUS_OK
									  : STATUS_FAILED;
}

int sci_cmd_invoke(int argc, char **argv)
{
	struct sci_invoke_arguments arguments;
	struct command command = { .arguments = &arguments };
	struct sci_invoke_options options = { 0 };
	struct sc_error error;

	sci_invoke_arguments_parse(&arguments, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	int status = prepare(&command, &options);
	if (status == STATUS_OK && drive(&command, &options, &error) < 0) {
		complain("%s", error.message);
		status = STATUS_FAILED;
	} else if (status == STATUS_OK) {
		status = conclude(&command);
	}
	sci_invoke_close(command.run);
	if (command.base)
		event_base_free(command.base);
	sci_buffer_fini(&command.payload);
	sci_buffer_fini(&command.host);
	sci_buffer_fini(&command.answer);
	sci_buffer_fini(&command.answer_json);
	return status;
}
