/* Technique 4 in C++: a memoised function. memoised_function.c says when to use it, and its risks.
 *
 * The memo is called like the function, and its arguments are the key.
 */
#include "reports/reports.hpp"

#include <scopecache/scopecache.hpp>

#include <string>

static scopecache::resource db([] { return std::make_unique<reports_connection>(); });

static std::string query(scopecache::load &load)
{
	return query_kept(db, std::string(load.text(0)), std::string(load.text(1)),
		load.remaining_ms());
}

static scopecache::memo fetch_data(scopecache::cache_options().max_entries(128), query);

int main()
{
	return scopecache::lambda_main([](scopecache::invocation &inv) {
		answer_report(inv, [&](const char *user, const char *param) {
			inv.answer(fetch_data(user, param).text());
		});
	});
}
