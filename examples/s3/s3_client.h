/* A small S3 client over libcurl, which keeps its connection: the upstream of list_buckets.
 *
 *	void *s3;
 *	struct s3_buckets buckets;
 *	if (s3_client_open(NULL, &s3, &error) == 0) {
 *		if (s3_client_list_buckets(s3, 5000, &buckets, &error) == 0) {
 *			...
 *			s3_buckets_fini(&buckets);
 *		}
 *		s3_client_close(s3);
 *	}
 *
 * It is configured by the environment as the AWS SDKs are: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
 * and AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL,
 * and AWS_CA_BUNDLE where libcurl does not find the system's certificates by itself. When S3_METER names a file, connections and requests are counted in it: upstream_meter_read().
 */
#ifndef S3_CLIENT_H
#define S3_CLIENT_H

#include "s3/s3_answer.h"

#include <scopecache/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Make a client; in the form that sc_resource wants, so `unused` is NULL. Nothing is sent yet. The
 * environment is read now: Lambda does not change it while a process lives.
 *
 * returns  0 with *client set; SC_E_INVAL when the environment does not say who or where, SC_E_IO for
 *          a meter that cannot be used, SC_E_NOMEM; then `error` says so and *client is NULL.
 * owns     the caller owns the client: s3_client_close().
 * threads  any may open; the client, like the libcurl handle in it, may be used by one at a time. */
int s3_client_open(void *unused, void **client, struct sc_error *error);

/* Close a client and its connection; NULL is allowed. */
void s3_client_close(void *client);

/* Ask for the names of all buckets. A broken connection is made anew; nothing else is tried twice.
 *
 * returns  0 with *buckets set; SC_E_IO when S3 could not be reached or answered with an error, with
 *          its status in error->http_status and its code in the message; SC_E_DEADLINE when it did
 *          not answer within `timeout_ms` less a tenth of a second (so that there is time to say so),
 *          or 10 seconds; SC_E_PROTOCOL or SC_E_TOO_LARGE for an answer that is none; SC_E_NOMEM. Then
 *          *buckets is empty.
 * owns     the caller owns the names: s3_buckets_fini(). */
int s3_client_list_buckets(void *client, int64_t timeout_ms, struct s3_buckets *buckets,
	struct sc_error *error);

#ifdef __cplusplus
}
#endif

#endif
