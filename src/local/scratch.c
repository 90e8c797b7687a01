/* The janitor reads names of folders from a pipe, each as long as an environment's id, and removes
 * them. The pipe ends when the server does, in any way; then the janitor removes the rest. So the
 * event loop never waits for the removal of a large tree, and kill -9 leaves no folder.
 *
 * Folders may be nested deeper than a path can be long, and than there are descriptors. So the
 * folders in a folder are moved up to the top before it is removed, until nothing is left. A
 * function may have removed its own permissions of a folder, which are restored first. */
#define _GNU_SOURCE
#include "local/scratch.h"

#include "base/error.h"
#include "local/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_TMP_MODE (S_IRWXU | S_IRWXG | S_IRWXO | S_ISVTX)

struct sci_scratch {
	char root[PATH_MAX];
	int requests;
	pid_t janitor;
};

/* ---- The janitor. ---- */

static bool is_folder_itself(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Restore our permissions of a folder. Returns false when it is not a folder. */
static bool make_accessible(int parent, const char *name)
{
	struct stat found;

	return fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode) &&
		((found.st_mode & S_IRWXU) == S_IRWXU || fchmodat(parent, name, S_IRWXU, 0) == 0);
}

static DIR *open_folder(int parent, const char *name)
{
	int fd = make_accessible(parent, name)
		? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		: -1;
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

	if (!folder && fd >= 0)
		close(fd);
	return folder;
}

/* Remove a file or an empty folder. */
static bool remove_one(int folder, const char *name)
{
	return unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

/* Move a folder to `top`, under a name that is unlikely to exist there. */
static bool move_up(int folder, const char *name, int top)
{
	static unsigned long number;
	char fresh[40];

	snprintf(fresh, sizeof fresh, "scopecache-moved-%lu", number++);
	return make_accessible(folder, name) && renameat(folder, name, top, fresh) == 0;
}

static bool is_same_device(int one, int other)
{
	struct stat of_one, of_other;

	return fstat(one, &of_one) == 0 && fstat(other, &of_other) == 0 &&
		of_one.st_dev == of_other.st_dev;
}

/* Move the folders in `name` up to `top`, and remove the rest of it. Returns true when that made
 * progress. */
static bool flatten_and_remove(int top, const char *name)
{
	DIR *folder = open_folder(top, name);
	struct dirent *entry;
	bool progress = false;

	if (!folder)
		return false;
	/* Another file system is mounted there: not ours to remove. */
	while (is_same_device(dirfd(folder), top) && (entry = readdir(folder)))
		if (!is_folder_itself(entry->d_name))
			progress |= remove_one(dirfd(folder), entry->d_name) ||
				move_up(dirfd(folder), entry->d_name, top);
	closedir(folder);
	return remove_one(top, name) || progress;
}

static void remove_tree(const char *path)
{
	DIR *top = open_folder(AT_FDCWD, path);
	struct dirent *entry;

	for (bool progress = top; progress; rewinddir(top)) {
		progress = false;
		while ((entry = readdir(top)))
			if (!is_folder_itself(entry->d_name))
				progress |= remove_one(dirfd(top), entry->d_name) ||
					flatten_and_remove(dirfd(top), entry->d_name);
	}
	if (top)
		closedir(top);
	rmdir(path);
}

/* Returns false at the end of the pipe. */
static bool read_request(int requests, char id[SCI_HEX_ID_BYTES])
{
	ssize_t got;

	do {
		got = read(requests, id, SCI_HEX_ID_BYTES);
	} while (got < 0 && errno == EINTR);
	return got == SCI_HEX_ID_BYTES;
}

static _Noreturn void run_janitor(const char *root, const int requests[2])
{
	char id[SCI_HEX_ID_BYTES];

	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Close these too: a reader of the server's output may wait for its end. */
	int empty = open("/dev/null", O_RDWR);
	dup2(requests[0], STDIN_FILENO);
	dup2(empty, STDOUT_FILENO);
	dup2(empty, STDERR_FILENO);
	close(requests[1]);
	sci_descriptors_close(STDERR_FILENO + 1);
	if (chdir(root) == 0)
		while (read_request(STDIN_FILENO, id))
			remove_tree(id);
	if (chdir("/") == 0)
		remove_tree(root);
	_exit(0);
}

/* ---- The server's side. ---- */

static int make_root(struct sci_scratch *scratch, struct sc_error *error)
{
	const char *named = getenv("TMPDIR");
	char template[PATH_MAX];

	int len = snprintf(template, sizeof template, "%s/scopecache-local-XXXXXX",
		named && *named ? named : "/tmp");
	if (len >= (int)sizeof template)
		errno = ENAMETOOLONG;
	bool made = len < (int)sizeof template && mkdtemp(template);
	if (made && realpath(template, scratch->root))
		return 0;
	int os_errno = errno;
	if (made)
		rmdir(template);
	return sci_error_set(error, SC_E_IO, os_errno,
		"cannot make a folder for temporary files in %.160s",
		named && *named ? named : "/tmp");
}

static int start_janitor(struct sci_scratch *scratch)
{
	int requests[2];

	if (pipe2(requests, O_CLOEXEC) < 0)
		return -1;
	scratch->janitor = fork();
	if (scratch->janitor == 0)
		run_janitor(scratch->root, requests);
	int os_errno = errno;
	close(requests[0]);
	if (scratch->janitor < 0) {
		close(requests[1]);
		errno = os_errno;
		return -1;
	}
	fcntl(requests[1], F_SETFL, O_NONBLOCK);
	scratch->requests = requests[1];
	return 0;
}

int sci_scratch_open(struct sci_scratch **out, struct sc_error *error)
{
	struct sci_scratch *scratch = calloc(1, sizeof *scratch);

	if (!scratch)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	int rc = make_root(scratch, error);
	if (rc < 0) {
		free(scratch);
		return rc;
	}
	if (start_janitor(scratch) < 0) {
		rc = sci_error_set(error, SC_E_IO, errno, "cannot start a process");
		rmdir(scratch->root);
		free(scratch);
		return rc;
	}
	*out = scratch;
	return 0;
}

const char *sci_scratch_root(const struct sci_scratch *scratch)
{
	return scratch->root;
}

pid_t sci_scratch_janitor(const struct sci_scratch *scratch)
{
	return scratch->janitor;
}

int sci_scratch_make(const struct sci_scratch *scratch, const char *id, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/%s", scratch->root, id);

	if (len < 0 || (size_t)len >= size || (mkdir(path, S_IRWXU) < 0 && errno != EEXIST))
		return SC_E_IO;
	/* Not by mkdir(), whose mode the umask restricts: a function may run as another user. */
	return chmod(path, SHARED_TMP_MODE) == 0 ? 0 : SC_E_IO;
}

void sci_scratch_remove(struct sci_scratch *scratch, const char *id)
{
	char request[SCI_HEX_ID_BYTES];

	snprintf(request, sizeof request, "%s", id);
	/* With a full pipe the folder stays until the janitor ends. */
	ssize_t written = write(scratch->requests, request, sizeof request);
	(void)written;
}

void sci_scratch_close(struct sci_scratch *scratch)
{
	if (!scratch)
		return;
	close(scratch->requests);
	while (waitpid(scratch->janitor, NULL, 0) < 0 && errno == EINTR)
		continue;
	free(scratch);
}
