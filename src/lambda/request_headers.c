/* Host and User-Agent, and those of one request. */
#include "lambda/request_headers.h"

#include "http/http_request.h"

#include <scopecache/version.h>

static int write_headers(struct sci_buffer *head, const struct sci_request_header *headers,
	size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!headers[i].value)
			continue;
		int rc = sci_http_request_header(head, headers[i].name, headers[i].value);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int sci_request_headers(struct sci_buffer *head, const struct sci_http_address *address,
	const struct sci_request_header *own, size_t own_count)
{
	const struct sci_request_header common[] = {
		{ "Host", address->text },
		{ "User-Agent", "scopecache/" SC_VERSION_TEXT },
	};

	int rc = write_headers(head, common, sizeof common / sizeof common[0]);
	return rc < 0 ? rc : write_headers(head, own, own_count);
}
