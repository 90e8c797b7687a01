/* In a PID namespace the keeper is the first process: when it ends, in any way, the kernel kills
 * all others. Without one it is the parent of orphans (PR_SET_CHILD_SUBREAPER), and kills them in
 * rounds.
 *
 * The end of its socket means that the server has ended, also by kill -9. In a PID namespace the
 * keeper has a death signal too; without one it must not have one, because it has to kill what the
 * function has started first.
 *
 * The end of the function is detected before it is reaped (WNOWAIT): until it is reaped its process
 * id, which is its group's too, belongs to no other process, and the group can safely be signalled.
 */
#define _GNU_SOURCE
#include "local/keeper.h"

#include "local/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS   10000000
#define END_ROUNDS 200

/* The kernel's own bound on process ids, which /proc/sys/kernel/pid_max may lower. */
#define PID_MAX (4 * 1024 * 1024)

/* ---- The function. ---- */

static _Noreturn void fail(int fd, enum sci_keeper_step step)
{
	struct sci_keeper_failure failure = { .step = step, .os_errno = errno };
	ssize_t written = write(fd, &failure, sizeof failure);

	_exit(written > 0 ? 1 : 2);
}

static void reset_signals(void)
{
	sigset_t none;

	/* execve() resets handlers, but not ignored signals. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Duplicate `fd` to `target`; also when they are equal, without close-on-exec. */
static bool move_descriptor(int fd, int target)
{
	return fd == target ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, target) >= 0;
}

/* In the function's process: execute the program. */
static _Noreturn void exec_function(const struct sci_process_options *options,
	const struct sci_keeper_channel *channel, pid_t keeper)
{
	char here = 0;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper || send(channel->control, &here, sizeof here, 0) < 0)
		_exit(1);
	reset_signals();
	setrlimit(RLIMIT_NOFILE, &options->files);
	int empty = open("/dev/null", O_RDONLY);
	/* Move all out of the way first: SCI_TELEMETRY_FD may be the number of another one. */
	int telemetry = fcntl(channel->telemetry, F_DUPFD_CLOEXEC, SCI_TELEMETRY_FD + 1);
	int output = fcntl(channel->output, F_DUPFD_CLOEXEC, SCI_TELEMETRY_FD + 1);
	int failure = fcntl(channel->failure, F_DUPFD_CLOEXEC, SCI_TELEMETRY_FD + 1);
	if (failure < 0)
		fail(channel->failure, SCI_KEEPER_EXEC);
	if (empty >= 0 && telemetry >= 0 && output >= 0 && move_descriptor(empty, STDIN_FILENO) &&
		move_descriptor(output, STDOUT_FILENO) && move_descriptor(output, STDERR_FILENO) &&
		move_descriptor(telemetry, SCI_TELEMETRY_FD) && chdir(options->directory) == 0) {
		/* Our own are close-on-exec; those that we inherited may not be. */
		sci_descriptors_close_at_exec(SCI_TELEMETRY_FD + 1);
		char *arguments[] = { (char *)(uintptr_t)options->path, NULL };
		execve(options->path, arguments, options->environment);
	}
	fail(failure, SCI_KEEPER_EXEC);
}

/* ---- Processes that the function has started. ---- */

static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Kill a child that lives. Returns how many there were: 0 or 1. */
static int kill_child(pid_t pid, pid_t spared)
{
	return pid != spared && kill(pid, SIGKILL) == 0;
}

/* Try every process id: waitid() succeeds for our own children only. */
static int kill_found_children(pid_t spared)
{
	int count = 0;

	for (pid_t pid = 1; pid <= PID_MAX; pid++) {
		siginfo_t info;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
			count += kill_child(pid, spared);
	}
	return count;
}

/* Kill every child that the kernel lists. Returns how many there were. */
static int kill_listed_children(pid_t spared)
{
	char path[64], word[24];
	int count = 0;

	snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
	FILE *list = fopen(path, "re");
	if (!list)
		return kill_found_children(spared);
	for (; fscanf(list, "%23s", word) == 1;)
		count += kill_child((pid_t)strtol(word, NULL, 10), spared);
	fclose(list);
	return count;
}

void sci_keeper_kill_children(pid_t spared, int rounds)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	siginfo_t info;

	/* In rounds: the children of killed processes become ours. */
	for (int i = 0; i < rounds && has_children() && kill_listed_children(spared) > 0; i++) {
		nanosleep(&pause, NULL);
		for (info.si_pid = 0;
			waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0;
			info.si_pid = 0)
			continue;
	}
}

