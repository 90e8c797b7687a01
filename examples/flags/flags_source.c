/* The meter is opened for each request: beside the delay that takes no time, and it is mapped no
 * longer than it is used. */
#include "flags/flags_source.h"

#include "upstream/upstream_error.h"
#include "upstream/upstream_meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void wait_for_it(void)
{
	const char *delay = getenv("FLAGS_DELAY_MS");
	long ms = delay ? strtol(delay, NULL, 10) : 200;
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static int count(struct sc_error *error)
{
	struct upstream_meter *meter;
	int rc = upstream_meter_open(&meter, "FLAGS_METER", error);

	upstream_meter_add(meter, 1, 1);
	upstream_meter_close(meter);
	return rc;
}

int flags_read(char flags[FLAGS_BYTES_MAX], size_t *len, struct sc_error *error)
{
	const char *path = getenv("FLAGS_FILE");
	int rc = count(error);

	if (rc < 0)
		return rc;
	wait_for_it();
	FILE *file = fopen(path ? path : "flags.json", "re");
	if (!file)
		return upstream_fail(error, SC_E_IO, "the flags cannot be read: %s",
			strerror(errno));
	*len = fread(flags, 1, FLAGS_BYTES_MAX, file);
	if (ferror(file))
		rc = upstream_fail(error, SC_E_IO, "the flags cannot be read");
	else if (*len == FLAGS_BYTES_MAX && fgetc(file) != EOF)
		rc = upstream_fail(error, SC_E_TOO_LARGE, "the flags have more than %d bytes",
			FLAGS_BYTES_MAX);
	fclose(file);
	return rc;
}
