/* A subject of the benchmark: a store of values under keys, scopecache or a peer. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_KEY_BYTES   16
#define BENCH_VALUE_BYTES 64

/* The capacity to open a cache with. One of the two bounds is 0. */
struct bench_capacity {
	uint64_t entries;
	uint64_t bytes;
	uint64_t threads;   /* that will use the cache at the same time */
	const char *socket; /* the address of a server; NULL: none */
};

/* Which threads may share a handle; others need one each. */
enum bench_sharing {
	BENCH_SHARED,            /* all */
	BENCH_SHARED_BY_READERS, /* only threads that get, while none puts */
	BENCH_NOT_SHARED,        /* one: it is a connection */
};

struct bench_subject {
	const char *name;
	enum bench_sharing sharing;
	/* Returns NULL without memory, or if the server does not answer. */
	void *(*open)(const struct bench_capacity *capacity);
	void (*close)(void *cache);
	/* Copy the value of a key to `value`; false when it is not there. */
	bool (*get)(void *cache, const char key[BENCH_KEY_BYTES], char value[BENCH_VALUE_BYTES]);
	void (*put)(void *cache, const char key[BENCH_KEY_BYTES],
		const char value[BENCH_VALUE_BYTES]);
};

/* The lower limit of the time: a flat hash table and a copy, without eviction, expiry or locks. */
extern const struct bench_subject bench_limit;
/* libscopecache through its public functions. */
extern const struct bench_subject bench_scopecache;
/* A common design in C: GLib's hash table and a list in the order of use, with a mutex. */
extern const struct bench_subject bench_glib;
/* Servers, each in its own process, over a Unix socket. */
extern const struct bench_subject bench_memcached;
extern const struct bench_subject bench_redis;

#endif
