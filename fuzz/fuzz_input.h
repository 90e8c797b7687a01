/* An input that is read byte by byte, for targets that need several values. */
#ifndef SCF_FUZZ_INPUT_H
#define SCF_FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	const uint8_t *at, *end;
};

/* The next byte; 0 after the end. */
static inline uint8_t next(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static inline void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	abort();
}

#endif
