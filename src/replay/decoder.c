/* Decompression by zlib, liblzma and libzstd. zlib's window is 32 KiB; the data chooses that of
 * liblzma and libzstd, up to 256 and 128 MiB. */
#include "replay/decoder.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define XZ_MEMORY_MAX (UINT64_C(256) << 20)

/* zlib's largest window, plus 16 for a gzip header. */
#define GZIP_WINDOW (15 + 16)

struct sci_decoder {
	enum sci_compression compression;
	bool between; /* members; nothing of another has been read */
	bool ended;   /* liblzma has seen the end of the last stream */
	z_stream gzip;
	lzma_stream xz;
	ZSTD_DStream *zstd;
};

static bool begins_with(const unsigned char *data, size_t len, const char *magic, size_t magic_len)
{
	return len >= magic_len && memcmp(data, magic, magic_len) == 0;
}

enum sci_compression sci_compression_of(const unsigned char *data, size_t len)
{
	/* RFC 1952: deflate is the only method, and the upper flags are not used. */
	if (begins_with(data, len, "\x1f\x8b\x08", 3) && (len < 4 || (data[3] & 0xE0) == 0))
		return SCI_COMPRESSION_GZIP;
	if (begins_with(data, len,
		    "\xfd"
		    "7zXZ\0",
		    6))
		return SCI_COMPRESSION_XZ;
	if (begins_with(data, len, "\x28\xb5\x2f\xfd", 4))
		return SCI_COMPRESSION_ZSTD;
	/* RFC 8878, 3.1.2: a skippable frame, which pzstd and seekable files begin with. */
	if (len >= 4 && (data[0] & 0xF0) == 0x50 && memcmp(data + 1, "\x2a\x4d\x18", 3) == 0)
		return SCI_COMPRESSION_ZSTD;
	return SCI_COMPRESSION_NONE;
}

struct sci_decoder *sci_decoder_open(enum sci_compression compression)
{
	struct sci_decoder *decoder = calloc(1, sizeof *decoder);
	bool ok = false;

	if (!decoder)
		return NULL;
	decoder->compression = compression;
	switch (compression) {
	case SCI_COMPRESSION_GZIP:
		ok = inflateInit2(&decoder->gzip, GZIP_WINDOW) == Z_OK;
		break;
	case SCI_COMPRESSION_XZ:
		ok = lzma_stream_decoder(&decoder->xz, XZ_MEMORY_MAX, LZMA_CONCATENATED) == LZMA_OK;
		break;
	case SCI_COMPRESSION_ZSTD:
		decoder->zstd = ZSTD_createDStream();
		ok = decoder->zstd;
		break;
	case SCI_COMPRESSION_NONE:
		break;
	}
	if (ok)
		return decoder;
	free(decoder);
	return NULL;
}

void sci_decoder_close(struct sci_decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->compression == SCI_COMPRESSION_GZIP)
		inflateEnd(&decoder->gzip);
	if (decoder->compression == SCI_COMPRESSION_XZ)
		lzma_end(&decoder->xz);
	ZSTD_freeDStream(decoder->zstd);
	free(decoder);
}

static const char *run_gzip(struct sci_decoder *decoder, struct sci_decoding *decoding)
{
	z_stream *gzip = &decoder->gzip;

	if (decoder->between && decoding->in_len > 0) {
		inflateReset(gzip);
		decoder->between = false;
	}
	gzip->next_in = (unsigned char *)(uintptr_t)decoding->in;
	gzip->avail_in = (uInt)decoding->in_len;
	gzip->next_out = decoding->out;
	gzip->avail_out = (uInt)decoding->out_len;
	int rc = decoder->between ? Z_OK : inflate(gzip, Z_NO_FLUSH);
	decoding->in = gzip->next_in;
	decoding->in_len = gzip->avail_in;
	decoding->out = gzip->next_out;
	decoding->out_len = gzip->avail_out;
	decoder->between |= rc == Z_STREAM_END;
	if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
		return NULL;
	return gzip->msg ? gzip->msg : zError(rc);
}

static const char *xz_failure(lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEM_ERROR:
		return "there is no memory for its dictionary";
	case LZMA_MEMLIMIT_ERROR:
		return "its dictionary is too large";
	case LZMA_FORMAT_ERROR:
		return "not the xz format";
	case LZMA_OPTIONS_ERROR:
		return "options that are not supported";
	default:
		return "the data does not agree with its checks";
	}
}

static const char *run_xz(struct sci_decoder *decoder, struct sci_decoding *decoding)
{
	lzma_stream *xz = &decoder->xz;

	if (decoder->ended)
		return NULL;
	xz->next_in = decoding->in;
	xz->avail_in = decoding->in_len;
	xz->next_out = decoding->out;
	xz->avail_out = decoding->out_len;
	lzma_ret rc = lzma_code(xz, decoding->in_ended ? LZMA_FINISH : LZMA_RUN);
	decoding->in = xz->next_in;
	decoding->in_len = xz->avail_in;
	decoding->out = xz->next_out;
	decoding->out_len = xz->avail_out;
	decoder->ended = rc == LZMA_STREAM_END;
	/* LZMA_BUF_ERROR: there was nothing to do; sci_decoder_may_end() tells whether that is the
	 * end. */
	return rc == LZMA_OK || rc == LZMA_STREAM_END || rc == LZMA_BUF_ERROR ? NULL
									      : xz_failure(rc);
}

static const char *run_zstd(struct sci_decoder *decoder, struct sci_decoding *decoding)
{
	ZSTD_inBuffer in = { decoding->in, decoding->in_len, 0 };
	ZSTD_outBuffer out = { decoding->out, decoding->out_len, 0 };

	/* libzstd has no output left between two frames. */
	if (decoder->between && in.size == 0)
		return NULL;
	size_t left = ZSTD_decompressStream(decoder->zstd, &out, &in);
	decoding->in += in.pos;
	decoding->in_len -= in.pos;
	decoding->out += out.pos;
	decoding->out_len -= out.pos;
	if (ZSTD_isError(left))
		return ZSTD_getErrorName(left);
	decoder->between = left == 0;
	return NULL;
}

const char *sci_decoder_run(struct sci_decoder *decoder, struct sci_decoding *decoding)
{
	switch (decoder->compression) {
	case SCI_COMPRESSION_GZIP:
		return run_gzip(decoder, decoding);
	case SCI_COMPRESSION_XZ:
		return run_xz(decoder, decoding);
	case SCI_COMPRESSION_ZSTD:
		return run_zstd(decoder, decoding);
	case SCI_COMPRESSION_NONE:
		break;
	}
	return NULL;
}

bool sci_decoder_may_end(const struct sci_decoder *decoder)
{
	return decoder->compression == SCI_COMPRESSION_XZ ? decoder->ended : decoder->between;
}
