/* Technique 3 in C++: an explicit cache. explicit_cache.c says when to use it, and its risks.
 *
 * The cache closes itself. If the loader throws, nothing is stored, and the fetch that ran it
 * throws.
 */
#include "reports/reports.hpp"

#include <scopecache/scopecache.hpp>

#include <chrono>
#include <string>

static scopecache::resource db([] { return std::make_unique<reports_connection>(); });

/* The loader: it runs when the key is missing or expired. */
static std::string fetch_data(scopecache::load &load)
{
	return query_kept(db, std::string(load.text(0)), std::string(load.text(1)),
		load.remaining_ms());
}

int main()
{
	using namespace std::chrono_literals;
	scopecache::cache cache(scopecache::cache_options().max_bytes(4 << 20).ttl_ms(60s),
		fetch_data);

	return scopecache::lambda_main([&](scopecache::invocation &inv) {
		answer_report(inv, [&](const char *user, const char *param) {
			inv.answer(cache.fetch(scopecache::key(user, param)).text());
		});
	});
}
