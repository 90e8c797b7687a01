/* A seeded 64-bit hash of bytes, for tables whose keys may come from an enemy. */
#ifndef SCI_BASE_HASH_H
#define SCI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Without the seed nobody can choose keys that meet. All bits of the result are of use. */
uint64_t sci_hash(const void *data, size_t len, uint64_t seed);

/* A seed from the system's random numbers, different for every process and call. */
uint64_t sci_hash_seed(void);

#endif
