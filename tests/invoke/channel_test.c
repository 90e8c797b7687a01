/* A channel between two exchanges: what happens to an idle connection. And one without memory for
 * its events: an exchange ends at once instead of never. */
#include "invoke/fault_server.h"
#include "support/cmocka.h"
#include "support/failing_events.h"

#include "invoke/channel.h"

#include <event2/event.h>
#include <string.h>

static struct event_base *base;
static unsigned ended;
static int ended_code;

static struct sct_fault answer = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };

static void on_ended(struct sci_channel *channel, const struct sc_error *error)
{
	(void)channel;
	ended++;
	ended_code = error ? error->code : 0;
	event_base_loopbreak(base);
}

static void exchange(struct sci_channel *channel)
{
	static char head[] = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", body[] = "x";
	unsigned before = ended;

	sci_channel_send(channel, (struct iovec){ head, sizeof head - 1 },
		(struct iovec){ body, 1 });
	assert_int_equal(ended, before);
	event_base_dispatch(base);
	assert_int_equal(ended, before + 1);
	assert_int_equal(ended_code, 0);
	assert_memory_equal(channel->in.data + channel->response.body_at, "ok", 2);
	assert_true(channel->ended_ns > channel->started_ns);
}

static void survives_the_end_of_an_idle_connection(void **state)
{
	struct sci_address address;
	struct sci_channel channel = {
		.address = &address,
		.timeout_ms = 20000,
		.max_body = 100,
		.ended = on_ended,
	};

	(void)state;
	channel.base = base = event_base_new();
	struct sct_fault_server *server =
		sct_fault_server_open(base, sct_fault_always, &answer, &address);
	assert_int_equal(sci_channel_init(&channel), 0);
	exchange(&channel);
	exchange(&channel);
	assert_int_equal(channel.connections, 1);

	sct_fault_server_drop(server);
	for (int i = 0; i < 1000 && channel.connected; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_false(channel.connected);
	assert_int_equal(ended, 2);
	exchange(&channel);
	assert_int_equal(channel.connections, 2);

	sci_channel_close(&channel);
	sci_channel_close(&channel);
	exchange(&channel);
	assert_int_equal(channel.connections, 3);
	sci_channel_fini(&channel);
	sct_fault_server_close(server);
	event_base_free(base);
}

/* What the fault server waits for, it asks of libevent in other ways. */
static void ends_without_memory_for_an_event(void **state)
{
	static char head[] = "POST / HTTP/1.1\r\nContent-Length: 8388608\r\n\r\n";
	static char body[8 * 1024 * 1024];
	struct sci_address address;
	struct sci_channel channel = {
		.address = &address,
		.timeout_ms = 200000,
		.max_body = 100,
		.ended = on_ended,
	};
	unsigned failed, nth = 0;

	(void)state;
	channel.base = base = event_base_new();
	struct sct_fault_server *server =
		sct_fault_server_open(base, sct_fault_always, &answer, &address);
	assert_int_equal(sci_channel_init(&channel), 0);
	do {
		unsigned before = ended;
		sct_fail_events(SCT_NO_TIMEOUT, nth++);
		/* More than the socket takes at once. */
		sci_channel_send(&channel, (struct iovec){ head, sizeof head - 1 },
			(struct iovec){ body, sizeof body });
		assert_int_equal(ended, before);
		event_base_dispatch(base);
		assert_int_equal(ended, before + 1);
		failed = sct_heal_events();
		if (failed > 0)
			assert_true(ended_code == SC_E_NOMEM || ended_code == SC_E_OPEN);
		sci_channel_close(&channel);
	} while (failed > 0);
	/* To connect, to read the answer, to write on. */
	assert_true(nth > 3);
	sci_channel_fini(&channel);
	sct_fault_server_close(server);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_the_end_of_an_idle_connection),
		cmocka_unit_test(ends_without_memory_for_an_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
