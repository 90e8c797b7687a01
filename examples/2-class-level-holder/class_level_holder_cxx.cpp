/* Technique 2 in C++: a class-level holder. class_level_holder.c says when to use it, and what to
 * beware of.
 *
 * The class is made by init, before the first invocation, and destroyed after the last. What its
 * constructor throws fails the init.
 */
#include "reports/reports.hpp"

#include <scopecache/scopecache.hpp>

#include <cstdlib>
#include <stdexcept>

class reports
{
      public:
	/* Opening is tried here, and a failure is left to the first invocation. */
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
