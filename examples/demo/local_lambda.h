/* `scopecache local` as a child process. */
#ifndef DEMO_LOCAL_LAMBDA_H
#define DEMO_LOCAL_LAMBDA_H

#include <scopecache/error.h>

#include <stdbool.h>
#include <sys/types.h>

#define LOCAL_LAMBDA_URL_BYTES 128

struct local_lambda {
	pid_t pid;
	char url[LOCAL_LAMBDA_URL_BYTES];
};

/* Start `command[0] command[1] ...`, which ends with NULL, with its standard output in the file
 * `out_path` and its standard error in `log_path`, and wait for the URL on its first line. It ends
 * with its parent, or earlier. The wait also ends when `is_stopped` returns true.
 *
 * returns  0; SC_E_IO when it cannot be started or ends; SC_E_DEADLINE when it prints nothing for
 *          ten seconds or the wait was stopped. After a failure the process has ended. */
int local_lambda_start(struct local_lambda *lambda, char *const command[], const char *out_path,
	const char *log_path, bool (*is_stopped)(void *arg), void *arg, struct sc_error *error);

/* Send SIGTERM and wait for its end; after a while send SIGKILL. Does nothing for one that is all
 * zero. */
void local_lambda_stop(struct local_lambda *lambda);

#endif
