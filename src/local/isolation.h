/* Isolation of environments from each other and from the rest of the machine, as far as the system
 * allows it: their own /tmp and process table (sandbox.h), and Runtime APIs that serve only the
 * processes of their environment. */
#ifndef SCI_LOCAL_ISOLATION_H
#define SCI_LOCAL_ISOLATION_H

#include "local/process.h"
#include "local/request_id.h"
#include "local/socket_owner.h"

#include <scopecache/error.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct sci_isolation;

/* Find out what the system offers; without `wanted` nothing is isolated. To be called early: see
 * scratch.h.
 *
 * returns  0 with *out set; SC_E_IO or SC_E_NOMEM with `error` filled in. */
int sci_isolation_open(bool wanted, struct sci_isolation **out, struct sc_error *error);

/* A sentence that says which isolation is wanted and missing, and what may go wrong; NULL:
 * nothing is missing. */
const char *sci_isolation_warning(const struct sci_isolation *isolation);

/* A child that must not be killed with the others: scratch.h; 0: none. */
pid_t sci_isolation_janitor(const struct sci_isolation *isolation);

/* Fill in the sandbox of a new environment of a function. Its /tmp is a
 * folder that an environment of the same function has left, or an empty one; `id` is set to its
 * name, and `tmp` to its path, to which the sandbox points.
 *
 * returns  0; SC_E_IO with `error` filled in. */
struct sci_deployment;
int sci_isolation_enter(struct sci_isolation *isolation, const struct sci_deployment *function,
	char id[SCI_HEX_ID_BYTES], char tmp[PATH_MAX], struct sci_sandbox *sandbox,
	struct sc_error *error);

/* The environment has ended: keep its /tmp for the next one of that function, or remove it. */
void sci_isolation_leave(struct sci_isolation *isolation, const struct sci_deployment *function,
	const char *id, bool keep);

/* Whether the client of the Runtime API of `owner`, at `port`, is one of its processes. */
enum sci_socket_owner sci_isolation_owner_of(const struct sci_isolation *isolation,
	const struct sci_peer *peer, uint16_t port, const struct sci_process *owner);

/* Remove all files, and free. NULL is allowed. */
void sci_isolation_close(struct sci_isolation *isolation);

#endif
