/* scopecache/cache.h - a cache with a true bound, for state that outlives an invocation.
 *
 *	struct sc_cache *cache;
 *	sc_cache_open(&cache, SC_CACHE_OPTIONS(.max_bytes = 8 << 20, .ttl_ms = 60000,
 *				      .loader = load_report, .loader_context = db), NULL);
 *	rc = sc_cache_fetch(cache, SC_KEY(user, year), &value, NULL);
 *	if (rc >= 0) {
 *		use(value.data, value.len);
 *		sc_value_release(&value);
 *	}
 *	sc_cache_close(cache);
 *
 * Three words say who owns what:
 *
 *	copied    the call has its own copy when it returns (keys, values that are put)
 *	pinned    valid and unchanged until released, whatever eviction, replacement, clear or close do
 *	borrowed  valid during the call only (keys that are looked up)
 *
 * All functions may be called from any thread, except where it says otherwise. The caller's own code
 * (a loader, a clock, what frees an object) is never called with a lock held, but for an allocator's
 * (process.h). It may throw a C++ exception, be cancelled or end its thread: what the call had begun is
 * undone or finished, and the exception or the end goes on. It may not leave by longjmp. (Exceptions need
 * glibc, or another C library that unwinds the stack where a thread ends.)
 */
#ifndef SCOPECACHE_CACHE_H
#define SCOPECACHE_CACHE_H

#include <scopecache/error.h>
#include <scopecache/hooks.h>
#include <scopecache/key.h>
#include <scopecache/version.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sc_cache;

/* The time that entries expire by, in milliseconds from any start; it must not go back. */
struct sc_clock {
	int64_t (*now_ms)(void *context);
	void *context;
	void *reserved[2]; /* NULL */
};

/* One load: given to the loader, valid until it returns, on its thread. */
struct sc_load;

/* A loader: find the value for the key of `load`, and give it with sc_load_set_value(). It is
 * called with no lock held, so it may use this cache and others; asking for the key that it is
 * loading fails with SC_E_CYCLE. When it throws a C++ exception, or its thread is cancelled or calls
 * pthread_exit(), the load has failed with SC_E_LOAD for those who wait for it. It may not leave by
 * longjmp.
 *
 * returns  0 after giving a value; SC_E_ABSENT when the source has no value for this key; another
 *          negative number, SC_E_* or the loader's own, when it failed. */
typedef int (*sc_load_fn)(struct sc_load *load, void *context);

/* A loader of many values at once, as a database answers one query for many keys: for each of `count`
 * loads, find the value of its key and give it. What is given nothing is absent, unless sc_load_fail()
 * said otherwise. Everything else is as for a loader.
 *
 * returns  0; or a negative number, with which those loads have failed that were not given a value. */
typedef int (*sc_load_many_fn)(struct sc_load *const *loads, size_t count, void *context);

/* A time to live, or to idle, that never ends. */
#define SC_NO_END INT64_MAX

/* The time to live of a token or certificate that ends at `epoch_ms`, in milliseconds since 1970.
 *
 * returns  the milliseconds from now until then, on the wall clock; a negative number, "do not
 *          keep", when it has ended. Never 0, which would mean the cache's own time to live.
 * threads  any; it does not block. */
int64_t sc_ttl_until(int64_t epoch_ms);

/* Which entries stay when there is no room for all. */
enum sc_policy {
	/* The best hit ratio over many kinds of use: what is used often stays, however much that is used
	 * once passes by, and the share of what is merely recent follows what the use rewards. */
	SC_POLICY_ADAPTIVE,
	/* Exactly what was used last, as functools.lru_cache does. */
	SC_POLICY_LRU
};

/* The one table of options, in the order of their fields. New rows are added at its end only, so
 * that a field never moves.
 *
 *	NUMBER(name, default, least, most, meaning)	a uint64_t
 *	TIME(name, meaning)				an int64_t in milliseconds: 0 to SC_NO_END
 *	POINTER(type, name, meaning)			NULL unless it is given */
