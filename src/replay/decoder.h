/* Decompression as it comes: gzip, xz and zstd. */
#ifndef SCI_REPLAY_DECODER_H
#define SCI_REPLAY_DECODER_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes show what a file is compressed with. */
#define SCI_MAGIC_BYTES 8

enum sci_compression {
	SCI_COMPRESSION_NONE,
	SCI_COMPRESSION_GZIP,
	SCI_COMPRESSION_XZ,
	SCI_COMPRESSION_ZSTD
};

/* What a file that begins with these bytes is compressed with. */
enum sci_compression sci_compression_of(const unsigned char *data, size_t len);

struct sci_decoder;

/* Returns NULL without memory. */
struct sci_decoder *sci_decoder_open(enum sci_compression compression);

/* NULL is allowed. */
void sci_decoder_close(struct sci_decoder *decoder);

/* Bytes to decompress, and room for what comes of them; both are stepped over. */
struct sci_decoding {
	const unsigned char *in;
	size_t in_len;
	bool in_ended; /* nothing comes after these */
	unsigned char *out;
	size_t out_len;
};

/* Decompress as much as there is input and room for. Several members, streams or frames, one after
 * the other, are one file. Returns NULL, or what is wrong with the data. */
const char *sci_decoder_run(struct sci_decoder *decoder, struct sci_decoding *decoding);

/* True where the compressed data may end: between two members, streams or frames. */
bool sci_decoder_may_end(const struct sci_decoder *decoder);

#endif
