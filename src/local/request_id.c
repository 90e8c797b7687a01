/* Random bytes are fetched 256 at a time: an invocation needs three ids, and a system call for each
 * would take a tenth of the server's time for an invocation. */
#include "local/request_id.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint8_t pool[256];
static size_t used = sizeof pool;

static void random_bytes(uint8_t *out, size_t len)
{
	if (used + len > sizeof pool) {
		/* getrandom(2) promises up to 256 bytes at once when the generator is seeded, and
		 * blocks until then. */
		if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
			abort();
		used = 0;
	}
	memcpy(out, pool + used, len);
	used += len;
}

static char *put_hex(char *out, const uint8_t *bytes, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
	return out;
}

void sci_request_id(char out[SCI_REQUEST_ID_BYTES])
{
	static const size_t groups[] = { 4, 2, 2, 2, 6 };
	uint8_t bytes[16], *at = bytes;

	random_bytes(bytes, sizeof bytes);
	bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		if (i > 0)
			*out++ = '-';
		out = put_hex(out, at, groups[i]);
		at += groups[i];
	}
}

void sci_trace_id(char out[SCI_TRACE_ID_BYTES])
{
	char root[25], parent[17];
	uint8_t bytes[20];

	random_bytes(bytes, sizeof bytes);
	put_hex(root, bytes, 12);
	put_hex(parent, bytes + 12, 8);
	snprintf(out, SCI_TRACE_ID_BYTES, "Root=1-%08x-%s;Parent=%s;Sampled=0",
		(unsigned)(uint32_t)time(NULL), root, parent);
}

void sci_hex_id(char out[SCI_HEX_ID_BYTES])
{
	uint8_t bytes[16];

	random_bytes(bytes, sizeof bytes);
	put_hex(out, bytes, sizeof bytes);
}
