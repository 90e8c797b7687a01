/* scopecache/function.h - everything that a Lambda function in C keeps warm state with.
 *
 * The runtime and the caches, tied together: caches learn when an invocation begins and how long it
 * may take, and resources are closed in order when the environment is shut down in order. Link
 * libscopecache-lambda and libscopecache (pkg-config scopecache-function).
 */
#ifndef SCOPECACHE_FUNCTION_H
#define SCOPECACHE_FUNCTION_H

#include <scopecache/cache.h>
#include <scopecache/key.h>
#include <scopecache/lambda.h>
#include <scopecache/memo.h>
#include <scopecache/resource.h>

#include <stdio.h>

/* Defines main() for a function, in C and in C++: `init_` and `fini_` may be NULL, `handle_` may not; see
 * struct sc_lambda_function. What goes wrong is written to standard error, and makes the exit status 1. */
#define SC_LAMBDA_MAIN(init_, handle_, fini_)                                                      \
	int main(void)                                                                             \
	{                                                                                          \
		const struct sc_hooks *const hooks[] = { sc_cache_hooks(), NULL };                 \
		const struct sc_lambda_function function = { sizeof(struct sc_lambda_function),    \
			init_, handle_, fini_, hooks, sc_lambda_log_stderr, NULL };                \
		struct sc_error error;                                                             \
		const int rc = sc_lambda_run(&function, &error);                                   \
		if (rc < 0)                                                                        \
			fprintf(stderr, "[ERROR] %s\n", error.message);                            \
		return rc < 0;                                                                     \
	}

#endif