#define SC_CACHE_OPTION_TABLE(NUMBER, TIME, POINTER)                                               \
	NUMBER(max_entries, 0, 0, UINT32_MAX, "entries at most; 0: as many as max_bytes holds")    \
	NUMBER(max_bytes, 64 << 20, 16 << 10, INT64_C(1) << 34,                                    \
		"bytes at most: keys, values and all that goes with them")                         \
	NUMBER(grow_entries, 0, 0, UINT32_MAX,                                                     \
		"what max_entries, if set, may be raised to; 0: no more")                          \
	NUMBER(grow_bytes, 0, 0, INT64_C(1) << 34, "what max_bytes may be raised to; 0: no more")  \
	TIME(ttl_ms, "time to live of an entry; 0: no end")                                        \
	TIME(tti_ms, "time to idle: how long an entry lives after its last use; 0: no end")        \
	NUMBER(entry_bytes, 256, 1, 1 << 30,                                                       \
		"the usual size of a key and value together; the index is made for that")          \
	NUMBER(policy, SC_POLICY_ADAPTIVE, SC_POLICY_ADAPTIVE, SC_POLICY_LRU,                      \
		"an enum sc_policy: which entries stay")                                           \
	NUMBER(load_time_is_cost, 0, 0, 1, "1: what took long to load stays longer")               \
	NUMBER(concurrency, 1, 1, 1024,                                                            \
		"threads that change the cache at the same time; several divide a large one")      \
	POINTER(const struct sc_clock *, clock, "copied; NULL: cache time, see sc_cache_hooks()")  \
	POINTER(sc_load_fn, loader, "what sc_cache_fetch() loads with; NULL: none")                \
	POINTER(void *, loader_context, "given to the loader, and to the batch loader")            \
	POINTER(sc_load_many_fn, batch_loader,                                                     \
		"what sc_cache_fetch_many() loads with; NULL: the loader, one by one")

/* What a cache is opened with. Zero is the default everywhere, and a pointer to options may be NULL.
 *
 * Of max_entries and max_bytes either is enough, and both hold together. `max_bytes` is the size of
 * the one region of memory that the cache maps: everything it stores is inside it, bookkeeping and
 * all, and pages it has not used yet cost nothing. With max_entries alone, max_bytes still holds with
 * its default, so that a few very large values cannot fill the memory of the process.
 *
 * The index is made for entries of `entry_bytes` on average: it takes about 18 bytes for each of them,
 * and with much smaller ones it is full before the region is. Say so when yours are not of that size.
 *
 * With a `concurrency` above 1 the cache is divided into shards with a lock each: as many as a power of two
 * from four times that on, 32 at most, as long as each has 1,024 of max_entries and a MiB of max_bytes.
 * Then no value is larger than a shard, a shard may evict while another has room, and the order of use is
 * that of each shard. Threads that only get short values need none of this: that takes no lock. */
struct sc_cache_options {
	size_t size; /* sizeof(struct sc_cache_options); SC_CACHE_OPTIONS() fills it in */
#define SC_CACHE_OPTION_NUMBER(name, preset, least, most, text) uint64_t name;
#define SC_CACHE_OPTION_TIME(name, text)                        int64_t name;
#define SC_CACHE_OPTION_POINTER(type, name, text)               type name;
	SC_CACHE_OPTION_TABLE(SC_CACHE_OPTION_NUMBER, SC_CACHE_OPTION_TIME, SC_CACHE_OPTION_POINTER)
#undef SC_CACHE_OPTION_NUMBER
#undef SC_CACHE_OPTION_TIME
#undef SC_CACHE_OPTION_POINTER
};

/* In C++ options.hpp has a class in the place of this macro. */
#ifndef __cplusplus
#define SC_CACHE_OPTIONS(...)                                                                      \
	(&(const struct sc_cache_options){ .size = sizeof(struct sc_cache_options), __VA_ARGS__ })
#endif

/* Open a cache.
 *
 * returns  0 with *cache set; SC_E_INVAL when an option is out of its range, or SC_E_NOMEM when the
 *          region cannot be mapped, with *cache NULL and `error` (if not NULL) naming what is wrong.
 * owns     the caller owns the cache: sc_cache_close().
 * blocks   no; little more than one mmap, however large the cache. */
