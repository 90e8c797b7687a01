/* Nothing kept: list_buckets without a technique.
 *
 * Every invocation makes a client, connects, sends one request and frees everything. This is
 * correct, and the baseline for technique 1 (1-global-variable), which sends the same request and
 * gives the same answer.
 */
#include "s3/s3_client.h"

#include <scopecache/function.h>

#include <string.h>

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
	void *client;

	(void)state;
	int rc = s3_client_open(NULL, &client, &error);
	if (rc == 0) {
		rc = s3_client_list_buckets(client, sc_invocation_remaining_ms(inv), &buckets,
			&error);
		s3_client_close(client);
	}
	if (rc < 0)
		return sc_invocation_fail(inv, "Function.BucketsUnavailable", "%s", error.message);
	rc = answer(inv, &buckets);
	s3_buckets_fini(&buckets);
	return rc;
}

SC_LAMBDA_MAIN(NULL, list_buckets, NULL)
