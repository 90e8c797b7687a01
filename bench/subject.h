/* A subject of a benchmark: something that keeps values under keys, ours or a peer. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_KEY_BYTES   16
#define BENCH_VALUE_BYTES 64

struct bench_subject {
	const char *name;
	/* Room for so many entries; NULL when memory is out. */
	void *(*open)(uint64_t entries);
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

#endif
