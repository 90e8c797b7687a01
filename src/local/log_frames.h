/* Log events in frames, as Lambda's runtime clients write them to the descriptor that
 * _LAMBDA_TELEMETRY_LOG_FD names. A frame may have several lines and is one event.
 *
 *	offset  0        4        8                 16
 *	        ┌────────┬────────┬─────────────────┬─────────────
 *	        │ type   │ length │ µs since 1970   │ length bytes      all integers big-endian
 *	        └────────┴────────┴─────────────────┴─────────────
 *
 * Types are 0xA55A0000 and a number that tells text or JSON, and the level; 0xA55A0001, of older
 * clients, has no time. */
#ifndef SCI_LOCAL_LOG_FRAMES_H
#define SCI_LOCAL_LOG_FRAMES_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer event is split into pieces of this size. */
#define SCI_LOG_EVENT_MAX (256 * 1024)

#define SCI_LOG_FRAME_HEADER_BYTES 16

/* At first all zero but `event` and `arg`. */
struct sci_log_frames {
	unsigned char header[SCI_LOG_FRAME_HEADER_BYTES];
	size_t header_len;
	uint32_t left; /* bytes of the event that are still to come */
	bool inside;   /* the header is complete, the event is not */
	bool unframed; /* an invalid header came: all from there on is text */
	struct sci_buffer text;

	/* Called with the text of an event, which ends in a newline. */
	void (*event)(void *arg, const char *text, size_t len);
	void *arg;
};

/* Parse the next bytes. Without memory only bytes of an event are lost. */
void sci_log_frames_put(struct sci_log_frames *frames, const char *data, size_t len);

/* Pass on an incomplete event. */
void sci_log_frames_flush(struct sci_log_frames *frames);

void sci_log_frames_fini(struct sci_log_frames *frames);

#endif
