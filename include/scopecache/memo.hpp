/* scopecache/memo.hpp - memoised functions in C++; see memo.h.
 *
 *	static scopecache::memo report(scopecache::cache_options().max_entries(128), fetch_report);
 *	...
 *	answer(report(user, year).text());
 *
 * The function is a loader: its arguments are the parts of the key.
 */
#ifndef SCOPECACHE_MEMO_HPP
#define SCOPECACHE_MEMO_HPP

#include <scopecache/cache.hpp>

#include <utility>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* A memo. Its constructor opens the cache; its policy is always SC_POLICY_LRU. It can be moved but
 * not copied. */
class memo
{
      public:
	template <typename Function>
	memo(cache_options options, Function &&function)
	    : cache_(options.policy(SC_POLICY_LRU), std::forward<Function>(function))
	{
	}

	/* Get the stored result for these arguments, or call the function and store its result. If
	 * the function throws, this throws, and nothing is stored. */
	template <typename... Arguments> value operator()(const Arguments &...arguments)
	{
		return cache_.fetch(key(arguments...));
	}

	/* Remove the result for these arguments, and return whether there was one; clear() removes
	 * all. */
	template <typename... Arguments> bool invalidate(const Arguments &...arguments)
	{
		return cache_.invalidate(key(arguments...));
	}

	void clear() noexcept
	{
		cache_.clear();
	}

	sc_cache_stats stats() const
	{
		return cache_.stats();
	}

      private:
	cache cache_;
};

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
