/* A meter is a file of sixteen bytes that processes map as shared memory. They count at the same
 * time and may be killed at any moment, so a count is one atomic addition and nothing is written
 * back. A file of another size is not a meter, and is not changed. */
#include "upstream/upstream_meter.h"

#include "upstream/upstream_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Several processes may set the size of a new file at once, all to the same size. */
static int size_file(int fd, int flags)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	if (status.st_size == 0 && (flags & O_CREAT))
		return ftruncate(fd, sizeof(struct upstream_meter));
	if (status.st_size == sizeof(struct upstream_meter))
		return 0;
	errno = EINVAL;
	return -1;
}

/* NULL after filling in `error`. */
static struct upstream_meter *map_file(const char *path, int flags, struct sc_error *error)
{
	int protection = (flags & O_RDWR) ? PROT_READ | PROT_WRITE : PROT_READ;
	void *mapped = MAP_FAILED;

	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd >= 0 && size_file(fd, flags) == 0)
		mapped = mmap(NULL, sizeof(struct upstream_meter), protection, MAP_SHARED, fd, 0);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	if (mapped != MAP_FAILED)
		return mapped;
	upstream_fail(error, SC_E_IO, "cannot use %s as a meter: %s", path, strerror(saved));
	return NULL;
}

int upstream_meter_open(struct upstream_meter **meter, const char *variable, struct sc_error *error)
{
	const char *path = getenv(variable);

	*meter = NULL;
	if (!path || !*path)
		return 0;
	*meter = map_file(path, O_RDWR | O_CREAT, error);
	return *meter ? 0 : SC_E_IO;
}

void upstream_meter_close(struct upstream_meter *meter)
{
	if (meter)
		munmap(meter, sizeof *meter);
}

void upstream_meter_add(struct upstream_meter *meter, uint64_t opens, uint64_t queries)
{
	if (!meter)
		return;
	if (opens > 0)
		__atomic_fetch_add(&meter->opens, opens, __ATOMIC_RELAXED);
	if (queries > 0)
		__atomic_fetch_add(&meter->queries, queries, __ATOMIC_RELAXED);
}

int upstream_meter_read(const char *path, struct upstream_meter *now, struct sc_error *error)
{
	struct upstream_meter *meter = map_file(path, O_RDONLY, error);

	if (!meter)
		return SC_E_IO;
	now->opens = __atomic_load_n(&meter->opens, __ATOMIC_RELAXED);
	now->queries = __atomic_load_n(&meter->queries, __ATOMIC_RELAXED);
	upstream_meter_close(meter);
	return 0;
}
