/* The reports and their requests in C++: classes that close themselves, and exceptions. */
#ifndef REPORTS_HPP
#define REPORTS_HPP

#include "reports/report_request.h"
#include "reports/reports.h"

#include <scopecache/scopecache.hpp>

#include <cstdlib>
#include <memory>
#include <string>

/* One connection, with its prepared statement. */
class reports_connection
{
      public:
	explicit reports_connection(char *path = nullptr)
	{
		sc_error detail{};
		if (reports_open(path, &db_, &detail) < 0)
			throw scopecache::error(detail);
	}

	reports_connection(const reports_connection &) = delete;
	reports_connection &operator=(const reports_connection &) = delete;

	~reports_connection()
	{
		reports_close(db_);
	}

	/* Throws a failure, with the module's code. */
	std::string query(const std::string &user, const std::string &param,
		std::int64_t timeout_ms)
	{
		sc_error detail{};
		char *text = nullptr;
		if (reports_query(db_, user.c_str(), param.c_str(), timeout_ms, &text, &detail) < 0)
			throw scopecache::error(detail);
		const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
		return text;
	}

      private:
	void *db_ = nullptr;
};

/* Query on the shared connection; the next call replaces a broken one. */
inline std::string query_kept(scopecache::resource<reports_connection> &db, const std::string &user,
	const std::string &param, std::int64_t timeout_ms)
{
	auto connection = db.acquire();
	try {
		return connection->query(user, param, timeout_ms);
	} catch (const scopecache::error &failed) {
		if (failed.code() == SC_E_IO)
			connection.report_broken();
		throw;
	}
}

/* Answer `inv` with the report that `ask(user, param)` returns. */
template <typename Ask> void answer_report(scopecache::invocation &inv, Ask &&ask)
{
	report_request request;
	if (report_request_init(&request, inv.native()) < 0)
		return; /* the invocation has failed, with its message */
	const std::unique_ptr<report_request, decltype(&report_request_fini)> owner(&request,
		&report_request_fini);
	try {
		ask(request.user, request.param);
	} catch (const scopecache::error &failed) {
		report_request_fail(inv.native(), &failed.detail());
	}
}

#endif
