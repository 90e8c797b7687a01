/* A server in the test's own event loop. It answers each request with the bytes and in the pieces
 * that the test chose, and then keeps, closes or resets the connection, or stays silent. */
#ifndef SCT_FAULT_SERVER_H
#define SCT_FAULT_SERVER_H

#include "invoke/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct sct_fault_server;

enum sct_fault_then {
	SCT_KEEP,   /* the connection stays open */
	SCT_CLOSE,  /* closed in an orderly way */
	SCT_RESET,  /* closed with a reset */
	SCT_UNREAD, /* answered and reset after the head, with the body unread */
};

struct sct_fault {
	const char *answer; /* NULL: nothing is answered */
	size_t len;         /* 0: strlen(answer) */
	bool one_byte_at_a_time;
	enum sct_fault_then then;
};

/* Chooses the fault for request `nth` (from 0, over all connections), given its head and body. */
typedef struct sct_fault sct_fault_fn(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg);

/* The same fault for each request: `arg` is the struct sct_fault. */
sct_fault_fn sct_fault_always;

struct sct_fault_server *sct_fault_server_open(struct event_base *base, sct_fault_fn *choose,
	void *arg, struct sci_address *address);
void sct_fault_server_close(struct sct_fault_server *server);

/* Close every connection that is open. */
void sct_fault_server_drop(struct sct_fault_server *server);

/* Connections accepted, and requests seen. */
uint64_t sct_fault_server_connections(const struct sct_fault_server *server);
uint64_t sct_fault_server_requests(const struct sct_fault_server *server);

#endif
