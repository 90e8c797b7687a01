/* Which requests are admitted, decided by their heads alone. */
#ifndef SCI_LOCAL_HTTP_ADMISSION_H
#define SCI_LOCAL_HTTP_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

struct MHD_Connection;

struct sci_http_admission {
	/* The sum of a request's path, and the names and values of its parameters and headers. */
	size_t max_head_bytes;

	/* A body that is announced longer is refused before it is read. */
	size_t max_announced_bytes;

	/* Host may be any name. Otherwise it must be a numeric address, localhost or `host`: a
	 * page that makes its own name resolve to this address (DNS rebinding) sends that name. */
	bool any_host;
	const char *host; /* or NULL */

	/* The origins whose pages may send requests; "*" is every origin. Requests with another
	 * Origin are refused. */
	const char *const *origins;
	size_t origin_count;
};

struct sci_refusal {
	unsigned status; /* 0: it is admitted */
	const char *message;
};

struct sci_refusal sci_http_admission_check(const struct sci_http_admission *admission,
	struct MHD_Connection *connection, const char *path);

/* Whether a value has control characters other than a tab: it is refused in a header. */
bool sci_http_has_controls(const char *text);

/* True when pages of `origin` may send requests. */
bool sci_http_origin_is_allowed(const struct sci_http_admission *admission, const char *origin);

/* True for a Host that no page can have chosen: a numeric address, localhost, a name below
 * localhost, or `own`; with a port or without one. */
bool sci_http_host_is_local(const char *host, const char *own);

#endif
