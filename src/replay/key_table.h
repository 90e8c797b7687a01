/* Keys as numbers: each new key gets the next number. */
#ifndef SCI_REPLAY_KEY_TABLE_H
#define SCI_REPLAY_KEY_TABLE_H

#include "base/buffer.h"
#include "base/hash.h"

#include <stdint.h>

/* All zero is an empty table. */
struct sci_key_table {
	uint64_t *slots; /* hash:32 over number + 1:32, or 0 */
	size_t slot_count;
	uint64_t *ends; /* the end of each number's key in `bytes` */
	size_t ends_capacity;
	struct sci_buffer bytes;
	uint32_t count;
	struct sci_hash_secret secret; /* random, chosen with the first key */
};

void sci_key_table_fini(struct sci_key_table *table);

/* The number of a key. Returns 0, or SC_E_NOMEM; there may be UINT32_MAX keys. */
int sci_key_table_number(struct sci_key_table *table, const void *key, size_t len,
	uint32_t *number);

#endif
