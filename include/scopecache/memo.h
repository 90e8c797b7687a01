/* scopecache/memo.h - a function that remembers its answers, as functools.lru_cache(maxsize=128).
 *
 *	static int fetch_report(struct sc_load *load, void *context);
 *	SC_MEMO(report, fetch_report, NULL, .max_entries = 128);
 *	...
 *	rc = sc_memo_call(&report, SC_KEY(user, year), &value, &error);
 *
 * The function is a loader (see cache.h): it sees its arguments as the parts of the key, and
 * nothing else, so that an answer cannot depend on what is not in the key. When the memo is full,
 * the entry that was not used for the longest time goes. A failed call is not remembered.
 *
 * The function may call itself through its memo. A level of that takes about 350 bytes of the stack and
 * what the function itself needs, so the usual 8 MiB are enough for some 15,000 levels; what goes
 * deeper is better asked for from below, so that each call finds the answers it needs.
 */
#ifndef SCOPECACHE_MEMO_H
#define SCOPECACHE_MEMO_H

#include <scopecache/cache.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* All fields are private; make it with SC_MEMO(), SC_MEMO_INIT() or sc_memo_init(). Its policy is
 * SC_POLICY_LRU, whatever the options say. */
struct sc_memo {
	const struct sc_cache_options *options; /* NULL once it was opened by sc_memo_init() */
	struct sc_cache *cache;
	void *reserved[2];
};

/* SC_MEMO(name, function, context, ...) defines a static memo, at file scope or inside a
 * function. After the context come the options of a cache (see SC_CACHE_OPTION_TABLE), all
 * constant. The cache is opened by the first call. In C++ memo.hpp has a class in its place. */
#ifndef __cplusplus
#define SC_MEMO(name, function, ...)                                                               \
	static const struct sc_cache_options name##_options = { .size = sizeof(                    \
									struct sc_cache_options),  \
		.loader = function,                                                                \
		.loader_context = __VA_ARGS__ };                                                   \
	static struct sc_memo name = SC_MEMO_INIT(&name##_options)
#endif

/* The initialiser of a memo. The function is the loader of these options, which are not copied and
 * have to live as long as the memo. */
#define SC_MEMO_INIT(options_)                                                                     \
	{                                                                                          \
		options_, NULL,                                                                    \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

/* Open a memo at run time. `options` may be NULL, and are copied; their loader is not used.
 *
 * returns  as sc_cache_open().
 * owns     the caller: sc_memo_fini(). The memo must stay where it is.
 * blocks   no. */
int sc_memo_init(struct sc_memo *memo, sc_load_fn function, void *context,
	const struct sc_cache_options *options, struct sc_error *error);

/* Forget all answers, and free the memory. A memo of SC_MEMO() or SC_MEMO_INIT() may be called
 * again; one of sc_memo_init() has to be initialised again first, and a call before that is
 * SC_E_INVAL. No other thread may be using it. */
void sc_memo_fini(struct sc_memo *memo);

/* The answer for these arguments: remembered, or made by calling the function now.
 *
 * returns, owns, blocks  as sc_cache_fetch(); the first call opens the cache, so it can also fail
 *			  with SC_E_INVAL for options out of their range. */
int sc_memo_call(struct sc_memo *memo, struct sc_key arguments, struct sc_value *value,
	struct sc_error *error);

/* Remove the answer for these arguments, or all answers. The figures of sc_memo_read_info() go on
 * after sc_memo_invalidate(), which returns as sc_cache_invalidate(), and begin anew after
 * sc_memo_clear(). */
int sc_memo_invalidate(struct sc_memo *memo, struct sc_key arguments);
void sc_memo_clear(struct sc_memo *memo);

struct sc_memo_info {
	size_t size; /* sizeof(struct sc_memo_info), set by the caller */
	uint64_t hits, misses;
	uint64_t maxsize; /* 0: bounded by bytes only */
	uint64_t currsize;
};

/* Read the figures, under the names that functools' cache_info() has. Returns 0; SC_E_INVAL when
 * info->size was not set. Any thread; blocks as sc_cache_read_stats(). */
int sc_memo_read_info(struct sc_memo *memo, struct sc_memo_info *info);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
