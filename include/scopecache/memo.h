/* scopecache/memo.h - a function that remembers its answers, as functools.lru_cache(maxsize=128).
 *
 *	static int fetch_report(struct sc_load *load, void *context);
 *	static struct sc_memo report = SC_MEMO_INIT(fetch_report, NULL, .max_entries = 128);
 *	...
 *	rc = sc_memo_call(&report, SC_KEY(user, year), &value, &error);
 *
 * The function is a loader (see cache.h): it sees its arguments as the parts of the key, and
 * nothing else, so that an answer cannot depend on what is not in the key. When the memo is full,
 * the entry that was not used for the longest time goes. A failed call is not remembered.
 */
#ifndef SCOPECACHE_MEMO_H
#define SCOPECACHE_MEMO_H

#include <scopecache/cache.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* All fields are private; make it with SC_MEMO_INIT() or sc_memo_init(). */
struct sc_memo {
	sc_load_fn function;
	void *context;
	struct sc_cache_options options;
	struct sc_clock clock;
	struct sc_cache *cache;
};

/* The options after `context_` are those of a cache (see SC_CACHE_OPTION_TABLE), but the policy is
 * SC_POLICY_LRU whatever they say. A clock that they point to is copied by the first call. */
#define SC_MEMO_INIT(function_, context_, ...)                                                     \
	{                                                                                          \
		.function = function_, .context = context_,                                        \
		.options = { .size = sizeof(struct sc_cache_options), __VA_ARGS__ },               \
	}

/* The same at run time; `options` are copied, and NULL is all defaults. Returns 0, or SC_E_INVAL
 * for options that are not valid. Nothing is opened before the first call. The memo must stay
 * where it is. */
int sc_memo_init(struct sc_memo *memo, sc_load_fn function, void *context,
	const struct sc_cache_options *options);

/* Forget all, and let go of the memory; after that the memo may go, or be called again. No other
 * thread may be using it. */
void sc_memo_fini(struct sc_memo *memo);

/* The answer for these arguments: remembered, or made by calling the function now.
 *
 * returns, owns, blocks  as sc_cache_fetch(); the first call opens the cache, so it can also fail
 *			  with SC_E_INVAL for options out of their range. */
int sc_memo_call(struct sc_memo *memo, struct sc_key arguments, struct sc_value *value,
	struct sc_error *error);

/* Forget the answer for these arguments, or all of them. The figures of sc_memo_info() go on after
 * forgetting one, and begin anew after sc_memo_clear(). sc_memo_forget() returns as
 * sc_cache_invalidate(). */
int sc_memo_forget(struct sc_memo *memo, struct sc_key arguments);
void sc_memo_clear(struct sc_memo *memo);

struct sc_memo_info {
	uint64_t hits, misses;
	uint64_t maxsize; /* 0: bounded by bytes only */
	uint64_t currsize;
};

/* The figures, under the names that functools' cache_info() has. Any thread; does not block. */
struct sc_memo_info sc_memo_info(struct sc_memo *memo);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