int sc_cache_open(struct sc_cache **cache, const struct sc_cache_options *options,
	struct sc_error *error);

/* Close a cache; NULL is allowed. Values that are still pinned stay valid, and the memory goes when
 * the last of them is released.
 *
 * threads  one, and no other call may use the cache any more, nor be at work in it.
 * forks    fork() waits until no thread is in the middle of a change, so the child has the cache as it
 *	    was, for itself. It may go on with it, close it, or leave it to exec or _exit, whatever
 *	    other threads were doing. What those had pinned stays pinned there, and what they were
 *	    loading is loaded anew when it is asked for. */
void sc_cache_close(struct sc_cache *cache);

/* A value that the caller holds. `data` is aligned to 8 bytes, and *data to *(data + len - 1) stay as
 * they are until it is released. Copying the struct does not make a second hold. */
struct sc_value {
	const void *data;
	size_t len;
	uint64_t generation;  /* 0: the cache does not count them */
	int64_t age_ms;       /* since it was loaded or put; 0: not known */
	int64_t remaining_ms; /* until it is not fresh any more; 0: not known */
	void *holder;         /* private */
	uint64_t hold;        /* private */
	uint64_t reserved[3]; /* 0 */
};

/* Release a value. It is all zero after; an all-zero one may be released. Any thread. */
void sc_value_release(struct sc_value *value);

/* Look `key` up and copy its value out.
 *
 * returns  SC_HIT with *len bytes in `buffer`; SC_MISS; SC_E_TOO_LARGE when the value is longer than
 *          `capacity`, with *len its length; SC_E_INVAL, SC_E_TOO_LARGE (and
 *          *len 0) or SC_E_NOMEM for a key that is empty, too large, or cannot be encoded;
 *          SC_E_INVAL for an object, which cannot be copied.
 *          The buffer may have been written to whatever the result.
 * blocks   hardly: values up to 1 KiB are copied without a lock, others wait for another thread's
 *          change of one entry. */
int sc_cache_get(struct sc_cache *cache, struct sc_key key, void *buffer, size_t capacity,
	size_t *len);

/* Look `key` up and pin its value, without copying it.
 *
 * returns  SC_HIT with *value set; SC_MISS, SC_E_INVAL, SC_E_TOO_LARGE or SC_E_NOMEM with *value all
 *          zero.
 * owns     the caller holds the value: sc_value_release(). A pinned value keeps its place in the
 *          region, so hold it for an invocation, not for ever. While it is held 255 times, whoever
 *          comes on top of that gets a copy on the heap.
 * blocks   as sc_cache_get(). */
int sc_cache_acquire(struct sc_cache *cache, struct sc_key key, struct sc_value *value);

/* The same, but not a use: no hit or miss is counted, and neither the order in which entries are
 * evicted nor their time to idle changes. Everything else as sc_cache_acquire(). */
int sc_cache_peek(struct sc_cache *cache, struct sc_key key, struct sc_value *value);

/* Store a copy of `len` bytes under `key`, in the place of what was there.
 *
 * returns  SC_OK; SC_E_TOO_LARGE when it is larger than the cache, or a shard of it, can hold, or
 *          SC_E_NOMEM when pinned values leave no room: then what was there before is gone too, so that
 *          nobody reads a value that its writer believes replaced. SC_E_INVAL, SC_E_TOO_LARGE or
 *          SC_E_NOMEM for a bad key, as sc_cache_get(), with nothing changed.
 *          Something very large, for which much would have to go that is of more use, is SC_OK and evicted
 *          again at once.
 * owns     key and value are copied.
 * blocks   as sc_cache_get(). A load of this key that is under way will not be stored. */
int sc_cache_put(struct sc_cache *cache, struct sc_key key, const void *data, size_t len);

/* What goes with one value. A time of 0 is the cache's own. A negative time is "do not keep":
 * nothing is stored, what was there is removed, and the result is SC_OK. SC_NO_END is no end,
 * whatever the cache says. */
