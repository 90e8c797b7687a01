/* The local Lambda: how to start and stop it. */
#ifndef SCI_LOCAL_LOCAL_H
#define SCI_LOCAL_LOCAL_H

#include "local/lifetime.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sci_local;

struct sci_local_function {
	const char *name;
	const char *bootstrap; /* an executable file, or a folder with one named `bootstrap` */
	int64_t timeout_ms, init_timeout_ms; /* 0: those of all functions */
	struct sci_lifetimes lifetimes;      /* 0: those of all functions */
	int memory_mb;                       /* 0: that of all functions */
};

/* Zero is the default of every number; see SCI_LOCAL_*. */
struct sci_local_options {
	const struct sci_local_function *functions;
	size_t function_count;
	/* NAME=VALUE for all functions, or FUNCTION:NAME=VALUE for one, which overrides it. */
	const char *const *environment;
	size_t environment_count;
	const char *listen; /* HOST:PORT; NULL: 127.0.0.1:0. Port 0: a free one */
	bool allow_remote;  /* HOST may be reachable from other machines, by any name */
	const char *const
		*origins; /* whose web pages may call; "*": all. Must outlive the object */
	size_t origin_count;
	int64_t timeout_ms, init_timeout_ms;
	struct sci_lifetimes lifetimes; /* 0: environments live as long as the server */
	uint64_t seed;                  /* of lifetimes that are drawn; 0: a random one */
	int memory_mb;
	size_t max_environments;
	bool watch;           /* end idle environments whose code has changed */
	bool shared;          /* no namespaces, no /tmp of their own, Runtime APIs for everyone */
	bool quiet;           /* no log of functions */
	bool no_freeze;       /* functions run on between two invocations */
	bool strict_shutdown; /* without an extension, environments are ended by SIGKILL at once */
};

#define SCI_LOCAL_TIMEOUT_MS       3000
#define SCI_LOCAL_INIT_TIMEOUT_MS  10000
#define SCI_LOCAL_MEMORY_MB        128
#define SCI_LOCAL_MAX_ENVIRONMENTS 1000

/* Check everything, and begin to listen. Changes the process: SIGPIPE is ignored, the limit of open
 * files is raised, orphans of its descendants become its children. One at a time in a process.
 *
 * returns  0 with *out set; SC_E_INVAL, SC_E_IO or SC_E_NOMEM with a message in `error` that says
 *          what to do. */
int sci_local_open(const struct sci_local_options *options, struct sci_local **out,
	struct sc_error *error);

/* http://HOST:PORT, valid until the close. */
const char *sci_local_url(const struct sci_local *local);

/* A sentence that says which isolation this system lacks, and what may go wrong; NULL: none, or
 * `shared` was set. Valid until the close. */
const char *sci_local_warning(const struct sci_local *local);

/* Serve until SIGINT, SIGTERM or SIGHUP, unless these are ignored; then end every environment by
 * SIGTERM, and by SIGKILL a moment later or at a second signal.
 *
 * returns  0, with no environment left; SC_E_IO.
 * blocks   until then. */
int sci_local_run(struct sci_local *local, struct sc_error *error);

/* End everything at once and free. NULL is allowed. */
void sci_local_close(struct sci_local *local);

#endif
