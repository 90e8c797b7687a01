/* scopecache/cache.h - a bounded in-process cache.
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
 *	copied    the call makes its own copy before it returns (keys and values that are stored)
 *	pinned    valid and unchanged until released, even if the entry is evicted, replaced or
 *		  cleared, or the cache is closed
 *	borrowed  used during the call only (keys that are looked up)
 *
 * User code (a loader, a clock, a function that frees an object) is called with no lock held; the
 * functions of an allocator (process.h) are the one exception. User code may throw a C++ exception
 * (with glibc), be cancelled or end its thread: the library completes or undoes the call in
 * progress, then the exception or the exit continues. It must not leave by longjmp().
 */
#ifndef SCOPECACHE_CACHE_H
#define SCOPECACHE_CACHE_H

#include <scopecache/error.h>
#include <scopecache/hooks.h>
#include <scopecache/key.h>
#include <scopecache/load.h>
#include <scopecache/scope.h>
#include <scopecache/stats.h>
#include <scopecache/version.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sc_cache;

/* A clock that entries expire by: milliseconds from any start. It must never go back. */
struct sc_clock {
	int64_t (*now_ms)(void *context);
	void *context;
	void *reserved[2]; /* NULL */
};

/* A time to live, or to idle, that never ends. */
#define SC_NO_END INT64_MAX

/* Compute the time to live of a token that ends at `epoch_ms`, in milliseconds since 1970.
 *
 * returns  the milliseconds from now until then, on the wall clock; a negative number ("do not
 *          store") when it has ended. Never 0, which would mean the cache's default.
 * threads  any; does not block. */
int64_t sc_ttl_until(int64_t epoch_ms);

/* Eviction policies: which entries stay when the cache is full. */
enum sc_policy {
	/* Adapts to the requests: keeps what is used often, even during a scan of keys used once,
	 * and gives recently used entries as much of the cache as hits on them justify. */
	SC_POLICY_ADAPTIVE,
	/* Exact least recently used order, as in functools.lru_cache. */
	SC_POLICY_LRU
};

/* The table of options, in the order of the struct's fields. New rows are added at its end only, so
 * that a field never moves.
 *
 *	NUMBER(name, default, least, most, meaning)	a uint64_t
 *	TIME(name, meaning)				an int64_t in milliseconds: 0 to SC_NO_END
 *	POINTER(type, name, meaning)			default NULL */
