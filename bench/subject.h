/* A subject of the benchmark: something that keeps values under keys, ours or a peer. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_KEY_BYTES   16
#define BENCH_VALUE_BYTES 64

/* What a cache is opened for. One of the two bounds is 0. */
struct bench_capacity {
	uint64_t entries;
	uint64_t bytes;
	uint64_t threads;   /* that will use it at once */
	const char *socket; /* where a server listens; NULL: there is none */
};

/* Which threads may use a handle at once; the others have one each. */
enum bench_sharing {
	BENCH_SHARED,            /* all */
	BENCH_SHARED_BY_READERS, /* those that get, as long as none puts */
	BENCH_NOT_SHARED,        /* one: it is a connection */
};

struct bench_subject {
	const char *name;
	enum bench_sharing sharing;
	/* NULL when memory is out or the server does not answer. */
	void *(*open)(const struct bench_capacity *capacity);
	void (*close)(void *cache);
	/* Copy the value of a key to `value`; false when it is not there. */
	bool (*get)(void *cache, const char key[BENCH_KEY_BYTES], char value[BENCH_VALUE_BYTES]);
	void (*put)(void *cache, const char key[BENCH_KEY_BYTES],
		const char value[BENCH_VALUE_BYTES]);
};

/* The limit: a flat hash table and a copy, without eviction, expiry or locks. */
extern const struct bench_subject bench_limit;
/* libscopecache through its public functions. */
extern const struct bench_subject bench_scopecache;
/* What many C programs have: GLib's hash table and a list in order of use, under a mutex. */
extern const struct bench_subject bench_glib;
/* A server each, in a process of its own, over a Unix socket. */
extern const struct bench_subject bench_memcached;
extern const struct bench_subject bench_redis;

#endif
