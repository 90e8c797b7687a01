/* One execution environment: a process of a function, the Runtime API it polls, and the one
 * invocation it is working on.
 *
 *	             next, with a call            response, error
 *	STARTING ─┬──────────────────────> BUSY ───────────────────> ANSWERED
 *	          │                         ^                            │
 *	          └──> IDLE ────────────────┘ <──────────────────────────┘
 *	   next, no call     assign                                 next
 *
 *	any state ──> ENDING ──> ended      it was stopped, timed out, failed to begin, or exited
 *
 * Where extensions have registered, `next` means that they have asked for their next event too.
 */
#ifndef SCI_LOCAL_ENVIRONMENT_STATE_H
#define SCI_LOCAL_ENVIRONMENT_STATE_H

#include "local/call.h"
#include "local/extensions.h"
#include "local/lifetime.h"
#include "local/line_pipe.h"
#include "local/process.h"
#include "local/runtime_server.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct sci_environment;
struct sci_isolation;
struct sci_output;

enum sci_environment_state {
	/* The process runs. It has not asked for an invocation yet, or its extensions have not. */
	SCI_ENVIRONMENT_STARTING,
	SCI_ENVIRONMENT_IDLE, /* it has asked, and there is none */
	SCI_ENVIRONMENT_BUSY, /* it has an invocation and has not answered it */
	/* It has answered. It has not asked for the next one, or its extensions have not. */
	SCI_ENVIRONMENT_ANSWERED,
	SCI_ENVIRONMENT_ENDING, /* it is being ended, or has exited */
};

/* Callbacks to the owner, from the event loop. */
struct sci_environment_events {
	/* It became idle; the owner may assign a call at once. */
	void (*idle)(struct sci_environment *environment, void *arg);

	/* It is idle, and has reached the end of its lifetime: the owner calls
	 * sci_environment_recycle(). */
	void (*expired)(struct sci_environment *environment, void *arg);

	/* It has ended: the process is reaped and its call finished. The owner frees it now. */
	void (*ended)(struct sci_environment *environment, void *arg);
	void *arg;
};

struct sci_environment {
	enum sci_environment_state state;
	char id[SCI_HEX_ID_BYTES];
	struct sci_deployment *function;
	struct sci_output *output;
	const struct sci_environment_events *events;

	struct sci_process process;
	struct sci_line_pipe pipe, telemetry;
	struct sci_isolation *isolation;
	char tmp_id[SCI_HEX_ID_BYTES]; /* of the folder that is its /tmp; empty: none */
	struct sci_http_listener *runtime;
	struct sci_runtime_handlers handlers;
	struct sci_extensions extensions;
	struct event *timer;       /* what it means depends on the state */
	struct sci_exchange *poll; /* the `next` that waits for an invocation; or NULL */
	struct sci_call *call;
	int64_t started_us, idle_since_us;
	struct sci_lifetime lifetime;
	int64_t init_us;  /* duration of init; -1 before its end, and once it is reported */
	int64_t begun_us; /* when the invocation began; before the first delivery, init */
	int64_t deadline_ms;
	uint64_t invocations;
	long peak_kb;        /* as last seen */
	uint64_t code_stamp; /* of the code at its start; only with --watch */

	bool strict_shutdown;      /* without an extension it is ended by SIGKILL at once */
	bool freezes;              /* its processes are stopped while it is idle */
	bool frozen;               /* they are */
	bool began;                /* the runtime has asked for an invocation at least once */
	bool stopped;              /* the server ended it, not a fault of the function */
	bool killed;               /* its keeper was asked to kill it */
	bool timed_out;            /* its last invocation took too long */
	char timeout_message[192]; /* for its caller, once the process has ended; empty: none */
	bool saw_closed;           /* a connection was closed before its owner was looked up */
	bool refused;              /* a connection of another process was refused, and logged */
	bool exited;               /* the process is reaped */
	int exit_status;           /* as waitpid() gives it */

	TAILQ_ENTRY(sci_environment) all, idle;
};

#endif
