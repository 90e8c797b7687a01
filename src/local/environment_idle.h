/* An environment while it is idle: it is frozen, and ended when it has been idle for too long, or
 * is too old. */
#ifndef SCI_LOCAL_ENVIRONMENT_IDLE_H
#define SCI_LOCAL_ENVIRONMENT_IDLE_H

#include <stdbool.h>

struct sci_environment;

/* It became idle: arm its timer. Without memory for the timer it is looked at again after its next
 * invocation. */
void sci_environment_idle_begin(struct sci_environment *environment);

/* Its timer fired: freeze it, or tell the owner that it is to end. */
void sci_environment_idle_continue(struct sci_environment *environment);

/* It gets a call: disarm its timer, and thaw it. */
void sci_environment_idle_end(struct sci_environment *environment);

/* Let its processes run, if they are frozen. */
void sci_environment_thaw(struct sci_environment *environment);

/* Whether it has reached its age, and is to end between two invocations. */
bool sci_environment_is_too_old(const struct sci_environment *environment);

/* Log why it ends. */
void sci_environment_log_recycled(struct sci_environment *environment);

#endif