#define SC_CACHE_OPTION_TABLE(NUMBER, TIME, POINTER)                                               \
	NUMBER(max_entries, 0, 0, UINT32_MAX, "most entries; 0: as many as max_bytes holds")       \
	NUMBER(max_bytes, 64 << 20, 16 << 10, INT64_C(1) << 34,                                    \
		"most bytes, of keys, values and all overhead together")                           \
	NUMBER(grow_entries, 0, 0, UINT32_MAX,                                                     \
		"the highest max_entries that a resize may set; 0: max_entries")                   \
	NUMBER(grow_bytes, 0, 0, INT64_C(1) << 34,                                                 \
		"the highest max_bytes that a resize may set; 0: max_bytes")                       \
	TIME(ttl_ms, "time to live of an entry; 0: no end")                                        \
	TIME(tti_ms, "time to idle: how long an entry lives after its last use; 0: no end")        \
	NUMBER(entry_bytes, 256, 1, 1 << 30,                                                       \
		"the usual size of key and value together; it sets the size of the index")         \
	NUMBER(policy, SC_POLICY_ADAPTIVE, SC_POLICY_ADAPTIVE, SC_POLICY_LRU,                      \
		"an enum sc_policy: which entries stay")                                           \
	NUMBER(load_time_is_cost, 0, 0, 1, "1: values that took long to load stay longer")         \
	NUMBER(concurrency, 1, 1, 1024,                                                            \
		"threads that change the cache at the same time; above 1 shards a large cache")    \
	POINTER(const struct sc_clock *, clock, "copied; NULL: cache time, see sc_cache_hooks()")  \
	POINTER(sc_load_fn, loader, "the loader of sc_cache_fetch(); NULL: none")                  \
	POINTER(void *, loader_context, "passed to the loader and to the batch loader")            \
	POINTER(sc_load_many_fn, batch_loader,                                                     \
		"the loader of sc_cache_fetch_many(); NULL: the loader, once for each key")        \
	TIME(stale_if_error_ms,                                                                    \
		"how long after its time to live a fetch may return a value when loads fail")      \
	TIME(stale_while_revalidate_ms,                                                            \
		"how long after its time to live a fetch returns a value at once, and lets it be " \
		"refreshed")                                                                       \
	TIME(refresh_after_ms,                                                                     \
		"how long after it was stored a fetch lets a value be refreshed; 0: not before "   \
		"it is stale")                                                                     \
	TIME(retry_after_ms,                                                                       \
		"after a load failed, how long no other of its key begins; doubles with each "     \
		"failure in a row, up to 32 times; 0: 1 s with one of the three above, else none") \
	TIME(negative_ttl_ms, "how long fetches remember that a loader found no value; 0: not")    \
	NUMBER(jitter_percent, 0, 0, 100,                                                          \
		"times to live are shorter by up to this part, each by another, so that entries "  \
		"stored together do not expire together")                                          \
	NUMBER(track_age, 0, 0, 1, "1: values have an age, a remaining time and a generation")     \
	TIME(load_timeout_ms,                                                                      \
		"how long a fetch waits for another thread's load, from its begin; its loader is " \
		"told, and nothing interrupts it; 0: until the invocation's deadline")             \
	NUMBER(shared, 0, 0, 1, "1: entries belong to no scope (scope.h)")                         \
	NUMBER(strict, 0, 0, 1,                                                                    \
		"1: refuse a thread without a scope from the start, and another tenant than the "  \
		"first")                                                                           \
	NUMBER(tags, 0, 0, 1, "1: entries may have tags, see sc_cache_invalidate_tag()")           \
	NUMBER(secret, 0, 0, 1,                                                                    \
		"1: keys and values stay out of core dumps, and are wiped when they go")

/* The options of a cache. Zero means the default; a pointer to options may be NULL.
 *
 * Set max_entries or max_bytes; if both are set, both hold. `max_bytes` is the size of the one
 * memory region that the cache maps. It contains all that the cache stores, with all overhead;
 * unused pages take no memory. With max_entries alone the default max_bytes still holds, so that a
 * few large values cannot fill the memory.
 *
 * The index has room for entries of `entry_bytes` on average and takes about 18 bytes for each. If
 * entries are much smaller, the index is full before the region is: then set entry_bytes.
 *
 * A `concurrency` above 1 divides a large cache into shards with a lock each: the next power of two
 * from four times concurrency, at most 32, as long as each shard keeps 1,024 of max_entries and 1
 * MiB of max_bytes. Then no value can be larger than a shard, and a shard may evict while another
 * has space. With the adaptive policy, threads that only get short values take no lock and need no
 * shards.
 *
 * A `secret` cache keeps its region out of core dumps and, if RLIMIT_MEMLOCK allows all of it, out
 * of swap (locked_bytes of the statistics), and wipes what goes: docs/cache.md, "Secrets". */
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

/* A pointer to options: SC_CACHE_OPTIONS(.ttl_ms = 60000). C++ has scopecache::cache_options. */
#ifndef __cplusplus
#define SC_CACHE_OPTIONS(...)                                                                      \
	(&(const struct sc_cache_options){ .size = sizeof(struct sc_cache_options), __VA_ARGS__ })
#endif

/* Open a cache.
 *
 * returns  0 with *cache set; SC_E_INVAL when an option is out of range, or SC_E_NOMEM when the
 *          region cannot be mapped, or not be kept out of core dumps as a secret cache asks, with
 *          *cache NULL and the cause in `error`, which may be NULL.
 * owns     the caller owns the cache: sc_cache_close().
 * blocks   no: it takes little more than one mmap(), however large the cache.
 * threads  any. */
int sc_cache_open(struct sc_cache **cache, const struct sc_cache_options *options,
	struct sc_error *error);

