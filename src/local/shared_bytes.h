/* Reference-counted bytes, so that a body with two readers is not copied. */
#ifndef SCI_LOCAL_SHARED_BYTES_H
#define SCI_LOCAL_SHARED_BYTES_H

#include "base/buffer.h"

/* The first owner fills it; immutable once there is a second. */
struct sci_shared_bytes {
	struct sci_buffer buffer;
	unsigned owners;
};

/* Empty, with one owner; NULL without memory. */
struct sci_shared_bytes *sci_shared_bytes_new(void);

/* Become an owner too; returns `bytes`. */
struct sci_shared_bytes *sci_shared_bytes_acquire(struct sci_shared_bytes *bytes);

/* Cease to be an owner; the last one frees. NULL is allowed. */
void sci_shared_bytes_release(struct sci_shared_bytes *bytes);

#endif
