/* Runs against correct and faulty servers: each outcome is counted as what it was, and every run
 * ends. */
#include "invoke/fault_server.h"
#include "support/cmocka.h"

#include "invoke/invoke.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK_ANSWER                                                                                  \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n"               \
	"x-amzn-RequestId: 0f5a\r\nX-Amz-Executed-Version: $LATEST\r\n\r\n\"ok\""

/* A run, its server, and what its callbacks saw. */
struct trial {
	/* Set by the test. */
	sct_fault_fn *choose;
	const char *payload;
	size_t payload_len;
	uint64_t count;
	unsigned parallel;
	int64_t timeout_ms;
	uint64_t cancel_at; /* after this many answers */

	struct event_base *base;
	struct sct_fault_server *server;
	struct sci_invoke_run *run;
	struct sci_invoke_result result;
	uint64_t answers, payloads, connections, requests;
	bool finished;
	char last_complaint[300], last_payload[64], last_request_id[64];
};

static struct sci_invoke_payload next_payload(uint64_t index, void *arg)
{
	struct trial *trial = arg;

	assert_int_equal(index, trial->payloads);
	trial->payloads++;
	return (struct sci_invoke_payload){ trial->payload, trial->payload_len };
}

static void on_answered(const struct sci_invoke_answer *answer, void *arg)
{
	struct trial *trial = arg;

	assert_false(trial->finished);
	assert_int_equal(answer->outcome == SCI_INVOKE_OK, answer->complaint[0] == '\0');
	trial->answers++;
	snprintf(trial->last_complaint, sizeof trial->last_complaint, "%s", answer->complaint);
	snprintf(trial->last_request_id, sizeof trial->last_request_id, "%s", answer->request_id);
	snprintf(trial->last_payload, sizeof trial->last_payload, "%.*s", (int)answer->payload.len,
		(const char *)answer->payload.data);
	if (trial->answers == trial->cancel_at)
		sci_invoke_cancel(trial->run);
}

