/* The folder contains files only, no folders. */
#include "demo/workspace.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int workspace_open(struct workspace *workspace, struct sc_error *error)
{
	const char *base = getenv("TMPDIR");
	int len = snprintf(workspace->folder, sizeof workspace->folder, "%s/scopecache-demo-XXXXXX",
		base && base[0] == '/' ? base : "/tmp");

	if (len < (int)sizeof workspace->folder && mkdtemp(workspace->folder))
		return 0;
	int failure = len < (int)sizeof workspace->folder ? errno : ENAMETOOLONG;
	sci_error_set(error, SC_E_IO, failure, "cannot make a folder %.100s", workspace->folder);
	workspace->folder[0] = '\0';
	return SC_E_IO;
}

const char *workspace_path(const struct workspace *workspace, const char *name,
	char path[2 * WORKSPACE_PATH_BYTES])
{
	snprintf(path, 2 * WORKSPACE_PATH_BYTES, "%s/%s", workspace->folder, name);
	return path;
}

void workspace_close(struct workspace *workspace)
{
	DIR *folder = workspace->folder[0] ? opendir(workspace->folder) : NULL;
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder) {
		closedir(folder);
		rmdir(workspace->folder);
	}
	workspace->folder[0] = '\0';
}
