/* Streaming decompression of gzip, xz and zstd. */
#ifndef SCI_REPLAY_DECODER_H
#define SCI_REPLAY_DECODER_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes sci_compression_of() needs. */
#define SCI_MAGIC_BYTES 8

enum sci_compression {
	SCI_COMPRESSION_NONE,
	SCI_COMPRESSION_GZIP,
	SCI_COMPRESSION_XZ,
	SCI_COMPRESSION_ZSTD
};

/* The compression of a file that begins with these bytes. */
enum sci_compression sci_compression_of(const unsigned char *data, size_t len);

struct sci_decoder;

/* Returns NULL without memory. */
struct sci_decoder *sci_decoder_open(enum sci_compression compression);

/* NULL is allowed. */
void sci_decoder_close(struct sci_decoder *decoder);

/* The input and the space for the output; a run advances both. */
struct sci_decoding {
	const unsigned char *in;
	size_t in_len;
	bool in_ended; /* this is the last input */
	unsigned char *out;
	size_t out_len;
};

/* Decompress until the input is used up or the output is full. A file may consist of several
 * members, streams or frames. Returns NULL, or what is wrong with the data. */
const char *sci_decoder_run(struct sci_decoder *decoder, struct sci_decoding *decoding);

/* True where the compressed data may end: between two members, streams or frames. */
bool sci_decoder_may_end(const struct sci_decoder *decoder);

#endif
