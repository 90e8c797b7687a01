/* scopecache/load.h - loaders: what they are given, and what they give.
 *
 *	static int load_report(struct sc_load *load, void *db)
 *	{
 *		const char *report = query(db, sc_load_text(load, 0), sc_load_number(load, 1));
 *
 *		if (!report)
 *			return sc_load_fail(load, -1, "the database does not answer");
 *		return sc_load_set_value(load, report, strlen(report));
 *	}
 *
 * cache.h includes this header and calls them.
 */
#ifndef SCOPECACHE_LOAD_H
#define SCOPECACHE_LOAD_H

#include <scopecache/error.h>
#include <scopecache/key.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sc_object;
struct sc_value;

/* The most tags of an entry. */
#define SC_TAGS_MAX 8

/* One load: passed to a loader, valid until the loader returns, on the loader's thread only. */
struct sc_load;

/* A loader: finds the value for the key of `load` and gives it with sc_load_set_value(). It is
 * called with no lock held, so it may use this cache and others; fetching the key that it is
 * loading fails with SC_E_CYCLE. If it throws a C++ exception, or its thread is cancelled or calls
 * pthread_exit(), the load has failed, and the threads that wait for it get SC_E_LOAD.
 *
 * returns  0 after giving a value; SC_E_ABSENT when the source has no value for this key; any other
 *          negative number, SC_E_* or the loader's own, on failure. */
typedef int (*sc_load_fn)(struct sc_load *load, void *context);

/* A batch loader: finds the values of `count` loads at once, as one database query does for many
 * keys. A load that is given no value is absent, unless sc_load_fail() gave it another result.
 * Otherwise the rules for a loader apply.
 *
 * returns  0; or a negative number, which is the result of every load that was given no value. */
typedef int (*sc_load_many_fn)(struct sc_load *const *loads, size_t count, void *context);

/* Get the old value: what an update starts from; or, in a cache that notes times ("Freshness" in
 * docs/cache.md), what a load is to replace, be it stale or fresh, and its validator.
 *
 * returns  the value, pinned until the loader returns, or NULL when there is none; the text given
 *          with it as its validator, or NULL.
 * threads  the loader's; does not block. */
const struct sc_value *sc_load_old(const struct sc_load *load);
const char *sc_load_old_validator(const struct sc_load *load);

/* Say that the old value is still right: its times begin anew, as if it had been loaded, without a
 * copy. The outcome is SC_LOADED with the old value, whose generation and validator stay.
 *
 * returns  0; SC_E_INVAL when there is no old value, and in an update, which leaves the entry as it
 *          is by giving no value.
 * threads  the loader's; does not block. */
int sc_load_set_unchanged(struct sc_load *load);

/* The most bytes of a validator, without its NUL. */
#define SC_VALIDATOR_BYTES_MAX 224

/* Set the validator of the loaded value: what the source calls this version of it, as an ETag or a
 * revision, to be asked the next time whether it is still right. The next load of the key finds it
 * with sc_load_old_validator(), as long as the entry is there: for stale_if_error_ms after its time
 * to live, say. A cache that notes no times does not keep it.
 *
 * returns  0; SC_E_TOO_LARGE, with none set. NULL and "" set none.
 * owns     the text is copied.
 * threads  the loader's; does not block. */
int sc_load_set_validator(struct sc_load *load, const char *validator);

/* Get the key of a load, which is all that the loader sees of the caller.
 *
 * returns  a copy of the key, valid until the loader returns. A text in it ends with a NUL that its
 *          length does not count.
 * threads  the loader's; does not block. */
const struct sc_key *sc_load_key(const struct sc_load *load);

/* Get part `index` of the key, as a text or as a number.
 *
 * returns  the text, valid until the loader returns, or the number, where a truth value is 0 or 1;
 *          NULL or 0 when there is no such part or it has another type.
 * threads  the loader's; does not block. */
const char *sc_load_text(const struct sc_load *load, size_t index);
int64_t sc_load_number(const struct sc_load *load, size_t index);

/* Give the value of a load, replacing one that was given before.
 *
 * returns  0; SC_E_NOMEM, with the value before it still given.
 * owns     the value is copied.
 * threads  the loader's; does not block. */
