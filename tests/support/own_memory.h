/* Reading this process's own memory, to find what should not be there.
 *
 * A secret is a random text that the program keeps masked: it is in no memory unless the test
 * reveals it, and is wiped there when the test hides it. The code under test may keep copies; these
 * are found by /proc/self/mem, in whatever is mapped. */
#ifndef SCT_OWN_MEMORY_H
#define SCT_OWN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define SCT_SECRET_BYTES  64
#define SCT_SECRET_PIECES 6u

struct sct_secret {
	unsigned char masked[SCT_SECRET_BYTES];
};

/* Draw a random one. */
void sct_secret_draw(struct sct_secret *secret);

/* Write it to `plain`, over and over up to `len` bytes; and wipe it there. */
void sct_secret_reveal(const struct sct_secret *secret, void *plain, size_t len);
void sct_secret_hide(void *plain, size_t len);

/* Whether `plain` begins with it. */
bool sct_secret_is(const struct sct_secret *secret, const void *plain, size_t len);

/* How many pieces of it are in memory: 24 bytes each, from each eighth byte of it on, so six for
 * each copy. Smaller pieces are not counted, because what was in one or two registers may also be
 * on the stack, where the compiler saved it.
 *
 * Not read are mappings of more than 4 GiB, which are the shadows of sanitizers. */
size_t sct_secret_pieces(const struct sct_secret *secret);

/* Where the last such search found the first piece: a line of /proc/self/maps; "" for nowhere. */
const char *sct_secret_place(void);

/* Whether the mapping at this address has a flag in VmFlags (proc(5)). */
bool sct_mapping_has_flag(const void *address, const char *flag);

#endif
