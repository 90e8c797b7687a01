/* The folders that environments see as /tmp. A child of ours, the janitor, removes them, also when
 * we are killed. */
#ifndef SCI_LOCAL_SCRATCH_H
#define SCI_LOCAL_SCRATCH_H

#include "local/request_id.h"

#include <scopecache/error.h>

#include <sys/types.h>

struct sci_scratch;

/* Make an empty folder for the folders of all environments, in $TMPDIR or /tmp, and start the
 * janitor. To be called before descriptors are opened that the janitor must not hold.
 *
 * returns  0 with *out set; SC_E_IO or SC_E_NOMEM with `error` filled in. */
int sci_scratch_open(struct sci_scratch **out, struct sc_error *error);

/* The folder of all folders, and the process id of the janitor. */
const char *sci_scratch_root(const struct sci_scratch *scratch);
pid_t sci_scratch_janitor(const struct sci_scratch *scratch);

/* Make the folder called `id`, and write its path to `path`. Returns 0 or SC_E_IO. */
int sci_scratch_make(const struct sci_scratch *scratch, const char *id, char *path, size_t size);

/* Have the folder called `id` removed, in the background. */
void sci_scratch_remove(struct sci_scratch *scratch, const char *id);

/* Remove all of them. Blocks until that is done. NULL is allowed. */
void sci_scratch_close(struct sci_scratch *scratch);

#endif