int sc_load_set_value(struct sc_load *load, const void *data, size_t len);

/* Give a value of `len` bytes without copying it: write it to *data, which is aligned to 8 bytes,
 * before the loader returns.
 *
 * returns  0 with *data set; SC_E_NOMEM with *data NULL and the value before it still given.
 * owns     the load owns *data.
 * threads  the loader's; does not block. */
int sc_load_reserve(struct sc_load *load, size_t len, void **data);

/* Set the time to live, or to idle, of the loaded entry, as in struct sc_put_options: 0 is the
 * cache's default, negative is "do not store", SC_NO_END is no end. Callers get the value in any
 * case. If the loader returns SC_E_ABSENT, the time to live is that of the absence, instead of the
 * cache's negative_ttl_ms.
 *
 * threads  the loader's; does not block. */
void sc_load_set_ttl_ms(struct sc_load *load, int64_t ttl_ms);
void sc_load_set_tti_ms(struct sc_load *load, int64_t tti_ms);

/* Set other times of the loaded entry, as in struct sc_put_options: 0 is the cache's, negative is
 * none. They need a cache that notes times; others ignore them.
 *
 * threads  the loader's; does not block. */
void sc_load_set_refresh_after_ms(struct sc_load *load, int64_t refresh_after_ms);
void sc_load_set_stale_while_revalidate_ms(struct sc_load *load, int64_t stale_ms);
void sc_load_set_stale_if_error_ms(struct sc_load *load, int64_t stale_ms);

/* Add a tag to the loaded entry, by which sc_cache_invalidate_tag() ends it; also if the loader
 * then returns SC_E_ABSENT. The tag holds from the begin of the load: what is invalidated while it
 * runs is not stored.
 *
 * returns  0; SC_E_TOO_LARGE for more than SC_TAGS_MAX; SC_E_INVAL for NULL or "", or if the cache
 *          was not opened with .tags = 1.
 * threads  the loader's; does not block. */
int sc_load_add_tag(struct sc_load *load, const char *tag);

/* Set the cost of making the value, as in struct sc_put_options, instead of the time of the load.
 *
 * threads  the loader's; does not block. */
void sc_load_set_cost(struct sc_load *load, uint64_t cost);

/* Give an object instead of a value.
 *
 * returns  0; SC_E_INVAL or SC_E_NOMEM.
 * owns     with 0 the cache owns the object, and frees it even if the loader fails later; otherwise
 *          the loader still owns it.
 * threads  the loader's; does not block. */
int sc_load_set_object(struct sc_load *load, const struct sc_object *object);

/* Set the message and result of a load that fails. In a batch, it concerns this load alone; with
 * the code SC_E_ABSENT, this load has no value.
 *
 * returns  `code`, so that a loader can end with `return sc_load_fail(...)`.
 * threads  the loader's; does not block. */
int sc_load_fail(struct sc_load *load, int code, const char *format, ...) SC_PRINTF_LIKE(3, 4);

/* Kinds of failures of a loader, for a caller that decides whether to try again. */
enum sc_load_kind {
	SC_LOAD_UNKNOWN,
	SC_LOAD_TRANSIENT, /* it may work the next time */
	SC_LOAD_THROTTLED, /* the source was asked too often */
	SC_LOAD_REFUSED    /* the source refuses: the credential or the request is wrong */
};

/* Set the kind of a failure; and how long the source asked to wait, as by HTTP's Retry-After. A
 * cache that notes times (docs/cache.md, "Freshness") waits for the longer of this and its own
 * retry_after_ms before it loads the key again. Callers find both in their struct sc_error.
 *
 * threads  the loader's; does not block. */
void sc_load_set_kind(struct sc_load *load, enum sc_load_kind kind);
void sc_load_set_retry_after_ms(struct sc_load *load, int64_t retry_after_ms);

/* Get the time that the load has: until the deadline of the invocation that fetches this value, or
 * until the end of load_timeout_ms, when those who wait for it give up. Nothing interrupts a loader
 * that takes longer.
 *
 * returns  milliseconds, 0 when it is over; SC_NO_DEADLINE if there is no end.
 * threads  the loader's; does not block. */
int64_t sc_load_remaining_ms(const struct sc_load *load);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
