/* Lambda resets an environment after a crash or a timeout, and its files stay. Here a new
 * environment is started, which gets the folder that the failed one left. The number of folders
 * that wait is at most the largest number of environments at one time. */
#include "local/isolation.h"

#include "base/error.h"
#include "local/deployment.h"
#include "local/scratch.h"
#include "local/socket_owner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

struct kept {
	const struct sci_deployment *function;
	char id[SCI_HEX_ID_BYTES];
	SLIST_ENTRY(kept) all;
};

struct sci_isolation {
	struct sci_scratch *scratch; /* NULL without namespaces */
	int namespaces;
	bool wanted, guarded;
	char working[PATH_MAX]; /* the server's working folder; empty: unknown */
	SLIST_HEAD(, kept) kept;
};

static int probe(struct sci_isolation *isolation, struct sc_error *error)
{
	char id[SCI_HEX_ID_BYTES], tmp[PATH_MAX];

	int rc = sci_scratch_open(&isolation->scratch, error);
	if (rc < 0)
		return rc;
	sci_hex_id(id);
	if (sci_scratch_make(isolation->scratch, id, tmp, sizeof tmp) == 0)
		isolation->namespaces =
			sci_sandbox_probe(tmp, sci_scratch_root(isolation->scratch));
	sci_scratch_remove(isolation->scratch, id);
	if (isolation->namespaces)
		return 0;
	sci_scratch_close(isolation->scratch);
	isolation->scratch = NULL;
	return 0;
}

int sci_isolation_open(bool wanted, struct sci_isolation **out, struct sc_error *error)
{
	struct sci_isolation *isolation = calloc(1, sizeof *isolation);

	if (!isolation)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	SLIST_INIT(&isolation->kept);
	isolation->wanted = wanted;
	if (!getcwd(isolation->working, sizeof isolation->working))
		isolation->working[0] = '\0';
	int rc = wanted ? probe(isolation, error) : 0;
	if (rc < 0) {
		free(isolation);
		return rc;
	}
	isolation->guarded = wanted && sci_socket_owner_is_known();
	*out = isolation;
	return 0;
}

const char *sci_isolation_warning(const struct sci_isolation *isolation)
{
	if (!isolation->wanted || (isolation->namespaces && isolation->guarded))
		return NULL;
	if (isolation->namespaces)
		return "this system does not tell whose a connection is: a function can poll and "
		       "answer the Runtime API of another environment";
	return isolation->guarded
		? "this system refuses namespaces: all environments share the machine's /tmp, "
		  "where "
		  "files of the same name collide, and a function can read the variables of other "
		  "environments in /proc"
		: "this system refuses namespaces, and does not tell whose a connection is: all "
		  "environments share the machine's /tmp, where files of the same name collide, "
		  "and "
		  "a function can read the variables of other environments in /proc, and poll and "
		  "answer their Runtime APIs";
}

pid_t sci_isolation_janitor(const struct sci_isolation *isolation)
{
	return isolation && isolation->scratch ? sci_scratch_janitor(isolation->scratch) : 0;
}

/* Take the function's folder that was left last. Returns false when there is none. */
static bool take_kept(struct sci_isolation *isolation, const struct sci_deployment *function,
	char id[SCI_HEX_ID_BYTES])
{
	struct kept *kept;

	SLIST_FOREACH(kept, &isolation->kept, all)
	if (kept->function == function)
		break;
	if (!kept)
		return false;
	memcpy(id, kept->id, SCI_HEX_ID_BYTES);
	SLIST_REMOVE(&isolation->kept, kept, kept, all);
	free(kept);
	return true;
}

int sci_isolation_enter(struct sci_isolation *isolation, const struct sci_deployment *function,
	char id[SCI_HEX_ID_BYTES], char tmp[PATH_MAX], struct sci_sandbox *sandbox,
	struct sc_error *error)
{
	*sandbox = (struct sci_sandbox){ .namespaces = isolation->namespaces };
	id[0] = '\0';
	if (!isolation->namespaces)
		return 0;
	if (!take_kept(isolation, function, id))
		sci_hex_id(id);
	if (sci_scratch_make(isolation->scratch, id, tmp, PATH_MAX) < 0)
		return sci_error_set(error, SC_E_IO, 0, "cannot make a folder for /tmp");
	sandbox->tmp = tmp;
	sandbox->hidden = sci_scratch_root(isolation->scratch);
	sandbox->kept[0] = function->bootstrap;
	sandbox->kept[1] = isolation->working;
	return 0;
}

void sci_isolation_leave(struct sci_isolation *isolation, const struct sci_deployment *function,
	const char *id, bool keep)
{
	struct kept *kept = *id && keep ? calloc(1, sizeof *kept) : NULL;

	if (kept) {
		kept->function = function;
		memcpy(kept->id, id, SCI_HEX_ID_BYTES);
		SLIST_INSERT_HEAD(&isolation->kept, kept, all);
	} else if (*id) {
		sci_scratch_remove(isolation->scratch, id);
	}
}

enum sci_socket_owner sci_isolation_owner_of(const struct sci_isolation *isolation,
	const struct sci_peer *peer, uint16_t port, const struct sci_process *owner)
{
	return isolation->guarded ? sci_socket_owner_of(peer, port, owner->pid, owner->keeper)
				  : SCI_SOCKET_OURS;
}

void sci_isolation_close(struct sci_isolation *isolation)
{
	struct kept *kept;

	if (!isolation)
		return;
	while ((kept = SLIST_FIRST(&isolation->kept))) {
		SLIST_REMOVE_HEAD(&isolation->kept, all);
		free(kept);
	}
	sci_scratch_close(isolation->scratch);
	free(isolation);
}
