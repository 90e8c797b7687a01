/* Counters of the work at an upstream, shared by all processes that use it.
 *
 * The modules that use the upstream count, not the examples. They count if an environment variable
 * names a file for the counters.
 */
#ifndef UPSTREAM_METER_H
#define UPSTREAM_METER_H

#include <scopecache/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The file is this struct, mapped by every process; counts only go up. */
struct upstream_meter {
	uint64_t opens;   /* connections opened */
	uint64_t queries; /* requests sent over them */
};

/* Map the file that the environment's `variable` names; create it if it is missing.
 *
 * returns  0 with *meter set, or NULL in it when the variable is not set or empty; SC_E_IO when the
 *          file cannot be used, with *meter NULL.
 * owns     the caller owns the meter: upstream_meter_close(), for which NULL is allowed. */
int upstream_meter_open(struct upstream_meter **meter, const char *variable,
	struct sc_error *error);
void upstream_meter_close(struct upstream_meter *meter);

/* Add to the counters; any thread, any process. Does nothing if `meter` is NULL. */
void upstream_meter_add(struct upstream_meter *meter, uint64_t opens, uint64_t queries);

/* Read the counters in the file at `path`. Returns 0, or SC_E_IO with *now unchanged. */
int upstream_meter_read(const char *path, struct upstream_meter *now, struct sc_error *error);

#ifdef __cplusplus
}
#endif

#endif