static void on_finished(void *arg)
{
	struct trial *trial = arg;

	assert_false(trial->finished);
	trial->finished = true;
	event_base_loopbreak(trial->base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("the run does not end");
}

static void prepare(struct trial *trial, struct sci_invoke_options *options)
{
	trial->base = event_base_new();
	trial->payload = trial->payload ? trial->payload : "{}";
	trial->payload_len = trial->payload_len ? trial->payload_len : strlen(trial->payload);
	*options = (struct sci_invoke_options){
		.host = "127.0.0.1:1",
		.path = "",
		.function = "f",
		.count = trial->count,
		.parallel = trial->parallel ? trial->parallel : 1,
		.timeout_ms = trial->timeout_ms ? trial->timeout_ms : 20000,
		.payload = next_payload,
		.answered = on_answered,
		.finished = on_finished,
		.arg = trial,
	};
}

static void run_to_the_end(struct trial *trial, const struct sci_invoke_options *options)
{
	const struct timeval patience = { 60, 0 };
	struct event *watchdog = event_new(trial->base, -1, 0, on_watchdog, NULL);
	struct sc_error error;

	event_add(watchdog, &patience);
	if (sci_invoke_open(&trial->run, trial->base, options, &error) < 0)
		fail_msg("%s", error.message);
	event_base_dispatch(trial->base);
	event_free(watchdog);
	trial->result = *sci_invoke_result(trial->run);
	assert_true(trial->finished && trial->result.finished);
	assert_int_equal(trial->result.done, trial->answers);
	uint64_t sum = 0;
	for (size_t i = 0; i < SCI_INVOKE_OUTCOME_COUNT; i++)
		sum += trial->result.outcomes[i];
	assert_int_equal(sum, trial->result.done);
	sci_invoke_close(trial->run);
}

static void run(struct trial *trial)
{
	struct sci_invoke_options options;

	prepare(trial, &options);
	trial->server = sct_fault_server_open(trial->base, trial->choose, trial, &options.address);
	run_to_the_end(trial, &options);
	trial->connections = sct_fault_server_connections(trial->server);
	trial->requests = sct_fault_server_requests(trial->server);
	sct_fault_server_close(trial->server);
	event_base_free(trial->base);
}

/* Every one of `count` invocations ends like this, with those words. */
static void all_end(struct trial *trial, enum sci_invoke_outcome outcome, const char *words)
{
	run(trial);
	if (trial->result.outcomes[outcome] != trial->count ||
		!strstr(trial->last_complaint, words))
		fail_msg("%llu of %llu; %s", (unsigned long long)trial->result.outcomes[outcome],
			(unsigned long long)trial->count, trial->last_complaint);
	assert_int_equal(trial->result.done, trial->count);
	assert_int_equal(trial->requests, trial->count);
	assert_string_equal(trial->result.first_failure.message,
		outcome ? trial->last_complaint : "");
	assert_int_equal(trial->result.latency.count,
		outcome <= SCI_INVOKE_FUNCTION_ERROR ? trial->count : 0);
}

static struct sct_fault ok(uint64_t nth, const char *head, const char *body, size_t len, void *arg)
{
	(void)nth;
	(void)arg;
	assert_non_null(strstr(head, "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\n"));
	assert_non_null(strstr(head, "\r\nHost: 127.0.0.1:1"));
	assert_int_equal(len, 2);
	assert_memory_equal(body, "{}", 2);
	return (struct sct_fault){ .answer = OK_ANSWER };
}

static void counts_what_is_well(void **state)
{
	struct trial trial = { .choose = ok, .count = 1 };

	(void)state;
	all_end(&trial, SCI_INVOKE_OK, "");
	assert_string_equal(trial.last_payload, "\"ok\"");
	assert_string_equal(trial.last_request_id, "0f5a");
	assert_int_equal(trial.result.sent_bytes, 2);
	assert_int_equal(trial.result.received_bytes, 4);
	assert_true(trial.result.elapsed_ns >= trial.result.latency.max_ns);
}

static void keeps_its_connections(void **state)
{
	struct trial trial = { .choose = ok, .count = 500, .parallel = 7 };

	(void)state;
	all_end(&trial, SCI_INVOKE_OK, "");
	assert_int_equal(trial.connections, 7);
}

static void opens_no_more_connections_than_invocations(void **state)
{
	struct trial trial = { .choose = ok, .count = 3, .parallel = SCI_INVOKE_PARALLEL_MAX };

	(void)state;
	all_end(&trial, SCI_INVOKE_OK, "");
	assert_int_equal(trial.connections, 3);
}

static struct sct_fault one_byte(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	struct sct_fault fault = ok(nth, head, body, len, arg);

	fault.one_byte_at_a_time = true;
	return fault;
}

static struct sct_fault chunked(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	struct sct_fault fault = one_byte(nth, head, body, len, arg);

	fault.answer =
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\n\"\r\n3\r\nok\"\r\n0\r\nTrailer: x\r\n\r\n";
	return fault;
}

static struct sct_fault closing(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	struct sct_fault fault = ok(nth, head, body, len, arg);

	fault.answer = nth % 2
		? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n\"ok\""
		: "HTTP/1.0 200 OK\r\n\r\n\"ok\"";
	fault.then = SCT_CLOSE;
	return fault;
}

static void takes_answers_in_any_form(void **state)
{
	struct trial byte_by_byte = { .choose = one_byte, .count = 3, .parallel = 2 };
	struct trial in_chunks = { .choose = chunked, .count = 3, .parallel = 2 };
	struct trial closed = { .choose = closing, .count = 20, .parallel = 2 };

	(void)state;
	all_end(&byte_by_byte, SCI_INVOKE_OK, "");
	all_end(&in_chunks, SCI_INVOKE_OK, "");
	assert_string_equal(in_chunks.last_payload, "\"ok\"");
	assert_int_equal(in_chunks.connections, 2);
	all_end(&closed, SCI_INVOKE_OK, "");
	assert_int_equal(closed.connections, 20);
}

/* Answers by the request's number, so that one function serves for all that is simple. */
static struct sct_fault answers[2];

static struct sct_fault scripted(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	(void)head;
	(void)body;
	(void)len;
	(void)arg;
	return answers[nth % 2];
}

static void every_fault_is(struct sct_fault fault, enum sci_invoke_outcome outcome,
	const char *words)
{
	struct trial trial = { .choose = scripted, .count = 30, .parallel = 4 };

	answers[0] = answers[1] = fault;
	all_end(&trial, outcome, words);
}

static void counts_function_errors(void **state)
{
	(void)state;
	every_fault_is(
		(struct sct_fault){
			.answer = "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\n\r\n"
				  "{\"errorMessage\": \"no\\u001bdb\", \"errorType\": \"E\"}",
			.then = SCT_CLOSE },
		SCI_INVOKE_FUNCTION_ERROR, "the function failed (Unhandled) E: no db");
	every_fault_is(
		(struct sct_fault){ .answer = "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Handled\r\n"
					      "Content-Length: 3\r\n\r\nxyz" },
		SCI_INVOKE_FUNCTION_ERROR, "the function failed (Handled)");
}

static void counts_refusals_by_their_status(void **state)
{
	(void)state;
	every_fault_is(
		(struct sct_fault){
			.answer = "HTTP/1.1 429 Too Many Requests\r\n"
				  "Content-Length: 28\r\n\r\n{\"message\": \"Rate Exceeded\"}" },
		SCI_INVOKE_THROTTLED, "429 Rate Exceeded");
	every_fault_is(
		(struct sct_fault){ .answer = "HTTP/1.1 429 Too Many Requests\r\n"
					      "x-amzn-ErrorType: TooManyRequestsException\r\n"
					      "Content-Length: 38\r\n\r\n"
					      "{\"Reason\": \"Limit\", \"Message\": \"Rate\"}" },
		SCI_INVOKE_THROTTLED, "429 TooManyRequestsException: Rate (Limit)");
	every_fault_is(
		(struct sct_fault){ .answer = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" },
		SCI_INVOKE_REFUSED, "answered 500");
	every_fault_is(
		(struct sct_fault){ .answer = "HTTP/1.1 404 Not Found\r\n"
					      "x-amzn-ErrorType: ResourceNotFoundException\r\n"
					      "Content-Length: 19\r\n\r\n{\"Message\": \"gone\"}" },
		SCI_INVOKE_REFUSED, "404 ResourceNotFoundException: gone");
	every_fault_is((struct sct_fault){ .answer = "HTTP/1.1 204 No Content\r\n\r\n" },
		SCI_INVOKE_REFUSED, "answered 204");
}

static void counts_broken_connections(void **state)
{
	(void)state;
	every_fault_is((struct sct_fault){ .then = SCT_CLOSE }, SCI_INVOKE_NO_ANSWER,
		"before there was an answer");
	every_fault_is((struct sct_fault){ .then = SCT_RESET }, SCI_INVOKE_NO_ANSWER,
		"before there was an answer");
	every_fault_is((struct sct_fault){ .answer = OK_ANSWER, .len = 100, .then = SCT_CLOSE },
		SCI_INVOKE_NO_ANSWER, "in the middle of the answer");
	every_fault_is((struct sct_fault){ .answer = OK_ANSWER, .len = 20, .then = SCT_CLOSE },
		SCI_INVOKE_NO_ANSWER, "in the middle of the answer");
	every_fault_is(
		(struct sct_fault){
			.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
			.then = SCT_CLOSE },
		SCI_INVOKE_NO_ANSWER, "in the middle of the answer");
}

static void counts_garbage(void **state)
{
	static char endless[80000];

	(void)state;
	every_fault_is((struct sct_fault){ .answer = "SSH-2.0-OpenSSH\r\n" }, SCI_INVOKE_NO_ANSWER,
		"not HTTP");
	every_fault_is((struct sct_fault){ .answer = "\0\0\0\0", .len = 4 }, SCI_INVOKE_NO_ANSWER,
		"not HTTP");
	every_fault_is(
		(struct sct_fault){ .answer = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" },
		SCI_INVOKE_NO_ANSWER, "not HTTP");
	every_fault_is(
		(struct sct_fault){
			.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" },
		SCI_INVOKE_NO_ANSWER, "too large");
	memset(endless, 'x', sizeof endless);
	every_fault_is((struct sct_fault){ .answer = endless, .len = sizeof endless },
		SCI_INVOKE_NO_ANSWER, "not HTTP");
}

/* Bytes after an answer: the connection is not used again. */
static void drops_a_connection_that_says_too_much(void **state)
{
	struct trial trial = { .choose = scripted, .count = 6, .parallel = 1 };

	(void)state;
	answers[0] = answers[1] = (struct sct_fault){ .answer = OK_ANSWER OK_ANSWER };
	all_end(&trial, SCI_INVOKE_OK, "");
	assert_int_equal(trial.connections, 6);
}

static void waits_no_longer_than_it_should(void **state)
{
	struct trial silent = { .choose = scripted, .count = 6, .parallel = 3, .timeout_ms = 50 };
	struct trial half = { .choose = scripted, .count = 6, .parallel = 3, .timeout_ms = 50 };

	(void)state;
	answers[0] = answers[1] = (struct sct_fault){ 0 };
	all_end(&silent, SCI_INVOKE_TIMED_OUT, "no complete answer in 0.05 s");
	assert_int_equal(silent.connections, 6);
	assert_true(silent.result.elapsed_ns >= UINT64_C(95000000));
	answers[0] = answers[1] = (struct sct_fault){ .answer = OK_ANSWER, .len = 60 };
	all_end(&half, SCI_INVOKE_TIMED_OUT, "no complete answer");
}

static void goes_on_after_faults(void **state)
{
	static const struct sct_fault faults[] = {
		{ .then = SCT_RESET },
		{ .answer = "garbage\r\n" },
		{ .answer = OK_ANSWER, .len = 50, .then = SCT_CLOSE },
		{ .answer = "HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct trial trial = { .choose = scripted, .count = 40, .parallel = 1 };
		answers[0] = faults[i];
		answers[1] = (struct sct_fault){ .answer = OK_ANSWER };
		run(&trial);
		assert_int_equal(trial.result.outcomes[SCI_INVOKE_OK], 20);
		assert_int_equal(trial.result.done, 40);
		assert_false(trial.result.unreachable);
	}
}

static struct sct_fault large(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	const struct trial *trial = arg;

	(void)nth;
	(void)head;
	if (len == trial->payload_len)
		assert_memory_equal(body, trial->payload, len);
	return (struct sct_fault){ .answer = OK_ANSWER };
}

static void sends_large_payloads_whole(void **state)
{
	struct trial trial = { .choose = large, .count = 4, .parallel = 2, .payload_len = 7000000 };
	char *payload = malloc(trial.payload_len);

	(void)state;
	for (size_t i = 0; i < trial.payload_len; i++)
		payload[i] = (char)(i * 2654435761u >> 24);
	trial.payload = payload;
	all_end(&trial, SCI_INVOKE_OK, "");
	assert_int_equal(trial.result.sent_bytes, 4 * trial.payload_len);
	free(payload);
}

/* Answered before the payload was sent: either the answer is seen or the reset is, but never a
 * hang, and the connection is not used again. */
static void accepts_an_early_answer(void **state)
{
	struct trial trial = { .choose = scripted,
		.count = 10,
		.parallel = 2,
		.payload_len = 7000000 };
	char *payload = calloc(1, trial.payload_len);

	(void)state;
	answers[0] = answers[1] = (struct sct_fault){
		.answer = "HTTP/1.1 413 Too Large\r\nConnection: close\r\n"
			  "Content-Length: 0\r\n\r\n",
		.then = SCT_UNREAD,
	};
	trial.payload = payload;
	run(&trial);
	assert_int_equal(trial.result.outcomes[SCI_INVOKE_REFUSED] +
			trial.result.outcomes[SCI_INVOKE_NO_ANSWER],
		10);
	assert_int_equal(trial.connections, 10);
	free(payload);
}

static void can_be_cancelled(void **state)
{
	struct trial busy = { .choose = ok, .count = 1000000, .parallel = 5, .cancel_at = 50 };
	struct trial at_the_end = { .choose = ok, .count = 5, .parallel = 1, .cancel_at = 5 };

	(void)state;
	run(&busy);
	assert_int_equal(busy.result.done, 50);
	run(&at_the_end);
	assert_int_equal(at_the_end.result.done, 5);
}

/* Without a server the error is reported once, and at once. */
static void gives_up_without_a_server(void **state)
{
	struct trial trial = { .count = 1000000, .parallel = 100 };
	struct sci_invoke_options options;
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	prepare(&trial, &options);
	/* Bound and not listening, so that no other program gets the port during the test. */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
	options.address.len = sizeof options.address.storage;
	getsockname(fd, (struct sockaddr *)&options.address.storage, &options.address.len);
	run_to_the_end(&trial, &options);
	assert_true(trial.result.unreachable);
	assert_int_equal(trial.result.done, 1);
	if (!strstr(trial.result.first_failure.message, "Connection refused"))
		fail_msg("%s", trial.result.first_failure.message);
	close(fd);
	event_base_free(trial.base);
}

static void refuses_options_that_are_not_valid(void **state)
{
	struct trial trial = { .count = 1 };
	struct sci_invoke_options good, bad;
	struct sci_invoke_run *none = NULL;

	(void)state;
	prepare(&trial, &good);
#define REFUSES(field, value)                                                                      \
	do {                                                                                       \
		bad = good;                                                                        \
		bad.field = value;                                                                 \
		assert_int_equal(sci_invoke_open(&none, trial.base, &bad, NULL), SC_E_INVAL);      \
	} while (0)
	REFUSES(count, 0);
	REFUSES(parallel, 0);
	REFUSES(parallel, SCI_INVOKE_PARALLEL_MAX + 1);
	REFUSES(timeout_ms, 0);
	REFUSES(timeout_ms, SCI_INVOKE_TIMEOUT_MAX_MS + 1);
	REFUSES(function, "");
	REFUSES(host, "a\r\nb");
	REFUSES(payload, NULL);
	assert_null(none);
	event_base_free(trial.base);
}

static struct sct_fault named(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	(void)nth;
	(void)body;
	(void)len;
	(void)arg;
	assert_non_null(strstr(head,
		"POST /base/2015-03-31/functions/arn%3Aaws%3Af%2F%20%C3%A9/invocations HTTP"));
	return (struct sct_fault){ .answer = OK_ANSWER };
}

static void encodes_the_name(void **state)
{
	struct trial trial = { .count = 1, .choose = named };
	struct sci_invoke_options options;

	(void)state;
	prepare(&trial, &options);
	options.path = "/base";
	options.function = "arn:aws:f/ \xC3\xA9";
	trial.server = sct_fault_server_open(trial.base, trial.choose, &trial, &options.address);
	run_to_the_end(&trial, &options);
	assert_int_equal(trial.result.outcomes[SCI_INVOKE_OK], 1);
	sct_fault_server_close(trial.server);
	event_base_free(trial.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_is_well),
		cmocka_unit_test(keeps_its_connections),
		cmocka_unit_test(opens_no_more_connections_than_invocations),
		cmocka_unit_test(takes_answers_in_any_form),
		cmocka_unit_test(counts_function_errors),
		cmocka_unit_test(counts_refusals_by_their_status),
		cmocka_unit_test(counts_broken_connections),
		cmocka_unit_test(counts_garbage),
		cmocka_unit_test(drops_a_connection_that_says_too_much),
		cmocka_unit_test(waits_no_longer_than_it_should),
		cmocka_unit_test(goes_on_after_faults),
		cmocka_unit_test(sends_large_payloads_whole),
		cmocka_unit_test(accepts_an_early_answer),
		cmocka_unit_test(can_be_cancelled),
		cmocka_unit_test(gives_up_without_a_server),
		cmocka_unit_test(refuses_options_that_are_not_valid),
		cmocka_unit_test(encodes_the_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
