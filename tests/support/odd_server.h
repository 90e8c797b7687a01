/* A server on its own thread that says whatever the test wants said, whether it is HTTP or not.
 *
 * What it answers to GETs and to POSTs are two lists of plays, each used up in order over whatever
 * connections come; so a request that is sent a second time, because the first was not answered,
 * gets the next play. It takes one connection at a time. It allocates nothing, and uses none of the
 * calls that support/network.h makes fail. */
#ifndef SCT_ODD_SERVER_H
#define SCT_ODD_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCT_ODD_REQUESTS_MAX 64
#define SCT_ODD_HEAD_MAX     2048
#define SCT_ODD_BODY_MAX     2048

enum sct_odd_end {
	SCT_ODD_KEEP,  /* the connection stays open */
	SCT_ODD_CLOSE, /* closed in order */
	SCT_ODD_RESET, /* closed with a reset */
	SCT_ODD_STALL, /* neither read from nor closed until the client closes it */
};

struct sct_odd_play {
	const char *bytes; /* NULL: nothing is answered */
	size_t len;        /* 0: strlen(bytes) */
	enum sct_odd_end then;
	unsigned times;  /* 0: once */
	bool in_bits;    /* each byte by itself */
	bool early;      /* answered when the head has come; the body is not read */
	bool terminates; /* the process gets SIGTERM first, on the server's thread */
};

/* What was asked for, cut where it is too long. Body bytes after an early answer are not seen. */
struct sct_odd_request {
	char head[SCT_ODD_HEAD_MAX];
	char body[SCT_ODD_BODY_MAX];
	size_t body_len;     /* all of it */
	unsigned connection; /* from 1 */
};

struct sct_odd_plays {
	const struct sct_odd_play *plays;
	size_t count, at;
	unsigned times;
};

struct sct_odd_server {
	/* Before the start. */
	struct sct_odd_plays gets, posts;
	pid_t terminate; /* the process that gets SIGTERM when a GET finds no play; 0: the GET is
			  * answered 404 */

	/* After the start: host:port, for sc_lambda_function.runtime_api and the like. */
	char address[32];

	/* After the stop. */
	struct sct_odd_request requests[SCT_ODD_REQUESTS_MAX];
	size_t request_count; /* never more than there is room for: then the test fails */
	unsigned connection_count;

	pthread_t thread;
	pthread_mutex_t lock; /* held while `client` changes or is shut down from outside */
	atomic_bool stopping;
	atomic_bool stalled; /* a play with SCT_ODD_STALL has come to its end */
	int listener, client;
	char in[65536];
	size_t in_from, in_len;
};

#define SCT_ODD_PLAYS(list)                                                                        \
	{                                                                                          \
		.plays = (list), .count = sizeof(list) / sizeof((list)[0])                         \
	}

/* A POST without a play is answered as Lambda does: 202. */
void sct_odd_server_start(struct sct_odd_server *server);
void sct_odd_server_stop(struct sct_odd_server *server);

/* A loopback address without a listener. */
void sct_dead_address(char address[32]);

#endif
