/* The function of `./dev bench freshness`: it answers with a value of a slow upstream, which it
 * keeps as FRESHNESS_STRATEGY says:
 *
 *	nothing		each invocation asks the upstream
 *	ttl		a time to live, and nothing else
 *	foreground	stale-while-revalidate, as a library can do it that does not own the
 *			runtime's loop: what is due is loaded before the answer is sent
 *	after		the same options, and the runtime loads what is due after the answer
 *
 * The cache has a clock of its own: CLOCK_MONOTONIC, plus the milliseconds that the events ask for
 * with {"advance_ms":N}. So an outage of an hour takes a few seconds. The answer says how many
 * loads the caller waited for, and when the upstream made the value, by CLOCK_MONOTONIC. */
#include <scopecache/function.h>
#include <scopecache/process.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define VALUE_BYTES 64

struct strategy {
	const char *name;
	bool keeps, stale, in_foreground;
};

static const struct strategy strategies[] = {
	{ "nothing", false, false, false },
	{ "ttl", true, false, false },
	{ "foreground", true, true, true },
	{ "after", true, true, false },
};

static const struct strategy *strategy;
static struct sc_cache *cache;
static int64_t advanced_ms;
static unsigned loads, invocations;

static int64_t number_of(const char *variable, int64_t preset)
{
	const char *text = getenv(variable);

	return text ? strtoll(text, NULL, 10) : preset;
}

static int64_t read_clock(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + advanced_ms;
}

/* ---- The upstream: it sends a line and closes the connection; while it is down, it closes it
 * at once. ---- */

static int connect_upstream(void)
{
	const struct sockaddr_in upstream = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)number_of("FRESHNESS_UPSTREAM", 0)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
		(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
			connect(fd, (const struct sockaddr *)&upstream, sizeof upstream) < 0)) {
		int failure = errno;
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

/* Returns the length of the value, or -1 with errno set. */
static ssize_t ask_upstream(char value[VALUE_BYTES])
{
	size_t len = 0;
	ssize_t got;
	int fd = connect_upstream();

	if (fd < 0)
		return -1;
	while ((got = recv(fd, value + len, VALUE_BYTES - 1 - len, 0)) > 0 ||
		(got < 0 && errno == EINTR))
		len += got > 0 ? (size_t)got : 0;
	int failure = got < 0 ? errno : ECONNRESET;
	close(fd);
	value[len] = '\0';
	errno = failure;
	return len > 0 && value[len - 1] == '\n' ? (ssize_t)len - 1 : -1;
}

static int load_value(struct sc_load *load, void *context)
{
	char value[VALUE_BYTES];

	(void)context;
	loads++;
	ssize_t len = ask_upstream(value);
	if (len >= 0)
		return sc_load_set_value(load, value, (size_t)len);
	sc_load_set_kind(load, SC_LOAD_TRANSIENT);
	return sc_load_fail(load, -1, "the upstream does not answer: %s", strerror(errno));
}

/* ---- The function ---- */

static int open_cache(struct sc_error *error)
{
	const struct sc_clock clock = { .now_ms = read_clock };
	struct sc_cache_options options = {
		.size = sizeof options,
		.max_bytes = 64 << 10,
		.ttl_ms = number_of("FRESHNESS_TTL_MS", 2000),
		.loader = load_value,
		.clock = &clock,
	};

	if (strategy->stale) {
		options.refresh_after_ms = number_of("FRESHNESS_REFRESH_AFTER_MS", 1000);
		options.stale_while_revalidate_ms = 60000;
		options.stale_if_error_ms = number_of("FRESHNESS_STALE_IF_ERROR_MS", 7200000);
		options.retry_after_ms = number_of("FRESHNESS_RETRY_AFTER_MS", 5000);
	}
	if (strategy->in_foreground)
		sc_process_set_refresh_budget_ms(0);
	return sc_cache_open(&cache, &options, error);
}

static int init(void **state, struct sc_error *error)
{
	const char *wanted = getenv("FRESHNESS_STRATEGY");

	(void)state;
	for (size_t i = 0; wanted && i < sizeof strategies / sizeof strategies[0]; i++)
		if (strcmp(strategies[i].name, wanted) == 0)
			strategy = &strategies[i];
	if (!strategy) {
		*error = (struct sc_error){ .code = SC_E_INVAL };
		snprintf(error->message, sizeof error->message,
			"FRESHNESS_STRATEGY is nothing, ttl, foreground or after, not \"%s\"",
			wanted ? wanted : "");
		return SC_E_INVAL;
	}
	return strategy->keeps ? open_cache(error) : 0;
}

static void advance_clock(const struct sc_invocation *inv)
{
	static const char name[] = "\"advance_ms\":";
	size_t len;
	const char *event = sc_invocation_event(inv, &len);
	const char *found = strstr(event, name);

	if (found)
		advanced_ms += strtoll(found + sizeof name - 1, NULL, 10);
}

static void answer(struct sc_invocation *inv, const char *outcome, const char *value, size_t len,
	unsigned waited)
{
	sc_invocation_printf(inv,
		"{\"outcome\":\"%s\",\"made_ms\":%.*s,\"waited_for\":%u,\"invocation\":%u}",
		outcome, (int)len, value, waited, invocations);
}

static int answer_from_upstream(struct sc_invocation *inv)
{
	char value[VALUE_BYTES];
	ssize_t len = ask_upstream(value);

	if (len < 0)
		return sc_invocation_fail(inv, "Function.Unavailable",
			"the upstream does not answer: %s", strerror(errno));
	answer(inv, "asked", value, (size_t)len, 1);
	return 0;
}

static int answer_from_cache(struct sc_invocation *inv)
{
	unsigned before = loads;
	struct sc_value value;
	struct sc_error error;

	int rc = sc_cache_fetch(cache, SC_KEY("value"), &value, &error);
	if (rc < 0)
		return sc_invocation_fail(inv, "Function.Unavailable", "%s", error.message);
	if (strategy->in_foreground)
		sc_maintain(1000);
	answer(inv,
		rc == SC_HIT             ? "hit"
			: rc == SC_STALE ? "stale"
					 : "loaded",
		value.data, value.len, loads - before);
	sc_value_release(&value);
	return 0;
}

static int handle(struct sc_invocation *inv, void *state)
{
	(void)state;
	invocations++;
	advance_clock(inv);
	return strategy->keeps ? answer_from_cache(inv) : answer_from_upstream(inv);
}

static void fini(void *state)
{
	(void)state;
	sc_cache_close(cache);
}

SC_LAMBDA_MAIN(init, handle, fini)
