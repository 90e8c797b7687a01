/* The server's side of a keeper (keeper.h), which is our child and the parent of the function:
 * signals go out through its socket, and how the function ended comes back. When a keeper is killed
 * and there is no PID namespace, its orphans become our children (PR_SET_CHILD_SUBREAPER), and are
 * killed at the end.
 *
 * The end of a child is detected before it is reaped (WNOWAIT): until it is reaped its process id,
 * which is its group's too, belongs to no other process, and the group can safely be killed. */
#define _GNU_SOURCE
#include "local/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "local/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_ROUNDS 100

/* How long a program may take to begin. The server serves no request meanwhile. */
#define EXEC_WAIT_MS 10000

static struct rlimit original_files;

int sci_process_prepare(struct sc_error *error)
{
	if (getrlimit(RLIMIT_NOFILE, &original_files) < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot read the limit of open files");
	struct rlimit most = { .rlim_cur = original_files.rlim_max,
		.rlim_max = original_files.rlim_max };
	/* Failure is no reason to stop: starts fail later, when the lower limit is reached. */
	setrlimit(RLIMIT_NOFILE, &most);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot become the parent of orphans");
	return 0;
}

/* The descriptors of a start: each pair has our end first and the child's second. */
struct ends {
	int control[2], failure[2], output[2], telemetry[2];
};

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	pair[0] = pair[1] = -1;
}

static void close_ends(struct ends *ends)
{
	close_pair(ends->control);
	close_pair(ends->failure);
	close_pair(ends->output);
	close_pair(ends->telemetry);
}

static int open_ends(struct ends *ends)
{
	int one = 1;

	*ends = (struct ends){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->control) == 0 &&
		setsockopt(ends->control[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof one) == 0 &&
		pipe2(ends->failure, O_CLOEXEC) == 0 && pipe2(ends->output, O_CLOEXEC) == 0 &&
		pipe2(ends->telemetry, O_CLOEXEC) == 0)
		return 0;
	int os_errno = errno;
	close_ends(ends);
	errno = os_errno;
	return -1;
}

static void close_child_ends(struct ends *ends)
{
	int *const child_ends[] = { &ends->control[1], &ends->failure[1], &ends->output[1],
		&ends->telemetry[1] };

	for (size_t i = 0; i < sizeof child_ends / sizeof *child_ends; i++) {
		close(*child_ends[i]);
		*child_ends[i] = -1;
	}
}

/* Wait for the new program to begin. `failure->step` is 0 when it has. */
static void wait_for_exec(int fd, struct sci_keeper_failure *failure)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	const int64_t end_us = sci_mono_us() + EXEC_WAIT_MS * INT64_C(1000);
	ssize_t got;

	while (poll(&ready, 1, EXEC_WAIT_MS) <= 0) {
		if (sci_mono_us() < end_us)
			continue;
		*failure = (struct sci_keeper_failure){ SCI_KEEPER_WAIT, ETIMEDOUT };
		return;
	}
	do {
		got = read(fd, failure, sizeof *failure);
	} while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof *failure)
		*failure = (struct sci_keeper_failure){ 0 };
}

/* The process id of the function, which the kernel translates to our PID namespace; 0: not
 * sent. */
static pid_t receive_pid(int control)
{
	char bytes_sent[2], space[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec bytes = { bytes_sent, sizeof bytes_sent };
	struct msghdr message = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof space };
	struct ucred sender = { 0 };

	/* A longer message is the report of a keeper whose function has ended already. */
	if (recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return 0;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
		if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS)
			memcpy(&sender, CMSG_DATA(at), sizeof sender);
	return sender.pid;
}

static long own_peak_kb(void)
{
	struct rusage used;

	return getrusage(RUSAGE_SELF, &used) == 0 ? used.ru_maxrss : 0;
}

