/* Technique 1 in C++: a global variable. global_variable.c says when to use it, and its risks.
 *
 * The resource opens its client on first use and deletes it when the environment is shut down. If
 * the opener throws, that invocation fails, and the next one tries again.
 */
#include "s3/s3_client.h"

#include <scopecache/scopecache.hpp>

#include <cstring>
#include <memory>

/* The client of the C module, which closes itself. */
struct s3_closer {
	void operator()(void *client) const
	{
		s3_client_close(client);
	}
};
using s3_client = std::unique_ptr<void, s3_closer>;

static scopecache::resource s3([] {
	void *client = nullptr;
	sc_error detail{};
	if (s3_client_open(nullptr, &client, &detail) < 0)
		throw scopecache::error(detail);
	return s3_client(client);
});

static void answer(sc_invocation *inv, const s3_buckets &buckets)
{
	int rc = sc_invocation_printf(inv, "{\"buckets\":[");
	for (std::size_t i = 0; i < buckets.count && rc == 0; i++) {
		if (i > 0)
			rc = sc_invocation_printf(inv, ",");
		if (rc == 0)
			rc = sc_invocation_json_string(inv, buckets.names[i],
				std::strlen(buckets.names[i]));
	}
	if (rc < 0 || (rc = sc_invocation_printf(inv, "]}")) < 0)
		throw scopecache::error(rc);
}

static void list_buckets(scopecache::invocation &inv)
try {
	s3_buckets buckets{};
	sc_error detail{};
	auto client = s3.acquire(); /* opens on the first call only */

	if (s3_client_list_buckets(client.get(), inv.remaining_ms(), &buckets, &detail) < 0)
		throw scopecache::error(detail);
	const std::unique_ptr<s3_buckets, decltype(&s3_buckets_fini)> owner(&buckets,
		&s3_buckets_fini);
	answer(inv.native(), buckets);
} catch (const scopecache::error &failed) {
	throw scopecache::failure("Function.BucketsUnavailable", failed.what());
}

int main()
{
	return scopecache::lambda_main(list_buckets);
}
