/* Two namespaces. In the mount namespace a folder of the environment is mounted over /tmp. In the
 * PID namespace the first process is the keeper (keeper.c): when it ends, the kernel kills all
 * others, in whatever session or process group; and its own /proc shows only the processes of the
 * environment. A user namespace makes both available to users other than root; the function keeps
 * its user and group.
 *
 * Programs may lie below /tmp too: the first folder on the path to the function's code, and to the
 * working folder of the server, stays visible. */
#define _GNU_SOURCE
#include "local/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TMP "/tmp"

int sci_sandbox_fork(const struct sci_sandbox *sandbox)
{
	/* No stack: the child uses a copy of ours, as after fork(). */
	return sandbox->namespaces
		? (int)syscall(SYS_clone, sandbox->namespaces | SIGCHLD, NULL, NULL, NULL, NULL)
		: (int)fork();
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, strlen(text));
	int os_errno = errno;
	close(fd);
	errno = os_errno;
	return written < 0 ? -1 : 0;
}

/* Map the user and the group to themselves. */
static int map_ids(uid_t user, gid_t group)
{
	char line[64];

	/* Required before an unprivileged process may map a group: user_namespaces(7). */
	if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	snprintf(line, sizeof line, "%u %u 1", user, user);
	if (write_file("/proc/self/uid_map", line) < 0)
		return -1;
	snprintf(line, sizeof line, "%u %u 1", group, group);
	return write_file("/proc/self/gid_map", line);
}

/* Make the first component of `path` below /tmp appear in the new /tmp too. */
static int keep_visible(const char *tmp, const char *path)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat found;

	if (!path || strncmp(path, TMP "/", sizeof TMP) != 0 || !path[sizeof TMP])
		return 0;
	const char *name = path + sizeof TMP;
	int len = (int)strcspn(name, "/");
	int from_len = snprintf(from, sizeof from, TMP "/%.*s", len, name);
	int to_len = snprintf(to, sizeof to, "%s/%.*s", tmp, len, name);
	if (from_len >= (int)sizeof from || to_len >= (int)sizeof to) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* A folder that was removed, such as a working folder, is left out. */
	if (stat(from, &found) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISDIR(found.st_mode)) {
		if (mkdir(to, S_IRWXU) < 0 && errno != EEXIST)
			return -1;
	} else {
		int fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL);
}

static bool is_below_tmp(const char *path)
{
	return strncmp(path, TMP "/", sizeof TMP) == 0;
}

static int mount_all(const struct sci_sandbox *sandbox)
{
	/* Mounts here do not propagate to the outside; unmounts outside propagate to here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -1;
	for (size_t i = 0; i < SCI_SANDBOX_KEPT_MAX; i++)
		if (keep_visible(sandbox->tmp, sandbox->kept[i]) < 0)
			return -1;
	/* Below /tmp the new /tmp hides the other environments' folders. */
	if (!is_below_tmp(sandbox->hidden) &&
		mount(sandbox->tmp, sandbox->hidden, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	if (mount(is_below_tmp(sandbox->hidden) ? sandbox->tmp : sandbox->hidden, TMP, NULL,
		    MS_BIND | MS_REC, NULL) < 0)
		return -1;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* Read before the fork: in a namespace without a map of ids getuid() returns the overflow id. */
static uid_t outer_user;
static gid_t outer_group;

int sci_sandbox_enter(const struct sci_sandbox *sandbox)
{
	if (sandbox->namespaces == 0)
		return 0;
	if ((sandbox->namespaces & CLONE_NEWUSER) && map_ids(outer_user, outer_group) < 0)
		return -1;
	return mount_all(sandbox);
}

static bool works(const struct sci_sandbox *sandbox)
{
	int status;

	pid_t pid = sci_sandbox_fork(sandbox);
	if (pid == 0)
		_exit(sci_sandbox_enter(sandbox) < 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int sci_sandbox_probe(const char *tmp, const char *hidden)
{
	static const int choices[] = { CLONE_NEWNS | CLONE_NEWPID,
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID };

	outer_user = geteuid();
	outer_group = getegid();
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		struct sci_sandbox sandbox = { choices[i], tmp, hidden, { NULL, NULL } };
		if (works(&sandbox))
			return choices[i];
	}
	return 0;
}