struct sc_put_options {
	size_t size;    /* sizeof(struct sc_put_options); SC_PUT_OPTIONS() fills it in */
	int64_t ttl_ms; /* time to live; see sc_ttl_until() for what ends at a date */
	int64_t tti_ms; /* time to idle */
	uint64_t cost;  /* of making it anew, in a unit of the caller's; 0: not known */
};

/* In C++ options.hpp has a class in the place of this macro. */
#ifndef __cplusplus
#define SC_PUT_OPTIONS(...)                                                                        \
	(&(const struct sc_put_options){ .size = sizeof(struct sc_put_options), __VA_ARGS__ })
#endif

/* The same with options, which may be NULL. SC_E_INVAL, with nothing changed, for options that this
 * version of the library does not know. */
int sc_cache_put_with(struct sc_cache *cache, struct sc_key key, const void *data, size_t len,
	const struct sc_put_options *options);

/* Something that is not bytes: a client, a parsed document. */
struct sc_object {
	void *pointer;                              /* not NULL */
	uint64_t weight;                            /* the bytes that it takes, about */
	void (*free)(void *pointer, void *context); /* may be NULL */
	void *context;
	uint64_t reserved[2]; /* 0 */
};

/* Store an object under `key`. What it weighs counts against max_bytes as if it were in the region.
 * sc_cache_acquire() and sc_cache_fetch() give it as value.data, with value.len 0; sc_cache_get() does
 * not.
 *
 * returns  as sc_cache_put_with(); SC_E_INVAL also for an object without a pointer.
 * owns     with SC_OK the cache: the object is freed once, when its entry is gone, for whatever reason,
 *          and nobody holds it any more; on the thread that let go last, with no lock held. With any
 *          other result the caller still owns it. */
int sc_cache_put_object(struct sc_cache *cache, struct sc_key key, const struct sc_object *object,
	const struct sc_put_options *options);

/* Remove `key`. A load of it that is under way still answers those who wait for it, and is not stored.
 *
 * returns  SC_HIT when there was something; SC_MISS; an error for a bad key, as sc_cache_get(). */
int sc_cache_invalidate(struct sc_cache *cache, struct sc_key key);

/* Remove everything; for the loads that are under way, as sc_cache_invalidate(). A divided cache is cleared
 * shard by shard: until the call returns, other threads may find one empty and the next not yet. */
void sc_cache_clear(struct sc_cache *cache);

/* ---- Loading what is missing ---- */

/* Look `key` up; when it is missing or expired, load it with the cache's own loader.
 *
 * One loader runs for a key at a time; other threads that want the key wait for its result, success
 * or failure, and get the same value. A failure is not stored. A value that cannot be stored (it is
 * too large, memory is out, it was invalidated meanwhile) is given to the caller all the same. A load
 * that is overtaken by a put, an invalidation or a clear answers only those who waited for it by then:
 * who comes later gets what was put, or loads anew.
 *
 * returns  SC_HIT or SC_LOADED with *value set; otherwise *value is all zero: SC_E_ABSENT when the
 *          loader found that there is no value (the next fetch asks again); SC_E_LOAD when the
 *          loader failed (`error` has its message, and its result in user_code); SC_E_CYCLE when a
 *          loader asks for a key that is being loaded by itself, or by one that waits for it;
 *          SC_E_DEADLINE when the invocation's deadline passed while waiting for another thread's
 *          load; SC_E_NOMEM; SC_E_INVAL when there is no loader; or an error for a bad key, as
 *          sc_cache_get().
 * owns     the caller holds the value: sc_value_release(). `error` may be NULL.
 * blocks   while the key is loaded.
 * threads  any. */
int sc_cache_fetch(struct sc_cache *cache, struct sc_key key, struct sc_value *value,
	struct sc_error *error);

/* What one fetch does in another way than the cache. Zero is the default everywhere. */
struct sc_fetch_options {
	size_t size;          /* sizeof(struct sc_fetch_options); SC_FETCH_OPTIONS() fills it in */
	sc_load_fn loader;    /* in place of the cache's own; NULL: that and its context */
	void *loader_context; /* given to this loader */
};

