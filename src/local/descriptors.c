/* close_range() exists since Linux 5.9, CLOSE_RANGE_CLOEXEC since Linux 5.11, and a seccomp filter
 * may refuse both. Then /proc lists the open descriptors; without it every number is tried. */
#define _GNU_SOURCE
#include "local/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* The highest number that is tried: a limit may be a thousand times as high. */
#define TRIED_MAX (1024 * 1024)

static void close_at_exec(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void close_now(int fd)
{
	close(fd);
}

static void apply_to_listed(DIR *list, int first, void (*act)(int fd))
{
	struct dirent *entry;

	while ((entry = readdir(list))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);
		if (end != entry->d_name && fd >= first && fd != dirfd(list))
			act((int)fd);
	}
}

static void apply_to_all(int first, void (*act)(int fd))
{
	struct rlimit limit;
	DIR *list = opendir("/proc/self/fd");

	if (list) {
		apply_to_listed(list, first, act);
		closedir(list);
		return;
	}
	/* The hard limit: the soft one may be lower now than it was. */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max > TRIED_MAX)
		limit.rlim_max = TRIED_MAX;
	for (int fd = first; fd < (int)limit.rlim_max; fd++)
		act(fd);
}

void sci_descriptors_close(int first)
{
	if (close_range((unsigned)first, ~0U, 0) < 0)
		apply_to_all(first, close_now);
}

void sci_descriptors_close_at_exec(int first)
{
	if (close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		apply_to_all(first, close_at_exec);
}
