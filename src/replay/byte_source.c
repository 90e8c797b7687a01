/* At most two buffers, one for the bytes read and one for the bytes decompressed, whatever the
 * size of the file. The decoder's own memory is bounded too (decoder.c). */
#include "replay/byte_source.h"

#include "base/error.h"
#include "replay/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (128u << 10)
#define NAME_BYTES  100

struct sci_source {
	int fd;
	bool ended; /* nothing more can be read */
	bool begun;
	uint64_t read_bytes, file_bytes;
	struct sci_decoder *decoder; /* NULL when it is not compressed */
	size_t at, len;              /* the first `at` of the `len` input bytes are used */
	bool more_out;               /* decompression filled the output: there may be more */
	char name[NAME_BYTES];
	unsigned char input[PIECE_BYTES], output[PIECE_BYTES];
};

/* The end of a long path is more useful than its beginning. */
static void set_name(struct sci_source *source, const char *path)
{
	size_t len = strlen(path), space = NAME_BYTES - 1;

	if (strcmp(path, "-") == 0)
		path = "standard input";
	if (len <= space) {
		snprintf(source->name, NAME_BYTES, "%s", path);
		return;
	}
	path += len - (space - 3);
	while (((unsigned char)*path & 0xC0) == 0x80)
		path++;
	snprintf(source->name, NAME_BYTES, "...%s", path);
}

static int open_file(struct sci_source *source, const char *path, struct sc_error *error)
{
	struct stat status;

	source->fd = STDIN_FILENO;
	if (strcmp(path, "-") != 0)
		source->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &status) < 0)
		return sci_error_set(error, SC_E_INVAL, errno, "cannot open %s", source->name);
	if (S_ISDIR(status.st_mode))
		return sci_error_set(error, SC_E_INVAL, EISDIR, "cannot read %s", source->name);
	if (S_ISREG(status.st_mode))
		source->file_bytes = (uint64_t)status.st_size;
	return 0;
}

int sci_source_open(struct sci_source **out, const char *path, struct sc_error *error)
{
	struct sci_source *source = calloc(1, sizeof *source);

	*out = NULL;
	if (!source)
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory to read %s", path);
	set_name(source, path);
	int rc = open_file(source, path, error);
	if (rc < 0) {
		sci_source_close(source);
		return rc;
	}
	*out = source;
	return 0;
}

void sci_source_close(struct sci_source *source)
{
	if (!source)
		return;
	sci_decoder_close(source->decoder);
	if (source->fd > STDIN_FILENO)
		close(source->fd);
	free(source);
}

const char *sci_source_name(const struct sci_source *source)
{
	return source->name;
}

void sci_source_position(const struct sci_source *source, uint64_t *done, uint64_t *total)
{
	*done = source->file_bytes > 0 ? source->read_bytes : 0;
	*total = source->file_bytes;
}

/* Read until there are `least` bytes or the file ends. */
static int fill(struct sci_source *source, size_t least, struct sc_error *error)
{
	size_t len = 0;

	while (len < least && !source->ended) {
		ssize_t got = read(source->fd, source->input + len, PIECE_BYTES - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sci_error_set(error, SC_E_IO, errno, "cannot read %s", source->name);
		source->ended = got == 0;
		len += (size_t)got;
	}
	source->read_bytes += len;
	source->at = 0;
	source->len = len;
	return 0;
}

static int begin(struct sci_source *source, struct sc_error *error)
{
	int rc = fill(source, SCI_MAGIC_BYTES, error);

	if (rc < 0)
		return rc;
	source->begun = true;
	enum sci_compression compression = sci_compression_of(source->input, source->len);
	if (compression == SCI_COMPRESSION_NONE)
		return 0;
	source->decoder = sci_decoder_open(compression);
	if (!source->decoder)
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory to decompress %s",
			source->name);
	return 0;
}

/* Return the bytes that were read, for a file that is not compressed. */
static int next_plain(struct sci_source *source, const unsigned char **data, size_t *len,
	struct sc_error *error)
{
	int rc = source->at < source->len ? 0 : fill(source, 1, error);

	*data = source->input + source->at;
	*len = source->len - source->at;
	source->at = source->len;
	return rc;
}

/* Decompress the available input, until it is used up or the output is full. */
static int decode(struct sci_source *source, size_t *out_len, struct sc_error *error)
{
	struct sci_decoding decoding = {
		.in = source->input + source->at,
		.in_len = source->len - source->at,
		.in_ended = source->ended,
		.out = source->output,
		.out_len = sizeof source->output,
	};
	const char *failure = sci_decoder_run(source->decoder, &decoding);

	source->at = source->len - decoding.in_len;
	source->more_out = decoding.out_len == 0;
	*out_len = sizeof source->output - decoding.out_len;
	if (!failure)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"%s: the compressed data is damaged near byte %llu: %s", source->name,
		(unsigned long long)(source->read_bytes - decoding.in_len), failure);
}

static int next_decompressed(struct sci_source *source, const unsigned char **data, size_t *len,
	struct sc_error *error)
{
	size_t out_len = 0;
	bool last = false;

	while (out_len == 0 && !last) {
		if (source->at == source->len && !source->more_out && !source->ended) {
			int rc = fill(source, 1, error);
			if (rc < 0)
				return rc;
		}
		/* At the end of the file a decoder may still have output, or an error. */
		last = source->ended && source->at == source->len && !source->more_out;
		int rc = decode(source, &out_len, error);
		if (rc < 0)
			return rc;
	}
	if (out_len == 0 && !sci_decoder_may_end(source->decoder))
		return sci_error_set(error, SC_E_INVAL, 0,
			"%s: the compressed data ends too soon, after byte %llu", source->name,
			(unsigned long long)source->read_bytes);
	*data = source->output;
	*len = out_len;
	return 0;
}

int sci_source_next(struct sci_source *source, const unsigned char **data, size_t *len,
	struct sc_error *error)
{
	int rc = source->begun ? 0 : begin(source, error);

	*len = 0;
	if (rc < 0)
		return rc;
	return source->decoder ? next_decompressed(source, data, len, error)
			       : next_plain(source, data, len, error);
}