/* Close a cache; NULL is allowed.
 *
 * owns     pinned values stay valid; the memory is freed when the last of them is released.
 * blocks   while functions that free objects run, and for what sc_maintain() does with this cache
 *          on another thread.
 * threads  one, when no other call uses the cache; not a loader of the cache.
 * forks    fork() waits for changes in progress. The child has its own copy of the cache, which it
 *          may use or close. Values that other threads had pinned stay pinned there; loads of other
 *          threads do not exist there. A secret cache is empty there: only release its values. */
void sc_cache_close(struct sc_cache *cache);

/* A pinned value. `data` is aligned to 8 bytes; the `len` bytes at `data` do not change until the
 * value is released. A copy of the struct is the same pin, to be released once. */
struct sc_value {
	const void *data;
	size_t len;
	/* Set by a cache with track_age or another option of freshness, but jitter; otherwise 0.
	 * sc_cache_update() does not set them. */
	uint64_t generation;  /* of two values of a key the newer has the higher one */
	int64_t age_ms;       /* since it was loaded or put */
	int64_t remaining_ms; /* of its time to live; negative when it is stale; SC_NO_END */
	void *holder;         /* private */
	uint64_t hold;        /* private */
	uint64_t reserved[3]; /* 0 */
};

/* Release a value and set it to zero. A value that is all zero may be released.
 *
 * blocks   as sc_cache_get().
 * threads  any. */
void sc_value_release(struct sc_value *value);

/* Look up `key` and copy its value.
 *
 * returns  SC_HIT with *len bytes in `buffer`; SC_MISS; or an error. The buffer may be overwritten
 *          in any case.
 * errors   SC_E_TOO_LARGE when the value is longer than `capacity`, with *len its length;
 *          SC_E_INVAL, SC_E_TOO_LARGE (with *len 0) or SC_E_NOMEM for a key that is empty, too
 *          large, or cannot be encoded; SC_E_INVAL for an object, which cannot be copied.
 * blocks   rarely: values up to 1 KiB are copied without a lock, except with SC_POLICY_LRU, whose
 *          order each hit changes; for others the call waits while another thread changes the
 *          cache.
 * threads  any. */
int sc_cache_get(struct sc_cache *cache, struct sc_key key, void *buffer, size_t capacity,
	size_t *len);

/* Look up `key` and pin its value, without copying it.
 *
 * returns  SC_HIT with *value set; SC_MISS or an error as sc_cache_get(), with *value all zero.
 * owns     the caller owns the pin: sc_value_release(). A pinned value keeps its place in the
 *          region, so hold it for an invocation, not for the life of the process. Beyond 255 pins
 *          of one value, acquire returns a copy on the heap.
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_cache_acquire(struct sc_cache *cache, struct sc_key key, struct sc_value *value);

/* Look up `key` and pin its value, without counting as a use: it changes neither the hit and miss
 * counts nor the order of eviction nor the time to idle.
 *
 * returns  as sc_cache_acquire().
 * owns     the caller owns the pin: sc_value_release().
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_cache_peek(struct sc_cache *cache, struct sc_key key, struct sc_value *value);

/* Store a copy of `len` bytes under `key`, replacing an earlier value.
 *
 * returns  SC_OK; SC_E_TOO_LARGE when the value is larger than the cache (or its shard) can hold,
 *          or SC_E_NOMEM when pinned values leave no room: then the earlier value is removed too,
 *          so that no reader gets a value that the writer believes replaced. For a bad key,
 *          SC_E_INVAL, SC_E_TOO_LARGE or SC_E_NOMEM as sc_cache_get(), with nothing changed. A very
 *          large value may be evicted at once, to spare more useful entries: SC_OK.
 * owns     key and value are copied.
 * blocks   while another thread changes the cache. A load of this key in progress is not stored.
 * threads  any. */
int sc_cache_put(struct sc_cache *cache, struct sc_key key, const void *data, size_t len);

/* The options of one put. A time of 0 is the cache's default. A negative time means "do not store":
 * an earlier value is removed, and the result is SC_OK. SC_NO_END is no end. */
