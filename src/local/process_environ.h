/* The environment variables of a process, made from a list, with Lambda's own among them. */
#ifndef SCI_LOCAL_PROCESS_ENVIRON_H
#define SCI_LOCAL_PROCESS_ENVIRON_H

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty list. */
struct sci_environ {
	char **entries; /* NAME=VALUE, then NULL; NULL when nothing was ever set */
	size_t count, capacity;
};

/* Set a variable, in place of an earlier one of its name. `entry` is NAME=VALUE and is copied.
 * Return 0 or SC_E_NOMEM. */
int sci_environ_put(struct sci_environ *list, const char *entry);
int sci_environ_set(struct sci_environ *list, const char *name, const char *value);

/* The value of a variable, or NULL. */
const char *sci_environ_get(const struct sci_environ *list, const char *name);

/* Set a variable that is absent or empty. Returns 0 or SC_E_NOMEM. */
int sci_environ_default(struct sci_environ *list, const char *name, const char *value);

/* Fill an empty list with what `from` holds. Returns 0 or SC_E_NOMEM. */
int sci_environ_copy(struct sci_environ *list, const struct sci_environ *from);

/* The same, with the variables that differ between environments: of the environment `id`, whose
 * Runtime API is at `port` of the loopback interface. */
int sci_environ_copy_for(struct sci_environ *list, const struct sci_environ *from, const char *id,
	uint16_t port);

void sci_environ_fini(struct sci_environ *list);

/* What the variables of a function are made from, except those that differ between environments. */
struct sci_environ_facts {
	const char *function_name, *directory;
	int memory_mb;
	const char *const *extra; /* NAME=VALUE, the user's */
	size_t extra_count;
};

/* Fill in an empty list: the variables of our process, then the user's, then Lambda's: defaults
 * where a variable is absent, reserved ones in any case. Returns 0 or SC_E_NOMEM. */
int sci_environ_fill(struct sci_environ *list, const struct sci_environ_facts *facts);

#endif
