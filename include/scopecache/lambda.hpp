/* scopecache/lambda.hpp - a Lambda function in C++.
 *
 *	int main()
 *	{
 *		return scopecache::lambda_main([](scopecache::invocation &inv) {
 *			return "{\"bytes\":" + std::to_string(inv.event().size()) + "}";
 *		});
 *	}
 *
 * A handler returns its answer as a type that converts to std::string_view, or returns void after
 * inv.answer(). If it throws, the invocation fails with what(), and the environment continues.
 */
#ifndef SCOPECACHE_LAMBDA_HPP
#define SCOPECACHE_LAMBDA_HPP

#include <scopecache/error.hpp>
#include <scopecache/function.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* An exception that fails an invocation with an error type, such as "Function.NoSuchReport". */
class failure : public std::runtime_error
{
      public:
	failure(std::string type, const std::string &message)
	    : std::runtime_error(message), type_(std::move(type))
	{
	}

	const std::string &type() const noexcept
	{
		return type_;
	}

      private:
	std::string type_;
};

/* One invocation, valid until the handler returns. */
class invocation
{
      public:
	explicit invocation(sc_invocation *native) noexcept : native_(native)
	{
	}

	/* The event, exactly as the caller sent it. */
	std::string_view event() const noexcept
	{
		std::size_t len = 0;
		const void *bytes = sc_invocation_event(native_, &len);
		return { static_cast<const char *>(bytes), len };
	}

	std::string_view request_id() const noexcept
	{
		return sc_invocation_request_id(native_);
	}

	std::int64_t remaining_ms() const noexcept
	{
		return sc_invocation_remaining_ms(native_);
	}

	/* Answer with a copy of these bytes, replacing an earlier answer. */
	void answer(std::string_view bytes, const char *content_type = nullptr)
	{
		internal::check(
			sc_invocation_answer(native_, bytes.data(), bytes.size(), content_type));
	}

	/* The C invocation, for functions that this class does not have. */
	sc_invocation *native() const noexcept
	{
		return native_;
	}

      private:
	sc_invocation *native_;
};

namespace internal
{

template <typename Handler> int handle(Handler &handler, sc_invocation *native)
{
	const std::exception_ptr thrown = caught_from([&] {
		invocation inv(native);
		if constexpr (std::is_void_v<decltype(handler(inv))>)
			handler(inv);
		else
			inv.answer(handler(inv));
	});
	if (!thrown)
		return 0;
	try {
		std::rethrow_exception(thrown);
	} catch (const failure &failed) {
		return sc_invocation_fail(native, failed.type().c_str(), "%s", failed.what());
	} catch (...) {
		return explain(thrown, SC_E_FUNCTION, [native](int, const char *text) {
			return sc_invocation_fail(native, nullptr, "%s", text);
		});
	}
}

/* How a handler of this type is made, between lambda_main() and init; one function runs at a
 * time. */
template <typename Handler> struct handler_of {
	static inline Handler *given = nullptr;

	static int init(void **state, sc_error *detail)
	{
		if (given) {
			*state = given;
			return 0;
		}
		int rc = 0;
		if constexpr (std::is_default_constructible_v<Handler>) {
			const std::exception_ptr thrown =
				caught_from([&] { *state = new Handler(); });
			if (thrown)
				rc = explain(thrown, SC_E_FUNCTION,
					[&](int code, const char *text) {
						std::snprintf(detail->message,
							sizeof detail->message, "%s", text);
						return code;
					});
		}
		return rc;
	}

	static int handle(sc_invocation *native, void *state)
	{
		return internal::handle(*static_cast<Handler *>(state), native);
	}

	static void fini(void *state)
	{
		if (!given)
			static_cast<void>(
				caught_from([&] { delete static_cast<Handler *>(state); }));
	}

	static int run()
	{
		const sc_hooks *hooks[] = { sc_cache_hooks(), nullptr };
		sc_lambda_function function{};
		function.size = sizeof function;
		function.init = init;
		function.handle = handle;
		function.fini = fini;
		function.hooks = hooks;
		function.log = sc_lambda_log_stderr;
		sc_error detail;
		const int rc = sc_lambda_run(&function, &detail);
		if (rc < 0)
			std::fprintf(stderr, "[ERROR] %s\n", detail.message);
		return rc < 0;
	}
};

} // namespace internal

/* Run a function until the platform ends it, with the hooks of the caches and resources. `handler`
 * is called with an invocation &. Returns the exit status for main(); a failure is written to
 * standard error. One call at a time in a process. */
template <typename Handler> int lambda_main(Handler handler)
{
	internal::handler_of<Handler>::given = &handler;
	const int status = internal::handler_of<Handler>::run();
	internal::handler_of<Handler>::given = nullptr;
	return status;
}

/* Run a function with a Handler that init makes and fini destroys: a class-level holder. If its
 * constructor throws, init fails with that text. */
template <typename Handler> int lambda_main()
{
	static_assert(std::is_default_constructible_v<Handler>,
		"init makes the Handler, so it needs a constructor without arguments");
	return internal::handler_of<Handler>::run();
}

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