struct sc_put_options {
	size_t size;    /* sizeof(struct sc_put_options); SC_PUT_OPTIONS() fills it in */
	int64_t ttl_ms; /* time to live; see sc_ttl_until() for values that end at a date */
	int64_t tti_ms; /* time to idle */
	uint64_t cost;  /* of making the value again, in a unit of the caller's; 0: not known */
	/* For a cache that notes times ("Freshness" in docs/cache.md): these of the entry, where 0
	 * is the cache's and a negative time is none; and what the source calls this version of the
	 * value, as an ETag, a text of at most SC_VALIDATOR_BYTES_MAX bytes or NULL: copied. */
	int64_t refresh_after_ms;
	int64_t stale_while_revalidate_ms;
	int64_t stale_if_error_ms;
	const char *validator;
	const struct sc_context *context; /* whose scope it has (scope.h); NULL: the thread's */
	/* Tags, at most SC_TAGS_MAX, for a cache with .tags = 1; they are not kept as texts. */
	const char *const *tags;
	uint64_t tag_count;
};

/* A pointer to options: SC_PUT_OPTIONS(.ttl_ms = 5000). C++ has scopecache::put_options. */
#ifndef __cplusplus
#define SC_PUT_OPTIONS(...)                                                                        \
	(&(const struct sc_put_options){ .size = sizeof(struct sc_put_options), __VA_ARGS__ })
#endif

/* Store a value as sc_cache_put() does, with options, which may be NULL.
 *
 * returns  as sc_cache_put(); with nothing changed, SC_E_INVAL for options that this version of the
 *          library does not know, or for times or a validator in a cache that notes none, and
 *          SC_E_TOO_LARGE for a long validator.
 * owns     key and value are copied.
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_cache_put_with(struct sc_cache *cache, struct sc_key key, const void *data, size_t len,
	const struct sc_put_options *options);

/* An object: something that cannot be copied as bytes, such as a client or a parsed document. */
struct sc_object {
	void *pointer;                              /* not NULL */
	uint64_t weight;                            /* the bytes that it takes, about */
	void (*free)(void *pointer, void *context); /* may be NULL */
	void *context;
	uint64_t reserved[2]; /* 0 */
};

/* Store an object under `key`. Its weight counts against max_bytes as if it were in the region.
 * sc_cache_acquire() and sc_cache_fetch() return it as value.data, with value.len 0; sc_cache_get()
 * does not return objects.
 *
 * returns  as sc_cache_put_with(); SC_E_INVAL also for an object without a pointer.
 * owns     with SC_OK the cache owns the object. It is freed once: when its entry is gone, for any
 *          reason, and its last pin is released, on the thread that did the later of the two, with
 *          no lock held. With any other result the caller still owns it.
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_cache_put_object(struct sc_cache *cache, struct sc_key key, const struct sc_object *object,
	const struct sc_put_options *options);

/* Remove `key`. A load of it in progress still gives its value to its waiters, but is not stored.
 *
 * returns  SC_HIT when there was an entry; SC_MISS; an error for a bad key, as sc_cache_get().
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_cache_invalidate(struct sc_cache *cache, struct sc_key key);

/* Remove all entries; loads in progress are not stored, as after sc_cache_invalidate(). A sharded
 * cache is cleared shard by shard: until the call returns, another thread may find one shard empty
 * and the next one not.
 *
 * blocks   while another thread changes the cache.
 * threads  any. */
void sc_cache_clear(struct sc_cache *cache);

/* ---- Loading missing values ---- */

