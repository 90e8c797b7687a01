/* A process that is started here cannot outlive this one by accident: it is told to end when we do
 * (PR_SET_PDEATHSIG); what it starts shares its process group, which is signalled as a whole; and
 * what has left the group and lost its parent becomes our child (PR_SET_CHILD_SUBREAPER), and is
 * swept up at the end.
 *
 * The one who ended is looked at before it is reaped: until then its number, and so its group's,
 * cannot be given to anybody else, and the group can safely be killed. */
#define _GNU_SOURCE
#include "local/process.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_ROUNDS   100
#define SWEEP_PAUSE_NS 10000000

static struct rlimit original_files;

int sci_process_prepare(struct sc_error *error)
{
	if (getrlimit(RLIMIT_NOFILE, &original_files) < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot read the limit of open files");
	struct rlimit most = { .rlim_cur = original_files.rlim_max,
		.rlim_max = original_files.rlim_max };
	/* A lower limit is no reason to stop: it shows when it is reached. */
	setrlimit(RLIMIT_NOFILE, &most);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot become the parent of orphans");
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;

	/* Handlers are reset by execve(), what is ignored is not. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: become the program, or write errno to `failure`. Async-signal-safe calls only. */
static void become(const struct sci_process_options *options, int output, int failure, pid_t parent)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	reset_signals();
	setrlimit(RLIMIT_NOFILE, &original_files);
	int empty = open("/dev/null", O_RDONLY);
	if (empty >= 0 && dup2(empty, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
		dup2(output, STDERR_FILENO) >= 0 && chdir(options->directory) == 0) {
		/* Ours are all close-on-exec; this is for what we were given by those who started us. */
		close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
		char *arguments[] = { (char *)(uintptr_t)options->path, NULL };
		execve(options->path, arguments, options->environment);
	}
	int os_errno = errno;
	ssize_t written = write(failure, &os_errno, sizeof os_errno);
	_exit(written > 0 ? 1 : 2);
}

/* Wait for the new program to begin. Returns 0, or what execve() failed with. */
static int wait_for_exec(int failure)
{
	int os_errno = 0;
	ssize_t got;

	do {
		got = read(failure, &os_errno, sizeof os_errno);
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof os_errno ? os_errno : 0;
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
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

int sci_process_start(struct sci_process *process, const struct sci_process_options *options,
	int *output_fd, struct sc_error *error)
{
	int output[2], failure[2];
	pid_t parent = getpid();

	if (pipe2(output, O_CLOEXEC) < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot make a pipe");
	if (pipe2(failure, O_CLOEXEC) < 0) {
		int os_errno = errno;
		close_pair(output);
		return sci_error_set(error, SC_E_IO, os_errno, "cannot make a pipe");
	}
	pid_t pid = fork();
	if (pid == 0)
		become(options, output[1], failure[1], parent);
	int os_errno = errno;
	close(output[1]);
	close(failure[1]);
	if (pid > 0)
		os_errno = wait_for_exec(failure[0]);
	close(failure[0]);
	if (pid < 0 || os_errno != 0) {
		/* The child ends by itself and is reaped as any other. */
		close(output[0]);
		return sci_error_set(error, SC_E_IO, os_errno, "fork/exec %.160s", options->path);
	}
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	*process = (struct sci_process){
		.pid = pid,
		.status_fd = open_status(pid),
		.inherited_kb = own_peak_kb(),
	};
	*output_fd = output[0];
	return 0;
}

void sci_process_signal(const struct sci_process *process, int signal)
{
	if (process->pid > 0)
		kill(-process->pid, signal);
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
	/* Only a leader of a group has one of its number; for others there is no such group. */
	kill(-end->pid, SIGKILL);
	if (wait4(end->pid, &end->status, 0, &used) < 0)
		return 0;
	end->peak_kb = used.ru_maxrss;
	return 1;
}

void sci_process_fini(struct sci_process *process)
{
	if (process->pid > 0 && process->status_fd >= 0)
		close(process->status_fd);
	*process = (struct sci_process){ .status_fd = -1 };
}

/* Kill every child that the kernel lists. Returns how many there were. */
static int kill_children(void)
{
	char path[64], word[24];
	int count = 0;

	snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
	FILE *list = fopen(path, "re");
	if (!list)
		return 0;
	for (; fscanf(list, "%23s", word) == 1; count++)
		kill((pid_t)strtol(word, NULL, 10), SIGKILL);
	fclose(list);
	return count;
}

void sci_process_sweep(void)
{
	struct timespec pause = { .tv_nsec = SWEEP_PAUSE_NS };
	struct sci_process_end end;

	/* Again and again: what the killed leave behind becomes ours in turn. */
	for (int round = 0; round < SWEEP_ROUNDS && kill_children() > 0; round++) {
		while (sci_process_reap(&end))
			continue;
		nanosleep(&pause, NULL);
	}
}