/* In C++ scopecache::cache::fetch() is in the place of this macro. */
#ifndef __cplusplus
#define SC_FETCH_OPTIONS(...)                                                                      \
	(&(const struct sc_fetch_options){ .size = sizeof(struct sc_fetch_options), __VA_ARGS__ })
#endif

/* The same with options, which may be NULL. Threads that fetch a key while it is loaded get the
 * result of that load, whichever loader they named. SC_E_INVAL also for options that this version
 * of the library does not know. */
int sc_cache_fetch_with(struct sc_cache *cache, struct sc_key key,
	const struct sc_fetch_options *options, struct sc_value *value, struct sc_error *error);

/* What a fetch of many found for one key. */
struct sc_fetch_result {
	int32_t outcome; /* what sc_cache_fetch() would have returned */
	int32_t unused;  /* 0 */
	struct sc_value value;
	struct sc_error error; /* of a failure; otherwise its code is 0, and its message empty */
	uint64_t reserved[2];  /* 0 */
};

/* Fetch `count` keys at once, with a result for each, as if each were fetched by itself; but all that
 * has to be loaded, and that no other thread is loading, is loaded by one call of the batch loader,
 * if the cache has one. The same key twice is loaded once. What other threads are loading is waited
 * for last, so two threads that fetch the same keys do not wait for each other in a circle.
 *
 * returns  how many of the keys have a value; SC_E_NOMEM, SC_E_INVAL when there is no loader or for
 *          options that this version of the library does not know, and then that is the outcome of
 *          all. `options` may be NULL; a loader that they name loads one by one.
 * owns     the caller holds the values: sc_fetch_results_release().
 * blocks   while the keys are loaded.
 * threads  any. */
int sc_cache_fetch_many(struct sc_cache *cache, const struct sc_key *keys, size_t count,
	const struct sc_fetch_options *options, struct sc_fetch_result *results);

/* Release all values. Results may be released again, or be all zero. Any thread. */
void sc_fetch_results_release(struct sc_fetch_result *results, size_t count);

/* Make a new value from the old one, atomically for its key: of updates and loads of one key only one
 * runs at a time, and the others wait; nothing that a put, an invalidation or a clear did meanwhile is
 * lost, because `update` is then called again with what there is by then. It is called with no lock
 * held, as a loader is and with the same means: sc_load_old() is the old value, and what it returns
 * means
 *
 *	0 after giving a value	store it, in the place of the old one
 *	0 without giving one	leave things as they are
 *	SC_E_ABSENT		remove what was there
 *	another failure		leave things as they are, and fail with SC_E_LOAD
 *
 * returns  SC_LOADED or SC_HIT with *value set, the new value or the old one that was left; otherwise
 *          *value is all zero: SC_E_ABSENT when there is no value now, or as sc_cache_fetch(). A new
 *          value that cannot be stored is given all the same, as by a fetch.
 * owns     the caller holds the value: sc_value_release(). `value` and `error` may be NULL.
 * blocks   while the key is updated or loaded.
 * threads  any. */
int sc_cache_update(struct sc_cache *cache, struct sc_key key, sc_load_fn update, void *context,
	struct sc_value *value, struct sc_error *error);

/* The value that an update begins with, held until the update returns; NULL when there is none, and
 * for a loader. */
const struct sc_value *sc_load_old(const struct sc_load *load);

/* The key, copied: the loader sees what the key is, and nothing else of the caller. A text
 * ends with a NUL that its len does not count. Valid until the loader returns. */
const struct sc_key *sc_load_key(const struct sc_load *load);

/* Part `index` as a text, or as a number; NULL or 0 when there is no such part or it is of another
 * type (a truth value is the number 0 or 1). */
const char *sc_load_text(const struct sc_load *load, size_t index);
int64_t sc_load_number(const struct sc_load *load, size_t index);

