/* scopecache/memo.hpp - a function that remembers its answers, as memo.h has it.
 *
 *	static scopecache::memo report(scopecache::cache_options().max_entries(128), fetch_report);
 *	...
 *	answer(report(user, year).text());
 *
 * The function is a loader: it sees its arguments as the parts of the key, and nothing else.
 */
#ifndef SCOPECACHE_MEMO_HPP
#define SCOPECACHE_MEMO_HPP

#include <scopecache/cache.hpp>

#include <utility>

/* The names in here may be those of globals in the program. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* It opens its cache when it is made, and keeps what was used last, whatever policy the options name. It
 * moves, and does not copy. */
class memo
{
      public:
	template <typename Function>
	memo(cache_options options, Function &&function)
	    : cache_(options.policy(SC_POLICY_LRU), std::forward<Function>(function))
	{
	}

	/* The answer for these arguments: remembered, or made by calling the function now. What the
	 * function throws is thrown here, and is not remembered. */
	template <typename... Arguments> value operator()(const Arguments &...arguments)
	{
		return cache_.fetch(key(arguments...));
	}

	/* Forget the answer for these arguments, and say whether there was one; or forget all. */
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
