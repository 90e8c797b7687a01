/* One thread runs one event loop, so nothing here is locked. Ownership:
 *
 *	local ── invoke server ── requests that wait for an answer
 *	     ├── fleet ── environments ── process, pipe, Runtime API, call
 *	     ├── functions
 *	     ├── isolation ── folders that environments see as /tmp
 *	     └── output
 *
 * Shutdown keeps an order that delivers the answers: it stops accepting, ends the environments
 * (which answers their calls), flushes the answers, and frees the rest. */
#define _GNU_SOURCE
#include "local/local.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/number_text.h"
#include "local/deployment.h"
#include "local/event_loop.h"
#include "local/fleet.h"
#include "local/invoke_server.h"
#include "local/isolation.h"
#include "local/output.h"
#include "local/process.h"
#include "local/request_id.h"
#include "local/timer.h"

#include <event2/event.h>

#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_ADDRESS "127.0.0.1:0"

/* How long shutdown waits for answers to be sent. */
#define FLUSH_MS      500
#define FLUSH_STEP_MS 10

enum { ON_INT, ON_TERM, ON_HUP, ON_CHILD, SIGNALS };

struct sci_local {
	struct event_base *base;
	struct event *signals[SIGNALS], *flush;
	int64_t flush_end_us;
	struct sci_output *output;
	struct sci_isolation *isolation;
	struct sci_deployment *functions;
	size_t function_count;
	struct sci_fleet *fleet;
	struct sci_invoke_server *server;
	char host[256], url[320];
};

/* ---- The address. ---- */

struct address {
	char host[256];
	uint16_t port;
};

static int parse_address(const char *text, struct address *out, struct sc_error *error)
{
	if (sci_host_port_read(text, out->host, sizeof out->host, &out->port))
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"an address is HOST:PORT, such as 127.0.0.1:0, and not: %s", text);
}

static unsigned first_byte(const struct sockaddr_in *address)
{
	return ntohl(address->sin_addr.s_addr) >> 24;
}

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return first_byte((const struct sockaddr_in *)(const void *)address) == 127;
	if (address->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
	return false;
}

/* Callers are not authenticated: all who reach the address can run the functions, with the
 * user's rights. An address that other machines may reach therefore needs an option of its own. */
static int check_address(const struct address *address, bool allow_remote, struct sc_error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	bool loopback = true;

	int rc = getaddrinfo(address->host, NULL, &hints, &found);
	if (rc != 0)
		return sci_error_set(error, SC_E_INVAL, 0, "cannot listen on %s: %s", address->host,
			gai_strerror(rc));
	for (const struct addrinfo *at = found; at; at = at->ai_next)
		loopback = loopback && is_loopback(at->ai_addr);
	freeaddrinfo(found);
	if (loopback || allow_remote)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"%s can be reached from other machines, and callers are not authenticated; "
		"listen on 127.0.0.1, or add --allow-remote if you mean it",
		address->host);
}

/* ---- Opening. ---- */

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct sci_local *local = arg;

	(void)number;
	(void)what;
	sci_invoke_server_stop(local->server);
	sci_fleet_stop(local->fleet);
}

static void on_child(evutil_socket_t number, short what, void *arg)
{
	struct sci_local *local = arg;

	(void)number;
	(void)what;
	sci_fleet_reap(local->fleet);
}

/* Leave the loop once the last answers are sent, or time is up. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct sci_local *local = arg;

	(void)fd;
	(void)what;
	/* The environments have freed their timers, so this rarely fails for want of memory. */
	if (!sci_invoke_server_is_busy(local->server) || sci_mono_us() >= local->flush_end_us ||
		sci_timer_start(local->flush, FLUSH_STEP_MS) < 0)
		event_base_loopbreak(local->base);
}

static void on_empty(void *arg)
{
	struct sci_local *local = arg;

	local->flush_end_us = sci_mono_us() + FLUSH_MS * 1000;
	/* This needs no memory, as a timer would. */
	event_active(local->flush, EV_TIMEOUT, 0);
}