/* Give the value, copied; a later call replaces it. Returns 0, or SC_E_NOMEM with the value before it
 * still given. */
int sc_load_set_value(struct sc_load *load, const void *data, size_t len);

/* Give a value of `len` bytes by writing it into *data, aligned to 8 bytes, before the loader returns.
 * Returns 0; SC_E_NOMEM with *data NULL and the value before it still given. */
int sc_load_reserve(struct sc_load *load, size_t len, void **data);

/* This entry's time to live, and its time to idle, in milliseconds, as in struct sc_put_options:
 * 0 is the cache's own, negative is "do not keep", SC_NO_END is no end. Callers get the value in
 * any case. */
void sc_load_set_ttl_ms(struct sc_load *load, int64_t ttl_ms);
void sc_load_set_tti_ms(struct sc_load *load, int64_t tti_ms);

/* What it costs to make, as in struct sc_put_options, in place of the time that the load takes. */
void sc_load_set_cost(struct sc_load *load, uint64_t cost);

/* Give an object in place of a value. Returns 0, and the object is the cache's: it is freed also if the
 * loader fails after all. SC_E_INVAL or SC_E_NOMEM: it is still the loader's. */
int sc_load_set_object(struct sc_load *load, const struct sc_object *object);

/* Say what went wrong; returns `code`, so that a loader can end with `return sc_load_fail(...)`. In a
 * batch it says so of this load alone; with a code of SC_E_ABSENT, that there is no value. */
int sc_load_fail(struct sc_load *load, int code, const char *format, ...) SC_PRINTF_LIKE(3, 4);

/* Milliseconds until the deadline of the invocation that wants this value; SC_NO_DEADLINE if none. */
int64_t sc_load_remaining_ms(const struct sc_load *load);

/* ---- All keys ---- */

/* A way over the keys of a cache. */
struct sc_iterator;

/* Begin to go over the keys of a cache, which may change meanwhile in any way: a key that is there from
 * here to the end is given once, one that comes or goes meanwhile once or not at all. The order means
 * nothing.
 *
 * returns  0 with *iterator set; SC_E_NOMEM with it NULL.
 * owns     the caller: sc_iterator_close(), before the cache is closed. It takes two bytes for each
 *          entry that the cache may have.
 * blocks   other threads that change the cache while the index is read, about a millisecond for
 *          a million entries; of a divided cache, one shard after the other.
 * threads  any, one at a time. */
int sc_iterator_open(struct sc_iterator **iterator, struct sc_cache *cache);

/* The next key, of an entry that is not past its time. That is no use of it; sc_cache_peek() gives its
 * value, if it is still there.
 *
 * returns  SC_HIT with *key set, which is valid until the next call with this iterator; SC_MISS, at
 *          the end, or SC_E_NOMEM with *key NULL. After SC_E_NOMEM it may be called again; no key
 *          is lost.
 * blocks   as sc_cache_get(). */
int sc_iterator_next(struct sc_iterator *iterator, const struct sc_key **key);

/* NULL is allowed. */
void sc_iterator_close(struct sc_iterator *iterator);

/* ---- Upkeep ---- */

/* Change the bounds; 0 leaves one as it is. What does not fit any more is evicted, and the memory of the
 * region that is no longer used goes back to the system. Up to what a cache can grow is said when it is
 * opened (grow_entries, grow_bytes), because its index is made for that. A divided cache keeps its shards,
 * and each of them needs its part: an entry, and an index.
 *
 * returns  0; SC_E_INVAL with `error` (if not NULL) naming the least or the most, and nothing changed.
 *          Pinned values keep their place: while they are in the way, less memory is given back, and
 *          sc_cache_maintain() goes on with it.
 * blocks   other threads that change the cache, for as long as evicting and moving takes. */
int sc_cache_resize(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	struct sc_error *error);

/* Give back the space of entries that are past their time, and what a resize could not yet give back.
 * Never needed: no lookup finds an expired entry, and each put clears a little away. It is for when there
 * is time: after a freeze, between two invocations.
 *
 * returns  1 when the budget, in milliseconds, ended before the work did; 0 when nothing is left to do.
 *          Some is done even with a budget of 0.
 * blocks   as long as the budget says; other threads only for moments, but for the moving of what pinned
 *          values had kept a resize from. */
