/* Cache servers: the driver sends a request on a Unix socket and waits for its answer, like a
 * function with one thread. The protocols differ only in the words around key and value, which are
 * in a table. A lost connection ends the process, because then nothing can be measured. */
#include "subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES 256

struct protocol {
	const char *get, *get_end;              /* around the key */
	const char *set, *set_middle, *set_end; /* around key and value */
	const char *stored, *missing;           /* answers */
	const char *found, *found_end;          /* around the value; an answer may repeat the key */
	bool found_repeats_key;
	const char *clear, *cleared;
};

struct connection {
	const struct protocol *protocol;
	int fd;
};

static const struct protocol memcached = {
	.get = "get ",
	.get_end = "\r\n",
	.set = "set ",
	.set_middle = " 0 0 64\r\n",
	.set_end = "\r\n",
	.stored = "STORED\r\n",
	.missing = "END\r\n",
	.found = " 0 64\r\n",
	.found_end = "\r\nEND\r\n",
	.found_repeats_key = true,
	.clear = "flush_all\r\n",
	.cleared = "OK\r\n",
};

static const struct protocol redis = {
	.get = "*2\r\n$3\r\nGET\r\n$16\r\n",
	.get_end = "\r\n",
	.set = "*3\r\n$3\r\nSET\r\n$16\r\n",
	.set_middle = "\r\n$64\r\n",
	.set_end = "\r\n",
	.stored = "+OK\r\n",
	.missing = "$-1\r\n",
	.found = "$64\r\n",
	.found_end = "\r\n",
	.clear = "*1\r\n$8\r\nFLUSHALL\r\n",
	.cleared = "+OK\r\n",
};

_Static_assert(BENCH_KEY_BYTES == 16 && BENCH_VALUE_BYTES == 64, "the protocols' words say so");

static void lost(const char *what)
{
	fprintf(stderr, "cache_driver: the server %s: %s\n", what,
		errno ? strerror(errno) : "unexpected answer");
	exit(1);
}

static size_t append(char *message, size_t len, const char *bytes, size_t count)
{
	memcpy(message + len, bytes, count);
	return len + count;
}

static size_t append_text(char *message, size_t len, const char *text)
{
	return append(message, len, text, strlen(text));
}

static void send_all(int fd, const char *message, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, message, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			lost("does not listen");
		message += sent;
		len -= (size_t)sent;
	}
}

/* Read until the answer has `wanted` bytes; it has `len` already. */
static size_t receive(int fd, char answer[MESSAGE_BYTES], size_t len, size_t wanted)
{
	while (len < wanted) {
		errno = 0;
		ssize_t received = recv(fd, answer + len, MESSAGE_BYTES - len, 0);
		if (received < 0 && errno == EINTR)
			continue;
		if (received <= 0)
			lost("does not answer");
		len += (size_t)received;
	}
	return len;
}

static void expect(int fd, const char *wanted)
{
	char answer[MESSAGE_BYTES];
	size_t len = receive(fd, answer, 0, strlen(wanted));

	if (len != strlen(wanted) || memcmp(answer, wanted, len) != 0)
		lost("refuses");
}

static bool server_get(void *cache, const char *key, char *value)
{
	const struct connection *connection = cache;
	const struct protocol *protocol = connection->protocol;
	char message[MESSAGE_BYTES];
	size_t missing_len = strlen(protocol->missing);

	size_t len = append_text(message, 0, protocol->get);
	len = append(message, len, key, BENCH_KEY_BYTES);
	len = append_text(message, len, protocol->get_end);
	send_all(connection->fd, message, len);

	len = receive(connection->fd, message, 0, missing_len);
	if (len == missing_len && memcmp(message, protocol->missing, len) == 0)
		return false;
	size_t value_at = strlen(protocol->found);
	if (protocol->found_repeats_key)
		value_at += strlen("VALUE ") + BENCH_KEY_BYTES;
	size_t all = value_at + BENCH_VALUE_BYTES + strlen(protocol->found_end);
	len = receive(connection->fd, message, len, all);
	if (len != all)
		lost("answers too much");
	memcpy(value, message + value_at, BENCH_VALUE_BYTES);
	return true;
}

static void server_put(void *cache, const char *key, const char *value)
{
	const struct connection *connection = cache;
	const struct protocol *protocol = connection->protocol;
	char message[MESSAGE_BYTES];

	size_t len = append_text(message, 0, protocol->set);
	len = append(message, len, key, BENCH_KEY_BYTES);
	len = append_text(message, len, protocol->set_middle);
	len = append(message, len, value, BENCH_VALUE_BYTES);
	len = append_text(message, len, protocol->set_end);
	send_all(connection->fd, message, len);
	expect(connection->fd, protocol->stored);
}

static void *server_open(const struct protocol *protocol, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection || !path || strlen(path) >= sizeof address.sun_path) {
		free(connection);
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	connection->protocol = protocol;
	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0 ||
		connect(connection->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		if (connection->fd >= 0)
			close(connection->fd);
		free(connection);
		return NULL;
	}
	send_all(connection->fd, protocol->clear, strlen(protocol->clear));
	expect(connection->fd, protocol->cleared);
	return connection;
}

static void server_close(void *cache)
{
	struct connection *connection = cache;

	close(connection->fd);
	free(connection);
}

/* A server's capacity is set when it starts. */
static void *memcached_open(const struct bench_capacity *capacity)
{
	return server_open(&memcached, capacity->socket);
}

static void *redis_open(const struct bench_capacity *capacity)
{
	return server_open(&redis, capacity->socket);
}

const struct bench_subject bench_memcached = { "memcached", BENCH_NOT_SHARED, memcached_open,
	server_close, server_get, server_put };
const struct bench_subject bench_redis = { "redis", BENCH_NOT_SHARED, redis_open, server_close,
	server_get, server_put };
