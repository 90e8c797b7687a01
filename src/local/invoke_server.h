/* The Lambda Invoke API in front of the fleet, as the AWS CLI and SDKs speak it. */
#ifndef SCI_LOCAL_INVOKE_SERVER_H
#define SCI_LOCAL_INVOKE_SERVER_H

#include <scopecache/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct sci_fleet;
struct sci_invoke_server;

/* The address, and the requests that are admitted; see http_listener.h and http_admission.h. */
struct sci_invoke_address {
	const char *host;
	uint16_t port;
	bool any_host;
	const char *const *origins; /* must outlive the server */
	size_t origin_count;
};

/* Serve `fleet`, which must outlive the server's last answer.
 * Returns as sci_http_listener_open() does. */
int sci_invoke_server_open(struct event_base *base, struct sci_fleet *fleet,
	const struct sci_invoke_address *address, struct sci_invoke_server **out,
	struct sc_error *error);

uint16_t sci_invoke_server_port(const struct sci_invoke_server *server);

/* True while there is a request that is not answered, or whose answer is not sent. */
bool sci_invoke_server_is_busy(const struct sci_invoke_server *server);

/* Accept no more connections; those that are open get their answers. */
void sci_invoke_server_stop(struct sci_invoke_server *server);

/* Close. Running calls would lose their answers, so the fleet must be empty. NULL is allowed. */
void sci_invoke_server_close(struct sci_invoke_server *server);

#endif
