/* One function's process, its keeper, and everything that they start. */
#ifndef SCI_LOCAL_PROCESS_H
#define SCI_LOCAL_PROCESS_H

#include "local/process_options.h"

#include <scopecache/error.h>

#include <sys/types.h>

struct sci_process {
	pid_t pid; /* of the function; 0: none. Also the number of its session and process group */
	pid_t keeper;      /* its parent, which is our child; 0: none, or reaped */
	int control_fd;    /* the keeper's socket; 0: none */
	int status_fd;     /* /proc/PID/status, kept open; -1: none */
	bool alone;        /* it has a PID namespace: killing the keeper kills all of it */
	long inherited_kb; /* our own peak at the fork, which it may report as its own */
};

/* The read ends of a process's output; non-blocking, and owned by the caller. */
struct sci_process_outputs {
	int output_fd; /* its standard output and error */
	int telemetry_fd;
};

/* To be called once, before the first process: raise the limit of open files, and become the parent
 * of orphans.
 *
 * returns  0; SC_E_IO with `error` filled in. */
int sci_process_prepare(struct sc_error *error);

/* Start a process in a session of its own that ends when we do. Its standard input is empty.
 *
 * returns  0; SC_E_INVAL when the program cannot be run, SC_E_IO when this machine is at fault;
 *          with `error` filled in, and os_errno as the call that failed gave it.
 * blocks   until the new program has begun. */
int sci_process_start(struct sci_process *process, struct sci_process_options *options,
	struct sci_process_outputs *outputs, struct sc_error *error);

/* Send a signal to the process and all of its group. SIGKILL ends everything that it has started.
 * In a PID namespace SIGSTOP stops everything, and SIGCONT continues it. */
void sci_process_signal(const struct sci_process *process, int signal);

/* Kill a keeper that did not kill the function, and with it the function. Other processes that the
 * function has started become our children. */
void sci_process_kill_keeper(const struct sci_process *process);

/* The largest and the present resident size, in kB; 0 when it is not known. */
struct sci_process_memory {
	long peak_kb, resident_kb;
};
struct sci_process_memory sci_process_memory(const struct sci_process *process);

/* A child that has ended: a keeper, or an orphan. */
struct sci_process_end {
	pid_t pid;
	int status; /* as waitpid() gives it */
	long peak_kb;
};

/* Reap the next child that has ended, after killing the rest of its group. Returns 0 when there is
 * none. */
int sci_process_reap(struct sci_process_end *end);

/* Its keeper has ended, as *end says: replace that by how the function ended. */
void sci_process_conclude(struct sci_process *process, struct sci_process_end *end);

/* Close the descriptors. A keeper that still runs then kills the function. */
void sci_process_fini(struct sci_process *process);

/* Kill and reap every child but `spared`, adopted orphans too, for at most a second, or a little
 * longer without /proc. */
void sci_process_sweep(pid_t spared);

#endif
