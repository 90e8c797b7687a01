/* A deployed function: what its environments are started with, and its figures. */
#ifndef SCI_LOCAL_DEPLOYMENT_H
#define SCI_LOCAL_DEPLOYMENT_H

#include "local/function_name.h"
#include "local/lifetime.h"
#include "local/process_environ.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdint.h>

/* The account of AWS's Runtime Interface Emulator, so that code works with both. */
#define SCI_ACCOUNT_ID "012345678912"

struct sci_deployment {
	char name[SCI_NAME_MAX + 1];
	char *bootstrap; /* the file to run, absolute */
	char *directory; /* its folder */
	char *watched;   /* the file or folder that is watched for changes; or NULL */
	char *arn;
	struct sci_environ environment; /* without what differs between environments */
	int64_t timeout_ms, init_timeout_ms;
	struct sci_lifetimes lifetimes;
	int memory_mb;
	struct {
		uint64_t invocations, cold_starts, errors, timeouts, crashes, throttles;
	} figures;
};

struct sci_deployment_options {
	const char *name;
	const char *bootstrap; /* an executable file, or a folder with one named `bootstrap` */
	const char *const *environment; /* NAME=VALUE */
	size_t environment_count;
	int64_t timeout_ms, init_timeout_ms;
	struct sci_lifetimes lifetimes;
	int memory_mb;
	bool watch;
};

/* Check the options, and fill in `deployment`, which is all zero.
 *
 * returns  0; SC_E_INVAL with a message that names what is wrong and what to do; SC_E_NOMEM. Call
 *          sci_deployment_fini() after an error too. */
int sci_deployment_init(struct sci_deployment *deployment,
	const struct sci_deployment_options *options, struct sc_error *error);

void sci_deployment_fini(struct sci_deployment *deployment);

#endif
