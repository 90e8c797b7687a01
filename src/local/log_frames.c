/* An incremental parser, because bytes come in pieces of any size. A process may write anything to
 * the descriptor: from the first invalid header on, everything is text in lines, so nothing is lost
 * and no text is taken for a length. */
#include "local/log_frames.h"

#include <string.h>

#define MAGIC          0xA55AU
#define UNTIMED_TYPE   0xA55A0001U
#define UNTIMED_HEADER 8

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

void sci_log_frames_flush(struct sci_log_frames *frames)
{
	struct sci_buffer *text = &frames->text;

	if (text->len == 0)
		return;
	/* It fits: take_text() has reserved one byte more. */
	if (text->data[text->len - 1] != '\n')
		text->data[text->len++] = '\n';
	frames->event(frames->arg, text->data, text->len);
	text->len = 0;
}

static void take_text(struct sci_log_frames *frames, const char *data, size_t len)
{
	struct sci_buffer *text = &frames->text;

	while (len > 0) {
		size_t space = SCI_LOG_EVENT_MAX - text->len;
		size_t piece = len < space ? len : space;
		if (sci_buffer_reserve(text, piece + 1) == 0)
			sci_buffer_append(text, data, piece);
		if (text->len >= SCI_LOG_EVENT_MAX)
			sci_log_frames_flush(frames);
		data += piece;
		len -= piece;
	}
}

/* Text outside of frames: an event for each line. */
static void take_lines(struct sci_log_frames *frames, const char *data, size_t len)
{
	const char *newline;

	while (len > 0 && (newline = memchr(data, '\n', len))) {
		size_t line = (size_t)(newline - data) + 1;
		take_text(frames, data, line);
		sci_log_frames_flush(frames);
		data += line;
		len -= line;
	}
	take_text(frames, data, len);
}

/* Parse a header, once it has its type. Returns false when it is invalid. */
static bool parse_header(struct sci_log_frames *frames)
{
	uint32_t type = big_endian(frames->header);
	size_t wanted = type == UNTIMED_TYPE ? UNTIMED_HEADER : SCI_LOG_FRAME_HEADER_BYTES;

	if (type >> 16 != MAGIC)
		return false;
	if (frames->header_len < wanted)
		return true;
	frames->left = big_endian(frames->header + 4);
	frames->inside = frames->left > 0;
	frames->header_len = 0;
	return true;
}

/* Returns how many bytes were parsed. */
static size_t take_piece(struct sci_log_frames *frames, const char *data, size_t len)
{
	if (!frames->inside) {
		frames->header[frames->header_len++] = (unsigned char)*data;
		if (frames->header_len >= 4 && !parse_header(frames)) {
			frames->unframed = true;
			take_lines(frames, (const char *)frames->header, frames->header_len);
		}
		return 1;
	}
	size_t piece = len < frames->left ? len : frames->left;
	take_text(frames, data, piece);
	frames->left -= (uint32_t)piece;
	frames->inside = frames->left > 0;
	if (!frames->inside)
		sci_log_frames_flush(frames);
	return piece;
}

void sci_log_frames_put(struct sci_log_frames *frames, const char *data, size_t len)
{
	while (len > 0 && !frames->unframed) {
		size_t taken = take_piece(frames, data, len);
		data += taken;
		len -= taken;
	}
	take_lines(frames, data, len);
}

void sci_log_frames_fini(struct sci_log_frames *frames)
{
	sci_buffer_fini(&frames->text);
}
