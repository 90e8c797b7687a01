/* A temporary folder for one run. */
#ifndef DEMO_WORKSPACE_H
#define DEMO_WORKSPACE_H

#include <scopecache/error.h>

#define WORKSPACE_PATH_BYTES 512

struct workspace {
	char folder[WORKSPACE_PATH_BYTES];
};

/* Make a folder in $TMPDIR, else in /tmp. Returns 0 or SC_E_IO. */
int workspace_open(struct workspace *workspace, struct sc_error *error);

/* The path of a file in it, in `path`, which is returned. */
const char *workspace_path(const struct workspace *workspace, const char *name,
	char path[2 * WORKSPACE_PATH_BYTES]);

/* Remove the folder and the files in it. Does nothing for one that is all zero. */
void workspace_close(struct workspace *workspace);

#endif
