/* Technique 1: a global variable.
 *
 * What it is. A static variable lives as long as the process, and Lambda uses one process for many
 * invocations. The S3 client below is made by the first invocation that wants it; every later one
 * finds it there, with its connection open and its TLS session agreed. In Python it is the line
 *	s3 = boto3.client("s3")
 * above the handler; here sc_resource adds what that line lacks: nothing is opened before it is
 * needed, a failed open is told to the caller and tried again by the next one, and an environment
 * that is shut down in order closes what it opened.
 *
 * When to use it. For clients and connections: dear to open, the same for every caller, and no data.
 *
 * What to beware of.
 * - Concurrent invocations. Lambda gives every environment its own process, and this runtime runs one
 *   invocation at a time in it, so the client has one user at a time, as a libcurl handle must. Several
 *   threads of your own would need a client each, or a lock around its use.
 * - Many environments. A thousand concurrent invocations are a thousand environments, and as many
 *   connections: what is kept here is not shared with them, and must not be too many for the upstream.
 * - Freezing. Between invocations the process stands still, and the other side may hang up. This
 *   client mends its connection by itself; with one that does not, call sc_resource_report_broken() when it
 *   fails, and the next invocation opens another.
 * - Users. Whatever is global is seen by every caller: keep no user's data in it (techniques 3 and 4
 *   keep it under a key), and make no client with one caller's rights to use for another.
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
	int rc = sc_resource_acquire(&s3, &client, &error); /* opened on the first call only */
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
