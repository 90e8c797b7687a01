/* The process between the server and a function: it starts the function, passes signals on, and
 * kills everything that the function has started. */
#ifndef SCI_LOCAL_KEEPER_H
#define SCI_LOCAL_KEEPER_H

#include "local/process_options.h"

#include <sys/types.h>

enum sci_keeper_step { SCI_KEEPER_SANDBOX = 1, SCI_KEEPER_FORK, SCI_KEEPER_EXEC, SCI_KEEPER_WAIT };

/* Where a start failed, and why; `step` is 0 when it did not. */
struct sci_keeper_failure {
	enum sci_keeper_step step;
	int os_errno;
};

/* How the function ended. */
struct sci_keeper_report {
	int status; /* as waitpid() gives it */
	long peak_kb;
};

/* The descriptors of the keeper and the function. */
struct sci_keeper_channel {
	int control;   /* a socket that keeps the boundaries of messages */
	int failure;   /* a pipe for a struct sci_keeper_failure; closed by execve() */
	int output;    /* the function's standard output and error */
	int telemetry; /* its frames */
};

/* Run as a keeper, in a child that was just forked; never returns. From `control` it reads
 * signals, one byte each, for the function's group; SIGSTOP and SIGCONT for all that the function
 * has started, as far as a PID namespace tells. The end of `control` means SIGKILL. The function
 * writes one byte to it, whose credentials have its process id, and at the end the keeper a struct
 * sci_keeper_report. */
_Noreturn void sci_keeper_run(const struct sci_process_options *options,
	const struct sci_keeper_channel *channel);

/* Kill every child but `spared`, and those that thereby become ours, until none is left; for at
 * most `rounds` rounds of 10 ms. Without /proc children are found by trying every process id. */
void sci_keeper_kill_children(pid_t spared, int rounds);

#endif