static int catch_signals(struct sci_local *local)
{
	static const int numbers[SIGNALS] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction now;

	signal(SIGPIPE, SIG_IGN);
	local->flush = evtimer_new(local->base, on_flush, local);
	if (!local->flush)
		return SC_E_NOMEM;
	for (int i = 0; i < SIGNALS; i++) {
		/* What nohup or a shell's background ignores stays ignored. */
		if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			continue;
		local->signals[i] = evsignal_new(local->base, numbers[i],
			i == ON_CHILD ? on_child : on_signal, local);
		if (!local->signals[i] || event_add(local->signals[i], NULL) < 0)
			return SC_E_NOMEM;
	}
	return 0;
}

/* The length of the function's name in FUNCTION:NAME=VALUE; 0: the variable is for all
 * functions. */
static size_t owner_len(const char *variable)
{
	size_t len = strcspn(variable, ":=");

	return variable[len] == ':' ? len : 0;
}

static bool is_owner(const char *variable, const char *name)
{
	size_t len = owner_len(variable);

	return len > 0 && strlen(name) == len && strncmp(variable, name, len) == 0;
}

/* A variable of one function needs that function to exist. */
static int check_owners(const struct sci_local_options *options, struct sc_error *error)
{
	for (size_t i = 0; i < options->environment_count; i++) {
		const char *variable = options->environment[i];
		bool known = owner_len(variable) == 0;

		for (size_t j = 0; j < options->function_count; j++)
			known |= is_owner(variable, options->functions[j].name);
		if (!known)
			return sci_error_set(error, SC_E_INVAL, 0,
				"there is no function %.*s, which the variable %.*s is for",
				(int)owner_len(variable), variable, (int)strcspn(variable, "="),
				variable);
	}
	return 0;
}

/* The variables of a function: those of all, and then its own. Returns how many. */
static size_t variables_of(const struct sci_local_options *options, const char *name,
	const char **variables)
{
	size_t count = 0;

	for (size_t i = 0; i < options->environment_count; i++)
		if (owner_len(options->environment[i]) == 0)
			variables[count++] = options->environment[i];
	for (size_t i = 0; i < options->environment_count; i++)
		if (is_owner(options->environment[i], name))
			variables[count++] = options->environment[i] + strlen(name) + 1;
	return count;
}

static int64_t first_of(int64_t own, int64_t common, int64_t preset)
{
	return own ? own : common ? common : preset;
}

static struct sci_range_ms first_range(const struct sci_range_ms *own,
	const struct sci_range_ms *common)
{
	return own->most ? *own : *common;
}

/* A seed for this run, where none was given. */
static uint64_t random_seed(void)
{
	char id[SCI_HEX_ID_BYTES];

	sci_hex_id(id);
	id[16] = '\0';
	return strtoull(id, NULL, 16);
}

static int deploy_one(struct sci_local *local, const struct sci_local_options *options,
	const struct sci_local_function *function, const char **variables, struct sc_error *error)
{
	struct sci_deployment *deployment = &local->functions[local->function_count];
	struct sci_deployment_options deployed = {
		.name = function->name,
		.bootstrap = function->bootstrap,
		.environment = variables,
		.environment_count = variables_of(options, function->name, variables),
		.timeout_ms =
			first_of(function->timeout_ms, options->timeout_ms, SCI_LOCAL_TIMEOUT_MS),
		.init_timeout_ms = first_of(function->init_timeout_ms, options->init_timeout_ms,
			SCI_LOCAL_INIT_TIMEOUT_MS),
		.memory_mb =
			(int)first_of(function->memory_mb, options->memory_mb, SCI_LOCAL_MEMORY_MB),
		.lifetimes = {
			.idle = first_range(&function->lifetimes.idle, &options->lifetimes.idle),
			.age = first_range(&function->lifetimes.age, &options->lifetimes.age),
		},
		.watch = options->watch,
	};

	for (size_t i = 0; i < local->function_count; i++)
		if (strcmp(local->functions[i].name, function->name) == 0)
			return sci_error_set(error, SC_E_INVAL, 0, "function %s is there twice",
				function->name);
	int rc = sci_deployment_init(deployment, &deployed, error);
	if (rc < 0)
		sci_deployment_fini(deployment);
	else
		local->function_count++;
	return rc;
}

static int deploy(struct sci_local *local, const struct sci_local_options *options,
	struct sc_error *error)
{
	if (options->function_count == 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"name at least one function: --function NAME=BOOTSTRAP");
	local->functions = calloc(options->function_count, sizeof *local->functions);
	const char **variables = calloc(options->environment_count + 1, sizeof *variables);
	if (!local->functions || !variables) {
		free(variables);
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	}
	int rc = check_owners(options, error);
	for (size_t i = 0; i < options->function_count && rc == 0; i++)
		rc = deploy_one(local, options, &options->functions[i], variables, error);
	free(variables);
	return rc;
}

