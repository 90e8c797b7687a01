/* What a fuzz target defines, and both libFuzzer and replay.c call. */
#ifndef SCF_FUZZ_H
#define SCF_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Feed one input to the code under test. Returns 0; what is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
