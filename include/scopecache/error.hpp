/* scopecache/error.hpp - failures as exceptions.
 *
 * No exception passes through a function of the C library: the wrapper of the user's code catches
 * it, the C function returns a failure, and the caller of the C function throws the exception
 * again.
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

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* The exception for a failure of a C function. */
class error : public std::runtime_error
{
      public:
	/* `detail.code` is the result; if there is no message, what() is the text of the result. */
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

	/* All details that the C function gave. */
	const sc_error &detail() const noexcept
	{
		return detail_;
	}

      private:
	sc_error detail_;
};

/* For the other headers only. */
namespace internal
{

/* Return `rc`, or throw if it is a failure. */
inline int check(int rc)
{
	if (rc < 0)
		throw error(rc);
	return rc;
}

/* Call `body` and return its exception, or null. The exit of a thread (pthread_exit(),
 * cancellation) is not an exception, and continues. */
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

/* Call `say(code, text)` with the code and text of `thrown`. An SC_E_ABSENT that was thrown becomes
 * `code`: it came from another cache, and is a failure here. */
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
