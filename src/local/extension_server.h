/* The Lambda Extensions API (version 2020-01-01) over HTTP: it checks requests, changes the state
 * of the extensions (extensions.h), and answers. */
#ifndef SCI_LOCAL_EXTENSION_SERVER_H
#define SCI_LOCAL_EXTENSION_SERVER_H

#include <stdbool.h>

struct sci_exchange;
struct sci_extensions;

/* The most bytes of the body of a registration. */
#define SCI_REGISTRATION_MAX (64 * 1024)

/* Whether the path is one of the Extensions API. */
bool sci_extension_server_serves(const char *path);

/* Answer a request to such a path, now; or an extension's `next`, when there is an event. */
void sci_extension_server_handle(struct sci_exchange *exchange, const char *path,
	struct sci_extensions *extensions);

#endif