int sc_cache_maintain(struct sc_cache *cache, uint64_t budget_ms);

/* ---- Figures ---- */

/* The one table of figures: name, meaning. New rows are added at its end only. Counts go up from
 * open on; `entries` to `max_bytes` are levels. */
#define SC_CACHE_STATS_TABLE(X)                                                                    \
	X(hits, "lookups that found an entry")                                                     \
	X(misses, "lookups that did not")                                                          \
	X(expired, "of the misses, those that found an entry past its time")                       \
	X(loads, "loads that gave a value")                                                        \
	X(load_failures, "loads that failed")                                                      \
	X(load_waits, "fetches that waited for another thread's load")                             \
	X(puts, "values stored, loaded ones included")                                             \
	X(evictions, "entries that went to make room")                                             \
	X(invalidations, "entries removed by invalidate or clear")                                 \
	X(rejected, "values that could not be stored")                                             \
	X(reclaimed, "entries past their time whose space was taken back unasked")                 \
	X(forgotten, "entries that went because the index had no place")                           \
	X(moved_bytes, "bytes moved to bring free space together")                                 \
	X(entries, "entries now, expired ones that were not met yet included")                     \
	X(bytes, "bytes of the log taken now by entries, with their overhead, and of objects")     \
	X(pinned, "entries pinned now")                                                            \
	X(pinned_bytes, "bytes of the log that they take")                                         \
	X(max_entries, "the bound on entries; 0: none")                                            \
	X(max_bytes, "the bound on bytes")                                                         \
	X(load_absences, "loads that found that there is no value")

struct sc_cache_stats {
	size_t size; /* sizeof(struct sc_cache_stats), set by the caller */
#define SC_CACHE_STATS_FIELD(name, text) uint64_t name;
	SC_CACHE_STATS_TABLE(SC_CACHE_STATS_FIELD)
#undef SC_CACHE_STATS_FIELD
};

/* Read the figures, all at one moment. What a newer header has that this library does not know is 0.
 *
 * returns  0; SC_E_INVAL when stats->size was not set. */
int sc_cache_read_stats(struct sc_cache *cache, struct sc_cache_stats *stats);

/* ---- The life of the process ---- */

/* Bring cache time up to date for this thread. In an invocation cache time stands still, so that
 * a hit reads no clock. It goes on when the invocation begins, when a load of this thread ends,
 * and here. So an entry may be served after its end by at most
 *
 *	in an invocation	the time since the last of these three
 *	outside			a tick of the kernel, 1 to 10 ms: each lookup in a cache whose
 *				entries expire reads the coarse clocks
 *	with a clock of yours	0: each lookup calls it
 *
 * and by 10 ms more: the clocks may differ by that before it counts. Outside an invocation a freeze
 * is seen by the next lookup if CLOCK_MONOTONIC or the wall clock went on in it, and else when an
 * invocation begins, or here. Call this in a long invocation before a lookup that must not be
 * late. Any thread; it does not block. */
void sc_time_update(void);

/* Cache time now, for entries of your own that expire as those of a cache do: as late as
 * sc_time_update() says, and never early by more than 10 ms. Milliseconds since some moment; two of them
 * may be compared. It reads the coarse clocks, or, in an invocation, none: compare deadlines with it at
 * each lookup. Any thread; it does not block. */
int64_t sc_time_coarse_ms(void);

/* The hooks that tie the caches and resources of this process to a runtime (see hooks.h):
 *
 *	invocation_begin  cache time is brought up to date: CLOCK_MONOTONIC, and the time that the
 *			  process stood still, as far as any clock saw it. The deadline becomes that
 *			  of the fetches on this thread.
 *	invocation_end    the deadline is over.
 *	shutdown          resources are closed, the last opened first.
 *
 * Without a runtime, cache time is read from the clocks as it is needed. */
const struct sc_hooks *sc_cache_hooks(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
