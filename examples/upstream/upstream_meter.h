/* What really happens at an upstream, counted across all processes that use it.
 *
 * The examples do not count what they save: the modules that talk to the upstream do, when an
 * environment variable names a file to count in. Without it nothing is counted and nothing is paid.
 */
#ifndef UPSTREAM_METER_H
#define UPSTREAM_METER_H

#include <scopecache/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The file is this struct, mapped by everybody who counts; it only goes up. */
struct upstream_meter {
	uint64_t opens;   /* connections that were made */
	uint64_t queries; /* questions that were asked over them */
};

/* Map the file that the environment's `variable` names, made if need be.
 *
 * returns  0 with *meter set, or NULL in it when the variable is not set or empty; SC_E_IO when the
 *          file cannot be used, with *meter NULL.
 * owns     the caller owns the meter: upstream_meter_close(), for which NULL is allowed. */
int upstream_meter_open(struct upstream_meter **meter, const char *variable,
	struct sc_error *error);
void upstream_meter_close(struct upstream_meter *meter);

/* Add to the counts; any thread, any process. Does nothing when `meter` is NULL. */
void upstream_meter_add(struct upstream_meter *meter, uint64_t opens, uint64_t queries);

/* Read the counts in the file at `path`. Returns 0, or SC_E_IO with *now untouched. */
int upstream_meter_read(const char *path, struct upstream_meter *now, struct sc_error *error);

#ifdef __cplusplus
}
#endif

#endif