static int open_parts(struct sci_local *local, const struct sci_local_options *options,
	struct sc_error *error)
{
	local->base = sci_loop_new();
	int log = options->quiet ? -1 : STDERR_FILENO;
	if (!local->base || sci_output_open(local->base, log, &local->output) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	struct sci_fleet_options fleet = {
		.base = local->base,
		.output = local->output,
		.isolation = local->isolation,
		.functions = local->functions,
		.function_count = local->function_count,
		.max_environments = options->max_environments ? options->max_environments
							      : SCI_LOCAL_MAX_ENVIRONMENTS,
		.strict_shutdown = options->strict_shutdown,
		.freeze = !options->no_freeze,
		.seed = options->seed ? options->seed : random_seed(),
		.empty = on_empty,
		.arg = local,
	};
	if (sci_fleet_open(&fleet, &local->fleet) < 0 || catch_signals(local) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	return sci_process_prepare(error);
}

/* Serve, and fill in the URL. */
static int serve_address(struct sci_local *local, const struct sci_local_options *options,
	const struct address *address, struct sc_error *error)
{
	struct sci_invoke_address served = {
		.host = local->host,
		.port = address->port,
		.any_host = options->allow_remote,
		.origins = options->origins,
		.origin_count = options->origin_count,
	};

	snprintf(local->host, sizeof local->host, "%s", address->host);
	int rc = sci_invoke_server_open(local->base, local->fleet, &served, &local->server, error);
	if (rc < 0)
		return rc;
	bool bare_v6 = strchr(address->host, ':');
	snprintf(local->url, sizeof local->url, bare_v6 ? "http://[%s]:%u" : "http://%s:%u",
		address->host, sci_invoke_server_port(local->server));
	return 0;
}

static int open_server(struct sci_local *local, const struct sci_local_options *options,
	struct sc_error *error)
{
	struct address address;

	int rc =
		parse_address(options->listen ? options->listen : DEFAULT_ADDRESS, &address, error);
	if (rc < 0)
		return rc;
	rc = check_address(&address, options->allow_remote, error);
	if (rc < 0)
		return rc;
	return serve_address(local, options, &address, error);
}

static int open_all(struct sci_local *local, const struct sci_local_options *options,
	struct sc_error *error)
{
	int rc = deploy(local, options, error);
	if (rc < 0)
		return rc;
	/* Before other descriptors are opened: its child must hold none of them. */
	rc = sci_isolation_open(!options->shared, &local->isolation, error);
	if (rc < 0)
		return rc;
	rc = open_parts(local, options, error);
	if (rc < 0)
		return rc;
	return open_server(local, options, error);
}

int sci_local_open(const struct sci_local_options *options, struct sci_local **out,
	struct sc_error *error)
{
	struct sci_local *local = calloc(1, sizeof *local);

	if (!local)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	int rc = open_all(local, options, error);
	if (rc < 0) {
		sci_local_close(local);
		return rc;
	}
	*out = local;
	return 0;
}

const char *sci_local_url(const struct sci_local *local)
{
	return local->url;
}

const char *sci_local_warning(const struct sci_local *local)
{
	return sci_isolation_warning(local->isolation);
}

int sci_local_run(struct sci_local *local, struct sc_error *error)
{
	if (event_base_dispatch(local->base) < 0)
		return sci_error_set(error, SC_E_IO, 0, "the event loop failed");
	return 0;
}

void sci_local_close(struct sci_local *local)
{
	if (!local)
		return;
	sci_fleet_close(local->fleet);
	sci_invoke_server_close(local->server);
	sci_process_sweep(sci_isolation_janitor(local->isolation));
	sci_isolation_close(local->isolation);
	sci_output_close(local->output);
	for (int i = 0; i < SIGNALS; i++)
		if (local->signals[i])
			event_free(local->signals[i]);
	if (local->flush)
		event_free(local->flush);
	if (local->base)
		event_base_free(local->base);
	for (size_t i = 0; i < local->function_count; i++)
		sci_deployment_fini(&local->functions[i]);
	free(local->functions);
	free(local);
}
