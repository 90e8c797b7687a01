/* How a process ended, as its keeper reports it: also when the keeper has ended before it has read
 * all that was sent to it. */
#include "support/cmocka.h"

#include "local/keeper.h"
#include "local/process.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sci_process_end conclude_after(int unread_signals)
{
	const struct sci_keeper_report report = { .status = SIGSEGV, .peak_kb = 4711 };
	struct sci_process process = { .keeper = 1, .status_fd = -1, .alone = true };
	struct sci_process_end end = { .pid = 1 };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	process.control_fd = ends[0];
	for (int i = 0; i < unread_signals; i++)
		assert_int_equal(send(ends[0], "", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(ends[1], &report, sizeof report, MSG_NOSIGNAL), sizeof report);
	close(ends[1]);
	sci_process_conclude(&process, &end);
	assert_int_equal(process.keeper, 0);
	sci_process_fini(&process);
	return end;
}

static void the_report_is_found(void **state)
{
	(void)state;
	for (int unread = 0; unread < 3; unread++) {
		struct sci_process_end end = conclude_after(unread);
		assert_int_equal(end.status, SIGSEGV);
		assert_int_equal(end.peak_kb, 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_report_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