/* Look up `key`; if it is missing or expired, load its value with the cache's loader.
 *
 * For each key one loader runs at a time (single-flight): other threads that fetch the key wait for
 * it and get the same result, value or failure. Callers get the loaded value even if it cannot be
 * stored. A put, an invalidation or a clear during a load ends its sharing: a fetch that begins
 * later gets the value that was put, or starts a new load.
 *
 * Options of the cache change when it loads (docs/cache.md, "Freshness"): refresh_after_ms and
 * stale_while_revalidate_ms let a fetch return what is there, and have it loaded again when no
 * caller waits; stale_if_error_ms, retry_after_ms and negative_ttl_ms say what failed loads mean.
 * They concern fetches alone: get, acquire, peek and iteration find fresh values only.
 *
 * returns  SC_HIT or SC_LOADED with *value set; SC_STALE with *value set to one whose time to live
 *          is over, because it will be refreshed, or the load failed or is not due again; or an
 *          error, with *value all zero.
 * errors   SC_E_ABSENT when the loader found that there is no value; SC_E_REFUSED, see
 *          sc_cache_reject(); SC_E_LOAD when the loader
 *          failed, with its message in `error`, its result in error->user_code and what it said of
 *          the failure in error->kind and error->retry_after_ms; SC_E_CYCLE when a loader asks for
 *          the key that it is loading, or for one whose loader waits for it; SC_E_DEADLINE when the
 *          invocation's deadline or load_timeout_ms passed during a wait for another thread's load,
 *          and no stale value may be returned; SC_E_NOMEM;
 *          SC_E_INVAL when there is no loader; or an error for a bad key, as sc_cache_get().
 * owns     the caller owns the pin: sc_value_release(). `error` may be NULL.
 * blocks   while the key is loaded.
 * threads  any. */
int sc_cache_fetch(struct sc_cache *cache, struct sc_key key, struct sc_value *value,
	struct sc_error *error);

/* The options of one fetch. Zero is the default for every option. */
struct sc_fetch_options {
	size_t size;          /* sizeof(struct sc_fetch_options); SC_FETCH_OPTIONS() fills it in */
	sc_load_fn loader;    /* instead of the cache's; NULL: the cache's loader and context */
	void *loader_context; /* passed to this loader */
	int64_t max_age_ms;   /* load a value that is older; 0: any age. Needs track_age or
				 another option that lets the cache keep times */
	uint64_t force;       /* 1: load even if there is a value */
	int64_t load_timeout_ms;          /* 0: the cache's; SC_NO_END: none */
	const struct sc_context *context; /* whose scope, deadline and time it has (scope.h);
					     NULL: the thread's, in all three */
};

/* A pointer to options of a fetch. C++ has scopecache::cache::fetch(), which takes a loader. */
#ifndef __cplusplus
#define SC_FETCH_OPTIONS(...)                                                                      \
	(&(const struct sc_fetch_options){ .size = sizeof(struct sc_fetch_options), __VA_ARGS__ })
#endif

/* Fetch a value as sc_cache_fetch() does, with options, which may be NULL. A fetch during a load
 * gets the result of that load, whichever loader its options name.
 *
 * returns  as sc_cache_fetch(); SC_E_INVAL also for options that this library does not know.
 * owns     the caller owns the pin: sc_value_release(). `error` may be NULL.
 * blocks   while the key is loaded.
 * threads  any. */
int sc_cache_fetch_with(struct sc_cache *cache, struct sc_key key,
	const struct sc_fetch_options *options, struct sc_value *value, struct sc_error *error);

/* Say that the value of `key` was refused where it was used: a password, a token. It is removed, be
 * it fresh, and the next fetch loads, once for however many callers say so. If the source then
 * gives the same value again, fetches fail with SC_E_REFUSED until it gives another, and ask it no
 * sooner than retry_after_ms after the last time, or 1 s where that is 0; the wait doubles as after
 * failed loads. `generation` is that of the refused value: a report that comes late removes no
 * newer one.
 *
 * The cache keeps a keyed digest of the value, as long as that is not evicted. An object is
 * compared by its validator; one without counts as another each time.
 *
 * returns  SC_HIT when the value was removed; SC_MISS when there is none of this generation;
 *          SC_E_INVAL when the cache notes no generations (track_age), or an error for a bad key.
 * blocks   while another thread changes the cache.
 * threads  any. */
int sc_cache_reject(struct sc_cache *cache, struct sc_key key, uint64_t generation);

/* Invalidate all entries that have this tag, in a cache that was opened with .tags = 1. No lookup
 * finds them from then on, and what is being loaded with the tag is not stored. Tags share 1,024
 * slots: entries of another tag with the same slot are invalidated too. Their space is freed when a
 * lookup meets them, or they are evicted.
 *
 * returns  0; SC_E_INVAL for NULL or "", or a cache without tags.
 * blocks   no: it takes the same time however many entries there are.
 * threads  any. */
