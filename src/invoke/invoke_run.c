/* A run is an array of slots, one for each invocation that may be in progress. A free slot takes
 * the next index, so invocations begin in order. When no index is left the slot closes its
 * connection, and the last slot finishes the run.
 *
 * Only finish() sets `finished`. After it no slot begins an invocation and nothing is counted.
 * Callbacks of the owner may cancel the run, so `finished` is read again after each of them. */
#include "invoke/invoke.h"

#include "base/clock.h"
#include "base/error.h"
#include "http/http_request.h"
#include "invoke/channel.h"
#include "invoke/invoke_answer.h"

#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

/* Bytes for the Content-Length line and the empty line of a head. */
#define HEAD_END_BYTES 64

struct slot {
	struct sci_channel channel; /* first: the channel's callback finds the slot by it */
	struct sci_invoke_run *run;
	struct sci_invoke_payload payload;
	struct sci_buffer head;
	uint64_t index;
};

struct sci_invoke_run {
	struct sci_invoke_options options;
	struct sci_invoke_result result;
	struct sci_buffer head; /* the part of the head that all requests share */
	struct event *start;
	uint64_t next, started_ns;
	unsigned slots_made, slots_busy;
	bool reached; /* the endpoint has accepted a connection */
	struct slot slots[];
};

static void finish(struct sci_invoke_run *run)
{
	run->result.finished = true;
	if (run->started_ns)
		run->result.elapsed_ns = sci_mono_ns() - run->started_ns;
	for (unsigned i = 0; i < run->slots_made; i++)
		sci_channel_close(&run->slots[i].channel);
	event_del(run->start);
	if (run->options.finished)
		run->options.finished(run->options.arg);
}

/* Begin the slot's next invocation. This cannot fail: make_slot() reserved the memory of its
 * head. */
static void go_on(struct slot *slot)
{
	struct sci_invoke_run *run = slot->run;

	if (run->result.finished)
		return;
	if (run->next == run->options.count) {
		sci_channel_close(&slot->channel);
		if (--run->slots_busy == 0)
			finish(run);
		return;
	}
	slot->index = run->next++;
	slot->payload = run->options.payload(slot->index, run->options.arg);
	slot->head.len = run->head.len;
	sci_http_request_length(&slot->head, slot->payload.len);
	sci_http_request_end(&slot->head);
	/* An iovec has no const; sendmsg() does not write. */
	sci_channel_send(&slot->channel, (struct iovec){ slot->head.data, slot->head.len },
		(struct iovec){ (void *)(uintptr_t)slot->payload.data, slot->payload.len });
}

static bool was_reached(struct sci_invoke_run *run)
{
	for (unsigned i = 0; i < run->slots_made && !run->reached; i++)
		run->reached = run->slots[i].channel.connections > 0;
	return run->reached;
}

static void count(struct sci_invoke_run *run, const struct slot *slot,
	const struct sci_invoke_answer *answer, const struct sc_error *why)
{
	struct sci_invoke_result *result = &run->result;

	result->done++;
	result->outcomes[answer->outcome]++;
	result->elapsed_ns = slot->channel.ended_ns - run->started_ns;
	result->received_bytes += answer->payload.len;
	if (answer->status != 0)
		result->sent_bytes += slot->payload.len;
	if (answer->outcome <= SCI_INVOKE_FUNCTION_ERROR)
		sci_histogram_record(&result->latency, answer->latency_ns);
	if (answer->outcome != SCI_INVOKE_OK && result->first_failure.code == 0)
		result->first_failure = *why;
}

static void on_ended(struct sci_channel *channel, const struct sc_error *error)
{
	struct slot *slot = (struct slot *)channel;
	struct sci_invoke_run *run = slot->run;
	struct sci_invoke_answer answer = {
		.index = slot->index,
		.latency_ns = channel->ended_ns - channel->started_ns,
	};
	struct sc_error why;

	if (error) {
		why = *error;
		sci_invoke_answer_missing(&answer, &why);
	} else {
		sci_invoke_answer_read(&answer, &channel->response, channel->in.data, &why);
	}
	count(run, slot, &answer, &why);
	if (run->options.answered)
		run->options.answered(&answer, run->options.arg);
	if (run->result.finished)
		return;
	if (error && error->code == SC_E_OPEN && !was_reached(run)) {
		run->result.unreachable = true;
		finish(run);
		return;
	}
	go_on(slot);
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct sci_invoke_run *run = arg;

	(void)fd;
	(void)what;
	run->started_ns = sci_mono_ns();
	run->slots_busy = run->slots_made;
	for (unsigned i = 0; i < run->slots_made; i++)
		go_on(&run->slots[i]);
}

