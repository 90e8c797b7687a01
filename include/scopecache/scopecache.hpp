/* scopecache/scopecache.hpp - the whole library in C++17 and later, header-only over the C
 * libraries.
 *
 *	scopecache::cache reports(scopecache::cache_options().max_bytes(8 << 20).ttl_ms(60000),
 *		[&](scopecache::load &load) { return db.query(load.text(0), load.number(1)); });
 *	answer(reports.fetch(scopecache::key(user, year)).text());
 *
 * Each header below belongs to the C header of the same name, which describes ownership, blocking
 * and threads. Handles close themselves, and can be moved but not copied. Failures throw a
 * scopecache::error; an exception of a loader or opener reaches the caller that ran it.
 */
#ifndef SCOPECACHE_SCOPECACHE_HPP
#define SCOPECACHE_SCOPECACHE_HPP

#include <scopecache/cache.hpp>
#include <scopecache/error.hpp>
#include <scopecache/key.hpp>
#include <scopecache/memo.hpp>
#include <scopecache/resource.hpp>
#include <scopecache/scope.hpp>
#include <scopecache/value.hpp>

/* The runtime is not installed if only the caches were built. */
#if __has_include(<scopecache/lambda.h>)
#include <scopecache/lambda.hpp>
#endif

#endif
