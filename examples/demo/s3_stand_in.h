/* A stand-in for S3 on loopback: it answers ListBuckets, and counts. It is a process of its own, so
 * that its work does not delay the measurement. */
#ifndef DEMO_S3_STAND_IN_H
#define DEMO_S3_STAND_IN_H

#include <scopecache/error.h>

#include <stdint.h>
#include <sys/types.h>

struct s3_stand_in_counts {
	_Atomic uint64_t connections; /* accepted */
	_Atomic uint64_t requests;    /* answered, signed or not */
};

struct s3_stand_in {
	pid_t pid;
	uint16_t port;
	struct s3_stand_in_counts *counts; /* shared with the process */
};

/* Start it; when this returns, it accepts connections. It ends with its parent, or earlier. Call it
 * before the parent makes an event base. Returns 0 or SC_E_IO. */
int s3_stand_in_start(struct s3_stand_in *s3, struct sc_error *error);

/* End the process. Does nothing for one that is all zero. */
void s3_stand_in_stop(struct s3_stand_in *s3);

#endif
