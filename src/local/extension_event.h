/* The events of the Extensions API. */
#ifndef SCI_LOCAL_EXTENSION_EVENT_H
#define SCI_LOCAL_EXTENSION_EVENT_H

#include <stdint.h>

struct sci_call;
struct sci_shared_bytes;

/* INVOKE: what an extension is told of an invocation, which has neither the payload nor the tenant.
 * Returns bytes with one owner, the caller; NULL without memory. */
struct sci_shared_bytes *sci_extension_invoke_event(const struct sci_call *call,
	int64_t deadline_ms);

#endif
