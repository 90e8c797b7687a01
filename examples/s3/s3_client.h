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
 * The environment configures it like the AWS SDKs: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, and
 * AWS_CA_BUNDLE if libcurl does not find the system's certificates. When S3_METER names a file,
 * connections and requests are counted in it: upstream_meter_read().
 */
#ifndef S3_CLIENT_H
#define S3_CLIENT_H

#include "s3/s3_answer.h"

#include <scopecache/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Make a client; an opener for sc_resource, so `unused` is NULL. Nothing is sent yet. The
 * environment is read once: Lambda does not change it while a process lives.
 *
 * returns  0 with *client set; SC_E_INVAL when the environment has no credentials or region,
 *          SC_E_IO for a meter that cannot be used, or SC_E_NOMEM, with the cause in `error` and
 *          *client NULL.
 * owns     the caller owns the client: s3_client_close().
 * threads  any; the client, like its libcurl handle, may be used by one thread at a time. */
int s3_client_open(void *unused, void **client, struct sc_error *error);

/* Close a client and its connection; NULL is allowed. */
void s3_client_close(void *client);

/* Get the names of all buckets. A broken connection is made again; no other failure is retried.
 *
 * returns  0 with *buckets set; SC_E_IO when S3 could not be reached or answered with an error,
 *          with its status in error->http_status and its code in the message; SC_E_DEADLINE when it
 *          did not answer within `timeout_ms` less a tenth of a second (so that there is time to
 *          report it), or 10 seconds; SC_E_PROTOCOL or SC_E_TOO_LARGE for an answer that cannot be
 *          read; SC_E_NOMEM. After a failure *buckets is empty.
 * owns     the caller owns the names: s3_buckets_fini(). */
int s3_client_list_buckets(void *client, int64_t timeout_ms, struct s3_buckets *buckets,
	struct sc_error *error);

#ifdef __cplusplus
}
#endif

#endif
