/* In a PID namespace the keeper is the first process: whatever way it ends, the kernel ends all
 * others. Without one it is what orphans are given to (PR_SET_CHILD_SUBREAPER), and kills them by
 * and by.
 *
 * It learns that the server has died from the end of its socket, so that it works for kill -9 too.
 * In a PID namespace there is a death signal besides; without one there must not be, because what
 * the function has started has to be killed first.
 *
 * The function is looked at before it is reaped: until then its number, and so its group's,
 * cannot be given to another process, and the group can safely be signalled. */
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

	/* Handlers are reset by execve(), what is ignored is not. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Put `fd` at `target`, also when it is there already. */
static bool place(int fd, int target)
{
	return fd == target ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, target) >= 0;
}

/* In the function's process: become the program. */
static _Noreturn void become(const struct sci_process_options *options,
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
	/* The telemetry pipe goes first: its place may be where another descriptor is now. */
	int telemetry = fcntl(channel->telemetry, F_DUPFD_CLOEXEC, SCI_TELEMETRY_FD + 1);
	int output = fcntl(channel->output, F_DUPFD_CLOEXEC, SCI_TELEMETRY_FD + 1);
	int failure = fcntl(channel->failure, F_DUPFD_CLOEXEC, SCI_TELEMETRY_FD + 1);
	if (failure < 0)
		fail(channel->failure, SCI_KEEPER_EXEC);
	if (empty >= 0 && telemetry >= 0 && output >= 0 && place(empty, STDIN_FILENO) &&
		place(output, STDOUT_FILENO) && place(output, STDERR_FILENO) &&
		place(telemetry, SCI_TELEMETRY_FD) && chdir(options->directory) == 0) {
		/* Ours are all close-on-exec; this is for what we were given by our own parent. */
		sci_descriptors_close_at_exec(SCI_TELEMETRY_FD + 1);
		char *arguments[] = { (char *)(uintptr_t)options->path, NULL };
		execve(options->path, arguments, options->environment);
	}
	fail(failure, SCI_KEEPER_EXEC);
}

/* ---- What is left behind. ---- */

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

/* Ask about every process id: only of its own children a process may be told anything. */
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

	/* Again and again: what the killed leave behind becomes ours in turn. */
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

	/* The wrapper in the C library has no place for the resources used. */
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

/* Do what the server says until it ends, or the function does, as *report then tells. */
static void keep(int control, int signals, pid_t function, struct sci_keeper_report *report)
{
	struct pollfd ready[] = { { .fd = control, .events = POLLIN },
		{ .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo told;

	while (!has_ended(function, report)) {
		unsigned char number = SIGKILL;

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return;
		if (ready[1].revents && read(signals, &told, sizeof told) < 0)
			return;
		if (!ready[0].revents)
			continue;
		if (recv(control, &number, sizeof number, 0) <= 0 || number == SIGKILL)
			return;
		kill(-function, number);
	}
}

/* Nothing of the server's may be held open here, and `control` ends up as the only descriptor.
 * The server waits for the end of `failure`. */
static int close_others(int control, int failure)
{
	int empty = open("/dev/null", O_RDWR);

	if (empty < 0 || !place(empty, STDIN_FILENO))
		close(STDIN_FILENO);
	/* Standard error is the last that may be told of anything; control takes its neighbour's
	 * place. */
	int high = fcntl(control, F_DUPFD_CLOEXEC, STDERR_FILENO + 2);
	if (high < 0 || dup3(high, STDERR_FILENO + 1, O_CLOEXEC) < 0)
		_exit(1);
	dup2(STDIN_FILENO, STDOUT_FILENO);
	dup2(STDIN_FILENO, STDERR_FILENO);
	close(failure);
	sci_descriptors_close(STDERR_FILENO + 2);
	return STDERR_FILENO + 1;
}

/* The server's handlers would write to descriptors that are closed here. What is ignored stays
 * ignored. */
static void drop_handlers(void)
{
	struct sigaction now;

	for (int number = 1; number < SIGRTMIN; number++)
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			signal(number, SIG_DFL);
}

_Noreturn void sci_keeper_run(const struct sci_process_options *options,
	const struct sci_keeper_channel *channel)
{
	bool alone = options->sandbox.namespaces != 0;
	/* What happens to the function when the keeper cannot do its work. */
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
		become(options, channel, self);
	if (function < 0)
		fail(channel->failure, SCI_KEEPER_FORK);
	int control = close_others(channel->control, channel->failure);
	int signals = signalfd(-1, &children, SFD_CLOEXEC);

	if (signals >= 0)
		keep(control, signals, function, &report);
	if (!alone) {
		kill(-function, SIGKILL);
		waitpid(function, NULL, 0);
		sci_keeper_kill_children(0, END_ROUNDS);
	}
	send(control, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(0);
}
