/* scopecache/memo.h - memoised functions: a cache of a function's results by its arguments.
 *
 *	static int fetch_report(struct sc_load *load, void *context);
 *	SC_MEMO(report, fetch_report, NULL, .max_entries = 128);
 *	...
 *	rc = sc_memo_call(&report, SC_KEY(user, year), &value, &error);
 *
 * A memo works as functools.lru_cache(maxsize=128) in Python. The function is a loader (cache.h):
 * its arguments are the parts of the key. When the memo is full, the least recently used entry is
 * evicted. The result of a failed call is not stored.
 *
 * The function may call itself through its memo. Each level takes at most 512 bytes of stack, and
 * what the function itself needs, so a stack of 8 MiB is enough for some 10,000 levels. For deeper
 * recursion call the function for the smaller arguments first, so that each call finds their
 * results.
 */
#ifndef SCOPECACHE_MEMO_H
#define SCOPECACHE_MEMO_H

#include <scopecache/cache.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A memo. All fields are private; make it with SC_MEMO(), SC_MEMO_INIT() or sc_memo_init(). Its
 * policy is always SC_POLICY_LRU. */
struct sc_memo {
	const struct sc_cache_options *options; /* NULL after sc_memo_init() */
	struct sc_cache *cache;
	void *reserved[2];
};

/* SC_MEMO(name, function, context, ...) defines a static memo, at file scope or inside a function.
 * The arguments after the context are the options of a cache (SC_CACHE_OPTION_TABLE), all constant.
 * The first call opens the cache. C++ has scopecache::memo (memo.hpp) instead. */
#ifndef __cplusplus
#define SC_MEMO(name, function, ...)                                                               \
	static const struct sc_cache_options name##_options = { .size = sizeof(                    \
									struct sc_cache_options),  \
		.loader = function,                                                                \
		.loader_context = __VA_ARGS__ };                                                   \
	static struct sc_memo name = SC_MEMO_INIT(&name##_options)
#endif

/* The initialiser of a memo. The function is the loader of these options, which are not copied and
 * must live as long as the memo. */
#define SC_MEMO_INIT(options_)                                                                     \
	{                                                                                          \
		options_, NULL,                                                                    \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

/* Open a memo at run time. `options` may be NULL; their loader is not used.
 *
 * returns  as sc_cache_open().
 * owns     the caller owns the memo, which must not be moved: sc_memo_fini(). The options are
 *          copied.
 * blocks   no.
 * threads  one, before the memo is used. */
int sc_memo_init(struct sc_memo *memo, sc_load_fn function, void *context,
	const struct sc_cache_options *options, struct sc_error *error);

/* Remove all results and free the memory. A memo made with SC_MEMO() or SC_MEMO_INIT() may be
 * called again; one made with sc_memo_init() must be initialised first, and a call before that
 * returns SC_E_INVAL.
 *
 * blocks   no.
 * threads  one, when no other call uses the memo. */
void sc_memo_fini(struct sc_memo *memo);

/* Call the function through the memo: get the stored result for these arguments, or call the
 * function and store its result.
 *
 * returns  as sc_cache_fetch(). The first call opens the cache, so it can also return SC_E_INVAL
 *          for options that are out of range.
 * owns     the caller owns the pin: sc_value_release(). `error` may be NULL.
 * blocks   while the function runs for these arguments.
 * threads  any. */
int sc_memo_call(struct sc_memo *memo, struct sc_key arguments, struct sc_value *value,
	struct sc_error *error);

/* Remove the result for these arguments.
 *
 * returns  as sc_cache_invalidate().
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_memo_invalidate(struct sc_memo *memo, struct sc_key arguments);

/* Remove all results, and set the counters of sc_memo_read_info() to 0.
 *
 * blocks   while another thread changes the cache.
 * threads  any. */
void sc_memo_clear(struct sc_memo *memo);

/* The counters of a memo, with the names of functools' cache_info(). */
struct sc_memo_info {
	size_t size; /* sizeof(struct sc_memo_info), set by the caller */
	uint64_t hits, misses;
	uint64_t maxsize; /* 0: bounded by bytes only */
	uint64_t currsize;
};

/* Read the counters of a memo.
 *
 * returns  0; SC_E_INVAL when info->size was not set.
 * blocks   as sc_cache_read_stats().
 * threads  any. */
int sc_memo_read_info(struct sc_memo *memo, struct sc_memo_info *info);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