static int open_status(pid_t pid)
{
	char path[48];

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* True when the system lacked a resource, so the program itself may be fine. */
static bool is_shortage(int os_errno)
{
	return os_errno == EAGAIN || os_errno == EMFILE || os_errno == ENFILE || os_errno == ENOMEM;
}

static int start_error(const struct sci_keeper_failure *failure, const char *path,
	struct sc_error *error)
{
	switch (failure->step) {
	case SCI_KEEPER_SANDBOX:
		return sci_error_set(error, SC_E_IO, failure->os_errno,
			"cannot set up namespaces and /tmp; --no-isolation does without");
	case SCI_KEEPER_FORK:
		return sci_error_set(error, SC_E_IO, failure->os_errno, "cannot fork");
	case SCI_KEEPER_WAIT:
		return sci_error_set(error, SC_E_IO, failure->os_errno, "%.160s has not begun",
			path);
	default:
		return sci_error_set(error, is_shortage(failure->os_errno) ? SC_E_IO : SC_E_INVAL,
			failure->os_errno, "fork/exec %.160s", path);
	}
}

int sci_process_start(struct sci_process *process, struct sci_process_options *options,
	struct sci_process_outputs *outputs, struct sc_error *error)
{
	struct sci_keeper_failure failure = { .step = SCI_KEEPER_FORK };
	struct ends ends;

	if (open_ends(&ends) < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot make a pipe");
	struct sci_keeper_channel channel = { ends.control[1], ends.failure[1], ends.output[1],
		ends.telemetry[1] };
	options->files = original_files;
	pid_t keeper = sci_sandbox_fork(&options->sandbox);
	if (keeper == 0)
		sci_keeper_run(options, &channel);
	failure.os_errno = errno;
	close_child_ends(&ends);
	if (keeper > 0)
		wait_for_exec(ends.failure[0], &failure);
	pid_t pid = failure.step ? 0 : receive_pid(ends.control[0]);
	if (failure.step == 0 && pid == 0)
		failure = (struct sci_keeper_failure){ SCI_KEEPER_WAIT, 0 };
	if (failure.step) {
		/* The keeper exits, and sci_process_reap() reaps it. */
		if (failure.step == SCI_KEEPER_WAIT)
			kill(keeper, SIGKILL);
		close_ends(&ends);
		return start_error(&failure, options->path, error);
	}
	close_pair(ends.failure);
	fcntl(ends.output[0], F_SETFL, O_NONBLOCK);
	fcntl(ends.telemetry[0], F_SETFL, O_NONBLOCK);
	*process = (struct sci_process){
		.pid = pid,
		.keeper = keeper,
		.control_fd = ends.control[0],
		.status_fd = open_status(pid),
		.alone = options->sandbox.namespaces != 0,
		.inherited_kb = own_peak_kb(),
	};
	*outputs = (struct sci_process_outputs){ ends.output[0], ends.telemetry[0] };
	return 0;
}

void sci_process_signal(const struct sci_process *process, int signal)
{
	unsigned char number = (unsigned char)signal;

	if (process->keeper <= 0)
		return;
	if (signal == SIGKILL && process->alone) {
		kill(process->keeper, SIGKILL);
		return;
	}
	send(process->control_fd, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* Outside a PID namespace the function may have stopped its keeper. */
	kill(process->keeper, SIGCONT);
}

void sci_process_kill_keeper(const struct sci_process *process)
{
	if (process->keeper > 0)
		kill(process->keeper, SIGKILL);
}

static long kilobytes_after(const char *text, const char *label)
{
	const char *found = strstr(text, label);

	return found ? strtol(found + strlen(label), NULL, 10) : 0;
}

struct sci_process_memory sci_process_memory(const struct sci_process *process)
{
	char text[2048];

	if (process->pid <= 0 || process->status_fd < 0)
		return (struct sci_process_memory){ 0 };
	ssize_t got = pread(process->status_fd, text, sizeof text - 1, 0);
	if (got <= 0)
		return (struct sci_process_memory){ 0 };
	text[got] = '\0';
	return (struct sci_process_memory){
		.peak_kb = kilobytes_after(text, "\nVmHWM:"),
		.resident_kb = kilobytes_after(text, "\nVmRSS:"),
	};
}

int sci_process_reap(struct sci_process_end *end)
{
	siginfo_t info = { 0 };
	struct rusage used;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
		return 0;
	end->pid = info.si_pid;
	/* Only if the child was the leader of a group is there a group of its number. */
	kill(-end->pid, SIGKILL);
	if (wait4(end->pid, &end->status, 0, &used) < 0)
		return 0;
	end->peak_kb = used.ru_maxrss;
	return 1;
}

/* A keeper that ends before it has read a signal resets the connection, which the kernel reports
 * once, before the message that came first. */
static bool receive_report(int control, struct sci_keeper_report *report)
{
	ssize_t got = recv(control, report, sizeof *report, MSG_DONTWAIT);

	if (got < 0 && errno == ECONNRESET)
		got = recv(control, report, sizeof *report, MSG_DONTWAIT);
	return got == (ssize_t)sizeof *report;
}

void sci_process_conclude(struct sci_process *process, struct sci_process_end *end)
{
	struct sci_keeper_report report;

	process->keeper = 0;
	if (receive_report(process->control_fd, &report)) {
		end->status = report.status;
		end->peak_kb = report.peak_kb;
		return;
	}
	/* The keeper was killed, so *end has its status; its memory is not the function's. If
	 * another process killed it, its orphans are our children now. */
	end->peak_kb = 0;
	if (!process->alone)
		kill(-process->pid, SIGKILL);
}

void sci_process_fini(struct sci_process *process)
{
	if (process->pid > 0 && process->status_fd >= 0)
		close(process->status_fd);
	if (process->control_fd > 0)
		close(process->control_fd);
	*process = (struct sci_process){ .status_fd = -1 };
}

void sci_process_sweep(pid_t spared)
{
	sci_keeper_kill_children(spared, SWEEP_ROUNDS);
}
