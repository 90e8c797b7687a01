/* Namespaces: an environment's own /tmp and process table, where the system allows them. */
#ifndef SCI_LOCAL_SANDBOX_H
#define SCI_LOCAL_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* The folders of the machine's /tmp that stay visible: of the code, and of the working folder. */
#define SCI_SANDBOX_KEPT_MAX 2

struct sci_sandbox {
	int namespaces;     /* flags of clone(); 0: none, and the rest is unused */
	const char *tmp;    /* the folder that becomes /tmp */
	const char *hidden; /* the folder that contains those of all environments */
	const char *kept[SCI_SANDBOX_KEPT_MAX]; /* paths that stay visible below /tmp; or NULL */
};

/* Fork, into new namespaces if `namespaces` is not 0. Returns as fork() does. */
int sci_sandbox_fork(const struct sci_sandbox *sandbox);

/* In the child: make the namespaces ready. Returns 0, or -1 with errno set. */
int sci_sandbox_enter(const struct sci_sandbox *sandbox);

/* Try what sci_sandbox_enter() does, in a child that then exits, with `tmp` and `hidden` as above.
 *
 * returns  the flags with which it works: without a user namespace for root, with one for others;
 *          0 where the system refuses. */
int sci_sandbox_probe(const char *tmp, const char *hidden);

#endif
