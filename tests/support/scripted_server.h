/* A server on its own thread that sends the replies of a script, whether they are HTTP or not.
 *
 * GETs and POSTs each have a list of replies, and so have those of the Extensions API; it is used
 * in order over all connections: a request that is sent again because it was not answered gets the
 * next reply. The server accepts one connection at a time, beside those that it has left. It
 * allocates nothing, and uses none of the calls that support/network.h makes fail. */
#ifndef SCT_SCRIPTED_SERVER_H
#define SCT_SCRIPTED_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCT_SERVER_REQUESTS_MAX 64
#define SCT_SERVER_HEAD_MAX     2048
#define SCT_SERVER_BODY_MAX     2048
#define SCT_SERVER_LEFT_MAX     8

enum sct_reply_end {
	SCT_THEN_KEEP,  /* the connection stays open */
	SCT_THEN_CLOSE, /* closed without a reset */
	SCT_THEN_RESET, /* closed with a reset */
	SCT_THEN_STALL, /* not read, and not closed before the client closes it */
	SCT_THEN_LEAVE, /* not read, and open until the stop; the next connection is accepted */
};

struct sct_reply {
	const char *bytes; /* NULL: no reply */
	size_t len;        /* 0: strlen(bytes) */
	enum sct_reply_end then;
	unsigned times;  /* 0: once */
	bool bytewise;   /* each byte is sent separately */
	bool early;      /* sent after the head of the request; the body is not read */
	bool terminates; /* the process gets SIGTERM first, on the server's thread */
};

/* A received request, truncated if it is too long. It has no body bytes after an early reply. */
struct sct_scripted_request {
	char head[SCT_SERVER_HEAD_MAX];
	char body[SCT_SERVER_BODY_MAX];
	size_t body_len;     /* of the whole body */
	unsigned connection; /* from 1 */
};

struct sct_reply_list {
	const struct sct_reply *replies;
	size_t count, at;
	unsigned times;
};

struct sct_scripted_server {
	/* Set before the start. */
	struct sct_reply_list gets, posts;
	/* To the Extensions API: POSTs of a registration, and GETs of an event. */
	struct sct_reply_list registrations, waits;
	pid_t terminate; /* the process that gets SIGTERM when a GET has no reply; 0: the GET gets
			  * a 404 */

	/* Valid after the start: host:port, as for sc_lambda_function.runtime_api. */
	char address[32];

	/* Valid after the stop. */
	struct sct_scripted_request requests[SCT_SERVER_REQUESTS_MAX];
	size_t request_count; /* at most SCT_SERVER_REQUESTS_MAX, or the test fails */
	unsigned connection_count;

	pthread_t thread;
	pthread_mutex_t lock; /* held while `client` changes or is shut down from outside */
	atomic_bool stopping;
	atomic_bool stalled; /* a reply with SCT_THEN_STALL has come to its end */
	int listener, client;
	int left[SCT_SERVER_LEFT_MAX]; /* connections with SCT_THEN_LEAVE */
	size_t left_count;
	char in[65536];
	size_t in_from, in_len;
};

#define SCT_REPLIES(list)                                                                          \
	{                                                                                          \
		.replies = (list), .count = sizeof(list) / sizeof((list)[0])                       \
	}

/* As by Lambda, a POST without a reply is answered 202, a registration without one gets the id
 * SCT_EXTENSION_ID, and a GET of an extension's event is left without an answer. */
#define SCT_EXTENSION_ID "01234567-89ab-4cde-8f01-23456789abcd"
void sct_scripted_server_start(struct sct_scripted_server *server);
void sct_scripted_server_stop(struct sct_scripted_server *server);

/* A loopback address without a listener. */
void sct_dead_address(char address[32]);

#endif