static int write_head(struct sci_invoke_run *run, const struct sci_invoke_options *options)
{
	char *function = evhttp_uriencode(options->function, -1, 0);
	struct sci_buffer *head = &run->head;

	if (!function)
		return SC_E_NOMEM;
	int rc = sci_http_request_line(head, "POST", "%s/2015-03-31/functions/%s/invocations",
		options->path, function);
	free(function);
	if (rc < 0)
		return rc;
	rc = sci_http_request_header(head, "Host", options->host);
	if (rc < 0)
		return rc;
	sci_http_request_header(head, "User-Agent", "scopecache-invoke");
	sci_http_request_header(head, "Content-Type", "application/json");
	return sci_buffer_result(head);
}

static int make_slot(struct sci_invoke_run *run, struct slot *slot, struct event_base *base)
{
	slot->run = run;
	slot->channel = (struct sci_channel){
		.base = base,
		.address = &run->options.address,
		.timeout_ms = run->options.timeout_ms,
		.max_body = SCI_INVOKE_ANSWER_MAX,
		.ended = on_ended,
	};
	int rc = sci_channel_init(&slot->channel);
	if (rc < 0)
		return rc;
	rc = sci_buffer_append(&slot->head, run->head.data, run->head.len);
	return rc < 0 ? rc : sci_buffer_reserve(&slot->head, HEAD_END_BYTES);
}

static int make_parts(struct sci_invoke_run *run, struct event_base *base,
	const struct sci_invoke_options *options)
{
	const struct timeval now = { 0, 0 };
	int rc = write_head(run, options);
	unsigned wanted =
		options->parallel < options->count ? options->parallel : (unsigned)options->count;

	while (rc == 0 && run->slots_made < wanted)
		rc = make_slot(run, &run->slots[run->slots_made++], base);
	if (rc < 0)
		return rc;
	run->start = event_new(base, -1, 0, on_start, run);
	return run->start && event_add(run->start, &now) == 0 ? 0 : SC_E_NOMEM;
}

static bool are_valid(const struct sci_invoke_options *options)
{
	return options->function && options->function[0] && options->host && options->path &&
		options->payload && options->count > 0 && options->parallel > 0 &&
		options->parallel <= SCI_INVOKE_PARALLEL_MAX && options->timeout_ms > 0 &&
		options->timeout_ms <= SCI_INVOKE_TIMEOUT_MAX_MS;
}

int sci_invoke_open(struct sci_invoke_run **run, struct event_base *base,
	const struct sci_invoke_options *options, struct sc_error *error)
{
	if (!are_valid(options))
		return sci_error_set(error, SC_E_INVAL, 0, "the options of the run are not valid");

	struct sci_invoke_run *made =
		calloc(1, sizeof *made + options->parallel * sizeof made->slots[0]);
	if (!made)
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory for the run");
	made->options = *options;
	made->options.host = made->options.path = made->options.function = NULL;
	int rc = make_parts(made, base, options);
	if (rc < 0) {
		sci_invoke_close(made);
		return sci_error_set(error, rc, 0, "cannot prepare the run: %s",
			sc_result_text(rc));
	}
	*run = made;
	return 0;
}

void sci_invoke_cancel(struct sci_invoke_run *run)
{
	if (!run->result.finished)
		finish(run);
}

const struct sci_invoke_result *sci_invoke_result(const struct sci_invoke_run *run)
{
	return &run->result;
}

void sci_invoke_close(struct sci_invoke_run *run)
{
	if (!run)
		return;
	for (unsigned i = 0; i < run->slots_made; i++) {
		sci_channel_fini(&run->slots[i].channel);
		sci_buffer_fini(&run->slots[i].head);
	}
	if (run->start)
		event_free(run->start);
	sci_buffer_fini(&run->head);
	free(run);
}
