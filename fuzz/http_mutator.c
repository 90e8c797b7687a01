/* Mutations that keep a request valid more often than mutations of bytes: insert a header line,
 * repeat a line, or repeat a byte until it exceeds a buffer. libFuzzer calls this instead of its
 * own mutator, which still does a quarter of the mutations. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX 30000

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static const char *const lines[] = {
	"Content-Length: 2\r\n",
	"Content-Length: 4294967298\r\n",
	"Content-Length : 0\r\n",
	"Transfer-Encoding: chunked\r\n",
	"Transfer-Encoding: gzip, chunked\r\n",
	"Expect: 100-continue\r\n",
	"Connection: close\r\n",
	"Connection: keep-alive\r\n",
	"Origin: null\r\n",
	"Host: localhost\r\n",
	"Trailer: X\r\n",
	"X: y\r\n",
	" folded\r\n",
	"0\r\n\r\n",
	"5;x=y\r\n",
	"ffffffffffffffff\r\n",
	"\r\n",
	"GET /ping HTTP/1.1\r\n",
	"POST /ping HTTP/1.0\r\n",
	"POST /2020-01-01/extension/register HTTP/1.1\r\n",
	"GET /2020-01-01/extension/event/next HTTP/1.1\r\n",
	"POST /2020-01-01/extension/init/error HTTP/1.1\r\n",
	"POST /2020-01-01/extension/exit/error HTTP/1.1\r\n",
	"Lambda-Extension-Name: a\r\n",
	"Lambda-Extension-Name: b\r\n",
	"Lambda-Extension-Accept-Feature: accountId\r\n",
	"Lambda-Extension-Identifier: 00000000-0000-4000-8000-000000000000\r\n",
	"Lambda-Extension-Identifier: 00000000-0000-4000-8000-000000000001\r\n",
	"Lambda-Extension-Function-Error-Type: A.B\r\n",
	"{\"events\":[\"INVOKE\"]}",
};

/* Insert `len` bytes at `at`, or as many as fit. */
static size_t put_in(uint8_t *data, size_t size, size_t max_size, size_t at, const void *bytes,
	size_t len)
{
	if (len > max_size - size)
		return size;
	memmove(data + at + len, data + at, size - at);
	memcpy(data + at, bytes, len);
	return size + len;
}

/* The start of the line that contains the byte at `at`. */
static size_t line_start(const uint8_t *data, size_t at)
{
	while (at > 1 && data[at - 1] != '\n')
		at--;
	return at;
}

static size_t repeat_line(uint8_t *data, size_t size, size_t max_size, size_t at)
{
	char line[1024];
	size_t start = line_start(data, at), end = at;

	while (end < size && data[end] != '\n')
		end++;
	size_t len = end - start + (end < size);
	if (len > sizeof line)
		return size;
	memcpy(line, data + start, len);
	return put_in(data, size, max_size, start, line, len);
}

static size_t repeat_byte(uint8_t *data, size_t size, size_t max_size, size_t at, size_t times)
{
	if (times > max_size - size)
		times = max_size - size;
	memmove(data + at + times, data + at, size - at);
	memset(data + at, data[at + times], times);
	return size + times;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	if (size < 2 || size >= max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	size_t at = 1 + (seed >> 8) % (size - 1);
	const char *line = lines[(seed >> 4) % (sizeof lines / sizeof *lines)];

	switch (seed % 4) {
	case 0:
		return put_in(data, size, max_size, line_start(data, at), line, strlen(line));
	case 1:
		return repeat_line(data, size, max_size, at);
	case 2:
		return repeat_byte(data, size, max_size, at, (seed >> 2) % REPEAT_MAX);
	default:
		return LLVMFuzzerMutate(data, size, max_size);
	}
}
