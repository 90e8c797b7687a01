/* One child process and everything it starts. */
#ifndef SCI_LOCAL_PROCESS_H
#define SCI_LOCAL_PROCESS_H

#include <scopecache/error.h>

#include <sys/types.h>

struct sci_process_options {
	const char *path;         /* the file to run, absolute */
	const char *directory;    /* its working directory */
	char *const *environment; /* NULL-terminated */
};

struct sci_process {
	pid_t pid;         /* 0: none. Also the number of its session and process group */
	int status_fd;     /* /proc/PID/status, kept open; -1: none */
	long inherited_kb; /* our own peak when it was forked, which it may report as its own */
};

/* To be called once, before the first process: limits for many, and orphans come to us.
 *
 * returns  0; SC_E_IO with `error` filled in. */
int sci_process_prepare(struct sc_error *error);

/* Start a process in a session of its own that ends when we do. Its standard input is empty; its
 * standard output and error are one pipe, of which *output_fd is the end to read (non-blocking, the
 * caller's).
 *
 * returns  0; SC_E_IO with `error` filled in, and os_errno as execve() gave it.
 * blocks   until the new program has begun. */
int sci_process_start(struct sci_process *process, const struct sci_process_options *options,
	int *output_fd, struct sc_error *error);

/* Send a signal to the process and all of its group. */
void sci_process_signal(const struct sci_process *process, int signal);

/* The largest and the present resident size, in kB; 0 when it is not known. */
struct sci_process_memory {
	long peak_kb, resident_kb;
};
struct sci_process_memory sci_process_memory(const struct sci_process *process);

/* A process that has ended. */
struct sci_process_end {
	pid_t pid;
	int status; /* as waitpid() gives it */
	long peak_kb;
};

/* Take the next child that has ended, after killing what is left of its group. Returns 0 when there is
 * none. */
int sci_process_reap(struct sci_process_end *end);

/* Forget a process that was reaped. */
void sci_process_fini(struct sci_process *process);

/* Kill and reap every child there is, orphans that came to us included; for at most a second. */
void sci_process_sweep(void);

#endif
