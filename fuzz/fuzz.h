/* The function that a fuzz target defines, which libFuzzer and replay.c call, and how it checks a
 * property. */
#ifndef SCF_FUZZ_H
#define SCF_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Run the code under test on one input. Returns 0; a fault ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `what` says what is wrong if the condition does not hold. */
static inline void check_that(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	abort();
}

#define check(condition) check_that(condition, "not " #condition)

#endif
