/* The function that a fuzz target defines; libFuzzer and replay.c call it. */
#ifndef SCF_FUZZ_H
#define SCF_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Run the code under test on one input. Returns 0; a fault ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
