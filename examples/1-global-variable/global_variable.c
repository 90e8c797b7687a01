/* Technique 1: a global variable.
 *
 * What it is. A static variable lives as long as the process, and Lambda uses one process for many
 * invocations. The first invocation that needs the S3 client below makes it; later invocations use
 * the same client, with its connection open and its TLS session established. In Python it is the
 * line
 *	s3 = boto3.client("s3")
 * above the handler. An sc_resource adds three things: it opens the client only when it is needed,
 * it reports a failed open to the caller and tries again in the next call, and it closes the client
 * when the environment is shut down.
 *
 * When to use it. For clients and connections: expensive to open, the same for every caller,
 * without data of a caller.
 *
 * Risks.
 * - Concurrent invocations. Each environment has its own process, and this runtime runs one
 *   invocation at a time in it, so one thread at a time uses the client, as a libcurl handle
 *   requires. Several threads of your own need a client each, or a lock.
 * - Many environments. A thousand concurrent invocations are a thousand environments with a
 *   connection each. Check that the upstream allows that many.
 * - Freezing. Between invocations the process is frozen, and the server may close the connection.
 *   This client reconnects by itself. If yours does not, call sc_resource_report_broken() when it
 *   fails, and the next invocation opens a new one.
 * - Users. Every caller uses the same global state: store no user's data in it (techniques 3 and 4
 *   store it under a key), and do not use a client with one caller's rights for another.
 */
#include "s3/s3_client.h"

#include <scopecache/function.h>

#include <string.h>

static struct sc_resource s3 = SC_RESOURCE_INIT(s3_client_open, s3_client_close, NULL);

static int answer(struct sc_invocation *inv, const struct s3_buckets *buckets)
{
	int rc = sc_invocation_printf(inv, "{\"buckets\":[");
	for (size_t i = 0; i < buckets->count && rc == 0; i++) {
		if (i > 0)
			rc = sc_invocation_printf(inv, ",");
		if (rc == 0)
			rc = sc_invocation_json_string(inv, buckets->names[i],
				strlen(buckets->names[i]));
	}
	return rc < 0 ? rc : sc_invocation_printf(inv, "]}");
}

static int list_buckets(struct sc_invocation *inv, void *state)
{
	struct s3_buckets buckets = { 0 };
	struct sc_error error;
	struct sc_held client;

	(void)state;
	int rc = sc_resource_acquire(&s3, &client, &error); /* opens on the first call only */
	if (rc >= 0) {
		rc = s3_client_list_buckets(client.instance, sc_invocation_remaining_ms(inv),
			&buckets, &error);
		sc_resource_release(&s3, &client);
	}
	if (rc < 0)
		return sc_invocation_fail(inv, "Function.BucketsUnavailable", "%s", error.message);
	rc = answer(inv, &buckets);
	s3_buckets_fini(&buckets);
	return rc;
}

SC_LAMBDA_MAIN(NULL, list_buckets, NULL)
