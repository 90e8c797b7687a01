/* A small HTTP client over libcurl, which keeps its connections: how the examples ask the services
 * that they use.
 *
 *	struct service_client *http;
 *	struct service_answer answer;
 *	const struct service_request request = { .service = "the price list", .url = url,
 *		.timeout_ms = 5000 };
 *	if (service_client_open(&http, &error) == 0) {
 *		if (service_client_get(http, &request, &answer, &error) == 0)
 *			use(answer.status, answer.body, answer.len);
 *		service_client_close(http);
 *	}
 */
#ifndef SERVICE_CLIENT_H
#define SERVICE_CLIENT_H

#include <scopecache/error.h>

#include <stddef.h>
#include <stdint.h>

/* The most bytes of an answer. */
#define SERVICE_ANSWER_BYTES_MAX (64 << 10)

/* The most names and values in a query. */
#define SERVICE_QUERY_MAX 4

struct service_client;

struct service_request {
	const char *service;         /* what messages call the service */
	const char *url;             /* http or https, without a query; NULL is an error */
	const char *user, *password; /* for basic authentication, or NULL */
	/* What the query has, escaped by the client; the rest is NULL. */
	struct {
		const char *name, *value;
	} query[SERVICE_QUERY_MAX];
	int64_t timeout_ms; /* until the caller's deadline */
};

struct service_answer {
	long status;
	const char *body; /* never NULL; a NUL that `len` does not count follows it */
	size_t len;
};

/* Make a client. Nothing is sent yet. Services see the environment's AWS_LAMBDA_LOG_STREAM_NAME as
 * its User-Agent, so that their logs say which environment asked.
 *
 * returns  0 with *client set; SC_E_NOMEM, with the cause in `error` and *client NULL.
 * owns     the caller owns the client: service_client_close(), for which NULL is allowed.
 * threads  any; a client may be used by one thread at a time. */
int service_client_open(struct service_client **client, struct sc_error *error);
void service_client_close(struct service_client *client);

/* Send a GET. Redirects are not followed, and nothing is retried but a kept connection that the
 * service has closed. Messages name the service, and have nothing of the query, the password or the
 * answer.
 *
 * returns  0 with *answer set, whatever its status; SC_E_INVAL for a URL that is not one; SC_E_IO
 *          when the service cannot be reached; SC_E_DEADLINE when it does not answer within
 *          `timeout_ms` less a tenth of a second (so that there is time to report it), or 10
 *          seconds; SC_E_TOO_LARGE for an answer of more bytes; SC_E_NOMEM.
 * owns     the client owns the body, until its next request, which overwrites it with zeros.
 * blocks   until the service has answered, or for these times. */
int service_client_get(struct service_client *client, const struct service_request *request,
	struct service_answer *answer, struct sc_error *error);

#endif
