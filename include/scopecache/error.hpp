/* scopecache/error.hpp - a failure as an exception, and exceptions that go around C code.
 *
 * No exception passes through a function of the C library. What calls the user's code catches
 * what it throws, the C function returns a failure, and the exception is thrown again where that
 * function was called.
 */
#ifndef SCOPECACHE_ERROR_HPP
#define SCOPECACHE_ERROR_HPP

#include <scopecache/error.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

/* The names in here may be those of globals in the program. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* What the functions of this namespace throw when the C function beneath returns a failure. */
class error : public std::runtime_error
{
      public:
	/* `detail.code` is the result; without a message, what() is the text of the result. */
	explicit error(const sc_error &detail)
	    : std::runtime_error(
		      detail.message[0] != '\0' ? detail.message : sc_result_text(detail.code)),
	      detail_(detail)
	{
	}

	explicit error(int code) : error(sc_error{ code, 0, 0, 0, 0, 0, 0, {}, {} })
	{
	}

	/* The result: one of SC_E_*. */
	int code() const noexcept
	{
		return detail_.code;
	}

	/* All that the C function says about the failure. */
	const sc_error &detail() const noexcept
	{
		return detail_;
	}

      private:
	sc_error detail_;
};

/* Used by the other headers, and not by users. */
namespace internal
{

/* Return `rc`, or throw it when it is a failure. */
inline int check(int rc)
{
	if (rc < 0)
		throw error(rc);
	return rc;
}

/* Call `body` and return what it throws, or null. The end of a thread (pthread_exit(), cancellation)
 * is not an exception, and goes on. */
template <typename Body> std::exception_ptr caught_from(Body &&body)
{
	try {
		body();
	}
#if defined(__GLIBCXX__)
	catch (abi::__forced_unwind &) {
		throw;
	}
#endif
	catch (...) {
		return std::current_exception();
	}
	return nullptr;
}

/* Call `say(code, text)` with what `thrown` says of itself. A code is SC_E_ABSENT only when the
 * user's code returns it: a value that another cache does not have is a failure here. */
template <typename Say> int explain(const std::exception_ptr &thrown, int code, Say &&say)
{
	try {
		std::rethrow_exception(thrown);
	} catch (const error &failure) {
		return say(failure.code() == SC_E_ABSENT ? code : failure.code(), failure.what());
	} catch (const std::exception &exception) {
		return say(code, exception.what());
	} catch (...) {
		return say(code, "an exception that is not a std::exception");
	}
}

} // namespace internal

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
