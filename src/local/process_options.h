/* How a function's process is started. */
#ifndef SCI_LOCAL_PROCESS_OPTIONS_H
#define SCI_LOCAL_PROCESS_OPTIONS_H

#include "local/sandbox.h"

#include <sys/resource.h>

/* The descriptor on which a process may send log frames (line_pipe.h). */
#define SCI_TELEMETRY_FD 3

struct sci_process_options {
	const char *path;         /* the file to run, absolute */
	const char *directory;    /* its working directory */
	char *const *environment; /* NULL-terminated */
	struct sci_sandbox sandbox;
	struct rlimit files; /* set by sci_process_start() */
};

#endif