int sc_cache_invalidate_tag(struct sc_cache *cache, const char *tag);

/* The result of sc_cache_fetch_many() for one key. */
struct sc_fetch_result {
	int32_t outcome; /* the result that sc_cache_fetch() would have had */
	int32_t unused;  /* 0 */
	struct sc_value value;
	struct sc_error error; /* of a failure; otherwise its code is 0 and its message empty */
	uint64_t reserved[2];  /* 0 */
};

/* Fetch `count` keys at once, each with a result of its own, as if each were fetched alone. If the
 * cache has a batch loader, one call of it loads all missing keys that no other thread is loading;
 * a key that is given twice is loaded once, and the call waits for other threads' loads last, so
 * two threads that fetch the same keys cannot wait for each other in a cycle. Otherwise missing
 * keys are fetched one after another.
 *
 * returns  how many keys have a value; SC_E_NOMEM, SC_E_TOO_LARGE for more than 33,554,431 keys, or
 *          SC_E_INVAL when there is no loader or for options that this version of the library does
 *          not know: then that is the outcome of every key. `options` may be NULL; a loader in them
 *          is called once for each key.
 * owns     the caller owns the pins: sc_fetch_results_release().
 * blocks   while the keys are loaded.
 * threads  any. */
int sc_cache_fetch_many(struct sc_cache *cache, const struct sc_key *keys, size_t count,
	const struct sc_fetch_options *options, struct sc_fetch_result *results);

/* Release all values of a fetch of many. Results that are released or all zero may be released.
 *
 * blocks   as sc_value_release().
 * threads  any. */
void sc_fetch_results_release(struct sc_fetch_result *results, size_t count);

/* Replace the value of `key` with one computed from it, atomically. Of the updates and loads of one
 * key one runs at a time, and the others wait. If a put, an invalidation or a clear changes the
 * entry meanwhile, `update` is called again with the new state, so no change is lost. `update` is
 * called with no lock held and works as a loader does; sc_load_old() gives it the old value. Its
 * result means
 *
 *	0 after giving a value	store it in place of the old one
 *	0 without a value	leave the entry as it is
 *	SC_E_ABSENT		remove the entry
 *	another failure		leave the entry as it is, and fail with SC_E_LOAD
 *
 * returns  SC_LOADED with *value the new value, or SC_HIT with *value the old one; otherwise *value
 *          is all zero: SC_E_ABSENT when there is no value now, or an error as sc_cache_fetch().
 *          The caller gets the new value even if it cannot be stored, as from a fetch.
 * owns     the caller owns the pin: sc_value_release(). `value` and `error` may be NULL.
 * blocks   while the key is updated or loaded.
 * threads  any. */
int sc_cache_update(struct sc_cache *cache, struct sc_key key, sc_load_fn update, void *context,
	struct sc_value *value, struct sc_error *error);

/* ---- Iteration ---- */

/* An iterator over the keys of a cache. */
struct sc_iterator;

/* Open an iterator over the keys of a cache, which may change during the iteration. A key that is
 * present from open to end is given exactly once; a key that is added or removed meanwhile is given
 * once or not at all. The order has no meaning.
 *
 * returns  0 with *iterator set; SC_E_NOMEM with *iterator NULL.
 * owns     the caller owns the iterator: sc_iterator_close(), before the cache is closed. It takes
 *          two bytes for each entry that the cache has room for.
 * blocks   while it reads the index, it blocks other threads that change the cache: about a
 *          millisecond for a million entries; one shard at a time.
 * threads  any, one at a time. */
int sc_iterator_open(struct sc_iterator **iterator, struct sc_cache *cache);

/* Get the next key of an entry that is not expired. This is not a use of the entry. sc_cache_peek()
 * gets its value, if it is still there; it is not if a tag was invalidated since.
 *
 * returns  SC_HIT with *key set, valid until the next call with this iterator; SC_MISS at the end,
 *          or SC_E_NOMEM, with *key NULL. After SC_E_NOMEM call again; no key is lost.
 * blocks   while another thread changes the cache.
 * threads  any, one at a time. */
