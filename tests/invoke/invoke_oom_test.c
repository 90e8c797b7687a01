/* Out of memory at each allocation of src/invoke in turn: opening fails as a whole or not at
 * all, an open run counts every invocation, and nothing leaks. Allocations inside libevent and
 * jansson do not fail. */
#include "invoke/fault_server.h"
#include "support/allocation.h"
#include "support/cmocka.h"

#include "invoke/invoke.h"
#include "invoke/invoke_summary.h"
#include "invoke/payload.h"

#include <event2/event.h>

#define COUNT 6

static struct event_base *base;
static struct sct_fault_server *server;
static struct sci_address address;

static struct sct_fault answer = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" };

static struct sci_invoke_payload payload(uint64_t index, void *arg)
{
	(void)index;
	(void)arg;
	return (struct sci_invoke_payload){ "{}", 2 };
}

static void finished(void *arg)
{
	(void)arg;
	event_base_loopbreak(base);
}

static void run(void *arg)
{
	const struct sci_invoke_options options = {
		.address = address,
		.host = "127.0.0.1",
		.path = "",
		.function = "f",
		.count = COUNT,
		.parallel = 2,
		.timeout_ms = 20000,
		.payload = payload,
		.finished = finished,
	};
	struct sci_invoke_run *made = NULL;
	struct sc_error error = { 0 };

	(void)arg;
	int rc = sci_invoke_open(&made, base, &options, &error);
	if (rc < 0) {
		assert_int_equal(rc, SC_E_NOMEM);
		assert_true(sct_allocation_failed());
		assert_null(made);
		return;
	}
	event_base_dispatch(base);
	const struct sci_invoke_result *result = sci_invoke_result(made);
	assert_true(result->finished);
	assert_int_equal(result->done, COUNT);
	assert_int_equal(result->outcomes[SCI_INVOKE_OK] + result->outcomes[SCI_INVOKE_NO_ANSWER],
		COUNT);
	assert_true(result->outcomes[SCI_INVOKE_OK] >= COUNT - 2);
	assert_int_equal(result->outcomes[SCI_INVOKE_OK] == COUNT, !sct_allocation_failed());
	sci_invoke_close(made);
	sct_fault_server_drop(server);
}

static int print_all(struct sci_buffer *out, struct sci_buffer *object)
{
	static const struct sci_invoke_result result = { .done = 1 };
	static const struct sci_invoke_subject subject = { .function = "f",
		.endpoint = "e",
		.requested = 1 };
	static const struct sci_invoke_answer told = { .payload = { "{}", 2 },
		.request_id = "",
		.function_error = "" };

	int rc = sci_invoke_answer_json(object, &told);
	if (rc < 0)
		return rc;
	rc = sci_invoke_print_json(out, &subject, &result, object);
	return rc < 0 ? rc : sci_invoke_print_table(out, &subject, &result);
}

static void print(void *arg)
{
	struct sci_buffer out = { 0 }, object = { 0 };

	(void)arg;
	int rc = print_all(&out, &object);
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_buffer_fini(&out);
	sci_buffer_fini(&object);
}

static void read_payload(void *arg)
{
	struct sci_buffer out = { 0 };

	(void)arg;
	int rc = sci_payload_read(&out, "@/proc/self/maps", NULL);
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_buffer_fini(&out);
}

static void a_run_survives_it(void **state)
{
	(void)state;
	base = event_base_new();
	server = sct_fault_server_open(base, sct_fault_always, &answer, &address);
	sct_fail_each_allocation(run, NULL);
	sct_fault_server_close(server);
	event_base_free(base);
}

static void printing_survives_it(void **state)
{
	(void)state;
	sct_fail_each_allocation(print, NULL);
}

static void reading_survives_it(void **state)
{
	(void)state;
	sct_fail_each_allocation(read_payload, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_survives_it),
		cmocka_unit_test(printing_survives_it),
		cmocka_unit_test(reading_survives_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
