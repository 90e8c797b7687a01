/* Files and pipes are read in pieces to their end, up to a limit, because a file such as /dev/zero
 * has no end. */
#include "invoke/payload.h"

#include "base/error.h"
#include "base/json_syntax.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)64 * 1024)

static int read_all(struct sci_buffer *out, int fd, const char *name, struct sc_error *error)
{
	while (out->len <= SCI_PAYLOAD_MAX) {
		if (sci_buffer_reserve(out, PIECE_BYTES) < 0)
			return sci_error_set(error, SC_E_NOMEM, 0, "no memory for the payload");
		ssize_t got = read(fd, out->data + out->len, out->cap - out->len);
		if (got == 0)
			return 0;
		if (got > 0)
			out->len += (size_t)got;
		else if (errno != EINTR)
			return sci_error_set(error, SC_E_IO, errno,
				"cannot read the payload from %s", name);
	}
	return sci_error_set(error, SC_E_TOO_LARGE, 0, "the payload from %s is larger than %zu MiB",
		name, SCI_PAYLOAD_MAX >> 20);
}

int sci_payload_read(struct sci_buffer *payload, const char *argument, struct sc_error *error)
{
	if (strcmp(argument, "-") == 0)
		return read_all(payload, STDIN_FILENO, "standard input", error);
	if (argument[0] != '@') {
		if (sci_buffer_append(payload, argument, strlen(argument)) < 0)
			return sci_error_set(error, SC_E_NOMEM, 0, "no memory for the payload");
		return 0;
	}

	int fd = open(argument + 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sci_error_set(error, SC_E_IO, errno, "cannot open the payload %s",
			argument + 1);
	int rc = read_all(payload, fd, argument + 1, error);
	close(fd);
	return rc;
}

int sci_payload_check_json(const struct sci_buffer *payload, struct sc_error *error)
{
	const char *data = payload->len ? payload->data : "";
	size_t offset, line = 1, line_at = 0;

	int rc = sci_json_syntax(data, payload->len, &offset);
	if (rc == 0)
		return 0;
	for (size_t i = 0; i < offset; i++) {
		if (data[i] == '\n') {
			line++;
			line_at = i + 1;
		}
	}
	if (rc == SC_E_TOO_LARGE)
		return sci_error_set(error, SC_E_INVAL, 0,
			"the payload is nested more than %d deep: line %zu, column %zu",
			SCI_JSON_DEPTH, line, offset - line_at + 1);
	return sci_error_set(error, SC_E_INVAL, 0, "the payload is not JSON: line %zu, column %zu",
		line, offset - line_at + 1);
}