int sc_iterator_next(struct sc_iterator *iterator, const struct sc_key **key);

/* Close an iterator; NULL is allowed.
 *
 * threads  any; does not block. */
void sc_iterator_close(struct sc_iterator *iterator);

/* ---- Maintenance ---- */

/* Change the bounds; 0 leaves a bound as it is. Entries that no longer fit are evicted, and unused
 * memory of the region goes back to the system. The highest bounds are set at open, by grow_entries
 * and grow_bytes. A sharded cache keeps its shards, and each needs room for its index and an entry.
 *
 * returns  0; SC_E_INVAL, with nothing changed and the least or the most in `error`, which may be
 *          NULL. Pinned values keep their place: memory before one is not given back yet, and
 *          sc_cache_maintain() gives it back later.
 * blocks   other threads that change the cache, while it evicts and moves entries.
 * threads  any. */
int sc_cache_resize(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	struct sc_error *error);

/* Free the space of expired entries, and memory that a resize could not give back yet. This is
 * optional: no lookup finds an expired entry, and each put frees a few.
 *
 * returns  1 when the budget, in milliseconds, ended before the work did; 0 when nothing is left to
 *          do. Some work is done even with a budget of 0.
 * blocks   for the budget. Other threads wait only for short steps; but moving the entries that a
 *          resize left behind pinned values is one step.
 * threads  any. */
int sc_cache_maintain(struct sc_cache *cache, uint64_t budget_ms);

/* Do what is due in all caches of the process: first the refreshes that fetches have asked for (see
 * refresh_after_ms), in their order, on this thread; then what sc_cache_maintain() does. A refresh
 * that usually takes longer than what is left of the budget does not begin.
 *
 * The hooks of sc_cache_hooks() run refreshes after the answer of each invocation, before the
 * runtime asks for the next event: see sc_process_set_refresh_budget_ms(). A program without them
 * calls this, now and then or on a thread of its own.
 *
 * returns  1 when something is left to do; 0 when not.
 * blocks   for the budget, in milliseconds, and for as long as the last loader takes longer than
 *          usual.
 * threads  any. */
int sc_maintain(uint64_t budget_ms);

/* ---- The life of the process ---- */

/* Update cache time for this thread. During an invocation cache time stands still, so that a hit
 * reads no clock. It is updated when the invocation begins, when a load on this thread ends, and by
 * this call. An expired entry may be served late, by at most
 *
 *	in an invocation	the time since the last of these updates
 *	outside			a tick of the kernel, 1 to 10 ms: a lookup reads the coarse clocks
 *	with a user's clock	0: each lookup calls it
 *
 * and by up to 20 ms more, because small differences of the clocks are ignored
 * (docs/semantics.md). A freeze outside an invocation is seen by the next lookup if
 * CLOCK_MONOTONIC or the wall clock counted it, else by the next invocation or this call. Call
 * this before a lookup that must not be late.
 *
 * threads  any; does not block. */
void sc_time_update(void);

/* Read cache time, for entries of your own that expire as those of a cache do. It is as late as
 * sc_time_update() says, and early by at most 10 ms. It reads the coarse clocks, or no clock in an
 * invocation: compare deadlines with it at each lookup.
 *
 * returns  milliseconds from any start; two results may be compared.
 * threads  any; does not block. */
int64_t sc_time_coarse_ms(void);

/* Get the hooks that connect the caches and resources of this process to a runtime (hooks.h):
 *
 *	invocation_begin  updates cache time: CLOCK_MONOTONIC, and the time that the process was
 *			  frozen, as far as any clock counted it. The invocation's deadline becomes
 *			  that of the fetches on this thread.
 *	invocation_end    runs refreshes (sc_maintain()), wipes what has expired in secret caches,
 *			  and ends the deadline.
 *	shutdown          closes the resources, the last opened first, and clears secret caches.
 *
 * Without a runtime, cache time is read from the clocks when it is needed.
 *
 * returns  the hooks, static and never NULL.
 * threads  any; does not block. */
const struct sc_hooks *sc_cache_hooks(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
