/* The child writes to files and not to a pipe, so that the demo need not read them while it is
 * busy, and can read the last lines after a failure. */
#include "demo/local_lambda.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 10000
/* Longer than the time that it gives its functions to end. */
#define STOP_MS 10000
#define LOOK_MS 2

static void pause_a_little(void)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	nanosleep(&pause, NULL);
}

/* In the child: does not return. */
static void become(char *const command[], const char *out_path, const char *log_path, pid_t parent)
{
	int out = open(out_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	sigset_t none;

	/* In a process group of its own, so that Ctrl-C does not reach it: its parent ends it with
	 * SIGTERM, which it must not have inherited as blocked. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent && out >= 0 && log >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
		dup2(log, STDERR_FILENO) >= 0) {
		execv(command[0], command);
		dprintf(STDERR_FILENO, "cannot run %s: %s\n", command[0], strerror(errno));
	}
	_exit(127);
}

/* The URL on the first line of the file, once that is complete. */
static bool read_url(const char *path, char url[LOCAL_LAMBDA_URL_BYTES])
{
	char line[1024];
	FILE *file = fopen(path, "re");
	bool is_line = file && fgets(line, sizeof line, file) && strchr(line, '\n');
	const char *at = is_line ? strstr(line, "http://") : NULL;
	size_t len = at ? strcspn(at, " \t\r\n") : 0;

	if (file)
		fclose(file);
	if (len == 0 || len >= LOCAL_LAMBDA_URL_BYTES)
		return false;
	memcpy(url, at, len);
	url[len] = '\0';
	return true;
}

int local_lambda_start(struct local_lambda *lambda, char *const command[], const char *out_path,
	const char *log_path, bool (*is_stopped)(void *arg), void *arg, struct sc_error *error)
{
	int64_t give_up_ms = sci_mono_ms() + START_MS;
	pid_t parent = getpid();

	*lambda = (struct local_lambda){ .pid = fork() };
	if (lambda->pid == 0)
		become(command, out_path, log_path, parent);
	if (lambda->pid < 0) {
		lambda->pid = 0;
		return sci_error_set(error, SC_E_IO, errno, "cannot start another process");
	}
	while (!read_url(out_path, lambda->url)) {
		if (waitpid(lambda->pid, NULL, WNOHANG) == lambda->pid) {
			lambda->pid = 0;
			return sci_error_set(error, SC_E_IO, 0, "%.100s ended at once", command[0]);
		}
		bool stopped = is_stopped(arg);
		if (stopped || sci_mono_ms() > give_up_ms) {
			local_lambda_stop(lambda);
			return sci_error_set(error, SC_E_DEADLINE, 0, "%.100s %s", command[0],
				stopped ? "was interrupted" : "does not say which URL it serves");
		}
		pause_a_little();
	}
	return 0;
}

void local_lambda_stop(struct local_lambda *lambda)
{
	int64_t insist_ms = sci_mono_ms() + STOP_MS;

	if (lambda->pid <= 0)
		return;
	kill(lambda->pid, SIGTERM);
	while (waitpid(lambda->pid, NULL, WNOHANG) == 0) {
		if (sci_mono_ms() > insist_ms)
			kill(lambda->pid, SIGKILL);
		pause_a_little();
	}
	lambda->pid = 0;
}
