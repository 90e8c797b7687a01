/* The count is not atomic: there is one thread. */
#include "local/shared_bytes.h"

#include <stdlib.h>

struct sci_shared_bytes *sci_shared_bytes_new(void)
{
	struct sci_shared_bytes *bytes = calloc(1, sizeof *bytes);

	if (bytes)
		bytes->owners = 1;
	return bytes;
}

struct sci_shared_bytes *sci_shared_bytes_acquire(struct sci_shared_bytes *bytes)
{
	bytes->owners++;
	return bytes;
}

void sci_shared_bytes_release(struct sci_shared_bytes *bytes)
{
	if (!bytes || --bytes->owners > 0)
		return;
	sci_buffer_fini(&bytes->buffer);
	free(bytes);
}
