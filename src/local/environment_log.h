/* What an environment writes to the log: the lines of its process, and those about it. They also go
 * to the caller that asked for the log of its invocation. */
#ifndef SCI_LOCAL_ENVIRONMENT_LOG_H
#define SCI_LOCAL_ENVIRONMENT_LOG_H

#include <stddef.h>

struct sci_environment;

/* A line of the process, with its newline. `arg` is a struct sci_environment. */
void sci_environment_log_line(void *arg, const char *line, size_t len);

/* A line without its newline. */
void sci_environment_log_text(struct sci_environment *environment, const char *text);

/* The end and the report of the invocation. */
void sci_environment_log_report(struct sci_environment *environment);

/* The report of an init that failed, and the start of the invocation that it failed for. */
void sci_environment_log_failed_init(struct sci_environment *environment);

/* The extensions, after the init phase: what they are doing, and the events that they get. */
void sci_environment_log_extensions(const struct sci_environment *environment);

/* The process exited between two invocations. */
void sci_environment_log_idle_exit(struct sci_environment *environment);

#endif
