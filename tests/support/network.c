/* The wrappers that the linker puts in front of the calls (ld --wrap). An injected reset or close
 * also shuts the socket down, so that the peer sees a closed connection too. */
#include "support/network.h"

#include "support/cmocka.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#define RUNS_MAX 10000

int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);

/* Weak, so that a test program that does not wrap still links. */
#pragma weak __real_connect
#pragma weak __real_sendmsg
#pragma weak __real_recv

/* Only the thread under test makes these calls. */
static const char *failed;
static bool moves_single_bytes;
static long countdown;
static enum sct_network_fault injected_fault;
static struct sct_naps naps;

static bool must_fail(const char *call)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = call;
	return true;
}

static int fail_with(int code)
{
	errno = code;
	return -1;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (!must_fail("connect") || injected_fault == SCT_NETWORK_SHORT)
		return __real_connect(fd, address, len);
	if (injected_fault == SCT_NETWORK_EINTR)
		return fail_with(EINTR);
	return fail_with(injected_fault == SCT_NETWORK_RESET ? ECONNREFUSED : EINPROGRESS);
}

static ssize_t send_byte(int fd, const struct msghdr *message, int flags)
{
	struct iovec byte = message->msg_iov[0];
	struct msghdr shorter = { .msg_iov = &byte, .msg_iovlen = 1 };

	byte.iov_len = 1;
	return __real_sendmsg(fd, &shorter, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	bool fail = must_fail("sendmsg");

	if (moves_single_bytes || (fail && injected_fault == SCT_NETWORK_SHORT))
		return send_byte(fd, message, flags);
	if (!fail)
		return __real_sendmsg(fd, message, flags);
	if (injected_fault == SCT_NETWORK_EINTR)
		return fail_with(EINTR);
	shutdown(fd, SHUT_RDWR);
	return fail_with(injected_fault == SCT_NETWORK_RESET ? ECONNRESET : EPIPE);
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
	bool fail = must_fail("recv");

	if (moves_single_bytes || (fail && injected_fault == SCT_NETWORK_SHORT))
		return __real_recv(fd, data, len > 0 ? 1 : 0, flags);
	if (!fail)
		return __real_recv(fd, data, len, flags);
	if (injected_fault == SCT_NETWORK_EINTR)
		return fail_with(EINTR);
	shutdown(fd, SHUT_RDWR);
	return injected_fault == SCT_NETWORK_RESET ? fail_with(ECONNRESET) : 0;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	naps.count++;
	naps.total_ms += (long)wanted->tv_sec * 1000 + wanted->tv_nsec / 1000000;
	return 0;
}

struct sct_naps sct_naps_taken(void)
{
	struct sct_naps taken = naps;

	naps = (struct sct_naps){ 0 };
	return taken;
}

const char *sct_network_failed(void)
{
	return failed;
}

static void fail_each_call(enum sct_network_fault fault, void (*scenario)(void *fault))
{
	long injected = 0;

	for (long nth = 1; nth < RUNS_MAX; nth++) {
		injected_fault = fault;
		failed = NULL;
		countdown = nth;
		scenario(&fault);
		countdown = 0;
		if (!failed)
			break;
		injected++;
	}
	if (injected == 0)
		fail_msg("no call was made to fail: the test tests nothing");
}

void sct_fail_each_network_call(void (*scenario)(void *fault))
{
	for (int fault = 0; fault < SCT_NETWORK_FAULTS; fault++)
		fail_each_call((enum sct_network_fault)fault, scenario);
}

void sct_move_single_bytes(void (*scenario)(void *fault))
{
	enum sct_network_fault fault = SCT_NETWORK_SHORT;

	moves_single_bytes = true;
	scenario(&fault);
	moves_single_bytes = false;
}
