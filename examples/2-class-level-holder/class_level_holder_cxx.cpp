/* Technique 2 in C++: a class-level holder. class_level_holder.c says when to use it, and its
 * risks.
 *
 * Init makes the class before the first invocation, and it is destroyed after the last. If its
 * constructor throws, the init fails.
 */
#include "reports/reports.hpp"

#include <scopecache/scopecache.hpp>

#include <cstdlib>
#include <stdexcept>

class reports
{
      public:
	/* Try to open; the first invocation reports a failure. */
	reports()
	{
		if (!path_)
			throw std::runtime_error("REPORTS_DB is not set");
		try {
			db_.acquire();
		} catch (const scopecache::error &) {
		}
	}

	void operator()(scopecache::invocation &inv)
	{
		answer_report(inv, [&](const char *user, const char *param) {
			inv.answer(query_kept(db_, user, param, inv.remaining_ms()));
		});
	}

      private:
	char *path_ = std::getenv("REPORTS_DB");
	scopecache::resource<reports_connection> db_{ [path = path_] {
		return std::make_unique<reports_connection>(path);
	} };
};

int main()
{
	return scopecache::lambda_main<reports>();
}