/* ---- The keeper. ---- */

static int status_of(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return info->si_status << 8;
	case CLD_DUMPED:
		return info->si_status | WCOREFLAG;
	default:
		return info->si_status;
	}
}

/* Reap orphans. Returns true with *report set when the function has ended, which is not reaped. */
static bool has_ended(pid_t function, struct sci_keeper_report *report)
{
	struct rusage used;
	siginfo_t info = { 0 };

	/* The C library's waitid() has no parameter for the resources used. */
	while (syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, &used) == 0 &&
		info.si_pid != 0) {
		if (info.si_pid == function) {
			report->status = status_of(&info);
			report->peak_kb = used.ru_maxrss;
			return true;
		}
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
	return false;
}

/* Send a signal to the function's group. Those that stop and continue go to all processes of a PID
 * namespace, but its first one, which is the keeper. */
static void pass_on(int number, pid_t function, bool alone)
{
	bool to_all = alone && (number == SIGSTOP || number == SIGCONT);

	kill(to_all ? -1 : -function, number);
}

/* Pass on signals until the server ends, or the function does: then *report is set. */
static void relay_signals(int control, int signals, pid_t function, bool alone,
	struct sci_keeper_report *report)
{
	struct pollfd ready[] = { { .fd = control, .events = POLLIN },
		{ .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo info;

	while (!has_ended(function, report)) {
		unsigned char number = SIGKILL;

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return;
		if (ready[1].revents && read(signals, &info, sizeof info) < 0)
			return;
		if (!ready[0].revents)
			continue;
		if (recv(control, &number, sizeof number, 0) <= 0 || number == SIGKILL)
			return;
		pass_on(number, function, alone);
	}
}

/* Close all descriptors but `control`: the keeper must hold none of the server's, and the server
 * waits for the end of `failure`. Returns the new number of `control`. */
static int close_others(int control, int failure)
{
	int empty = open("/dev/null", O_RDWR);

	if (empty < 0 || !move_descriptor(empty, STDIN_FILENO))
		close(STDIN_FILENO);
	/* `control` gets the number after standard error, so that all higher ones can be closed. */
	int high = fcntl(control, F_DUPFD_CLOEXEC, STDERR_FILENO + 2);
	if (high < 0 || dup3(high, STDERR_FILENO + 1, O_CLOEXEC) < 0)
		_exit(1);
	dup2(STDIN_FILENO, STDOUT_FILENO);
	dup2(STDIN_FILENO, STDERR_FILENO);
	close(failure);
	sci_descriptors_close(STDERR_FILENO + 2);
	return STDERR_FILENO + 1;
}

/* The server's handlers would write to descriptors that are closed here. Ignored signals stay
 * ignored. */
static void drop_handlers(void)
{
	struct sigaction now;

	for (int number = 1; number < SIGRTMIN; number++)
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			signal(number, SIG_DFL);
	/* The function is stopped and continued for every invocation: that is nothing to wake up
	 * for. */
	now = (struct sigaction){ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
	sigaction(SIGCHLD, &now, NULL);
}

_Noreturn void sci_keeper_run(const struct sci_process_options *options,
	const struct sci_keeper_channel *channel)
{
	bool alone = options->sandbox.namespaces != 0;
	/* The report when the keeper has to kill the function. */
	struct sci_keeper_report report = { .status = SIGKILL };
	sigset_t children;

	setsid();
	if (alone)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	else
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (sci_sandbox_enter(&options->sandbox) < 0)
		fail(channel->failure, SCI_KEEPER_SANDBOX);
	drop_handlers();
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_SETMASK, &children, NULL);
	pid_t self = getpid();
	pid_t function = fork();
	if (function == 0)
		exec_function(options, channel, self);
	if (function < 0)
		fail(channel->failure, SCI_KEEPER_FORK);
	int control = close_others(channel->control, channel->failure);
	int signals = signalfd(-1, &children, SFD_CLOEXEC);

	if (signals >= 0)
		relay_signals(control, signals, function, alone, &report);
	if (!alone) {
		kill(-function, SIGKILL);
		waitpid(function, NULL, 0);
		sci_keeper_kill_children(0, END_ROUNDS);
	}
	send(control, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(0);
}
