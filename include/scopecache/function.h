/* scopecache/function.h - the runtime and the caches together, for a Lambda function in C.
 *
 * SC_LAMBDA_MAIN() connects them: the caches learn when an invocation begins and when its deadline
 * is, and the resources are closed at an orderly shutdown of the environment. On Lambda a shutdown
 * is orderly if the environment variable SCOPECACHE_EXTENSION is set: see struct
 * sc_lambda_function. Link libscopecache-lambda and libscopecache (pkg-config scopecache-function).
 */
#ifndef SCOPECACHE_FUNCTION_H
#define SCOPECACHE_FUNCTION_H

#include <scopecache/cache.h>
#include <scopecache/key.h>
#include <scopecache/lambda.h>
#include <scopecache/memo.h>
#include <scopecache/resource.h>

#include <stdio.h>

/* Define main() for a function, in C and in C++. `init_` and `fini_` may be NULL, `handle_` may
 * not; see struct sc_lambda_function. On a failure main() writes its message to standard error and
 * returns 1. */
#define SC_LAMBDA_MAIN(init_, handle_, fini_)                                                      \
	int main(void)                                                                             \
	{                                                                                          \
		const struct sc_hooks *const hooks[] = { sc_cache_hooks(), NULL };                 \
		const struct sc_lambda_function function = { sizeof(struct sc_lambda_function),    \
			init_, handle_, fini_, hooks, sc_lambda_log_stderr, NULL, NULL };          \
		struct sc_error error;                                                             \
		const int rc = sc_lambda_run(&function, &error);                                   \
		if (rc < 0)                                                                        \
			fprintf(stderr, "[ERROR] %s\n", error.message);                            \
		return rc < 0;                                                                     \
	}

#endif
