/* scopecache/scope.hpp - scopes in C++: entered for the life of an object.
 *
 *	scopecache::user_scope in(user);
 *	auto orders = cache.fetch(scopecache::key("open"));
 */
#ifndef SCOPECACHE_SCOPE_HPP
#define SCOPECACHE_SCOPE_HPP

#include <scopecache/error.hpp>
#include <scopecache/scope.h>

#include <string>

namespace scopecache
{

/* Enters the scope of a user within the thread's tenant, and leaves it. Destroy it on the thread
 * that made it, the last made first. */
class user_scope
{
      public:
	/* Throws as sc_scope_enter() fails, in the scope that the thread was in before. */
	explicit user_scope(const std::string &user)
	{
		const int rc = sc_scope_enter(&outer_, user.c_str());
		if (rc >= 0)
			return;
		sc_scope_leave(&outer_);
		internal::check(rc);
	}

	~user_scope()
	{
		sc_scope_leave(&outer_);
	}

	user_scope(const user_scope &) = delete;
	user_scope &operator=(const user_scope &) = delete;

      private:
	sc_scope outer_{};
};

/* Enters what sc_context_capture() captured, and leaves it. */
class context_scope
{
      public:
	explicit context_scope(const sc_context &context) noexcept
	{
		sc_context_enter(&context, &outer_);
	}

	~context_scope()
	{
		sc_context_leave(&outer_);
	}

	context_scope(const context_scope &) = delete;
	context_scope &operator=(const context_scope &) = delete;

      private:
	sc_context outer_{};
};

} // namespace scopecache

#endif
