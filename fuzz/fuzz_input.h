/* An input that is read byte by byte, for targets that need several values. */
#ifndef SCF_FUZZ_INPUT_H
#define SCF_FUZZ_INPUT_H

#include <stdint.h>

struct input {
	const uint8_t *at, *end;
};

/* The next byte; 0 after the end. */
static inline uint8_t next(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

#endif
