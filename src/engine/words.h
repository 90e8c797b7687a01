/* Memory that is read while it is written.
 *
 * Readers look into a shard without its lock, so whatever they may look at is written in whole words with
 * release order and read with acquire order: if a reader sees anything that a writer wrote, it also sees
 * that the shard's version is no longer what it was. On x86-64 these are ordinary moves.
 */
#ifndef SCI_ENGINE_WORDS_H
#define SCI_ENGINE_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Write one field or word. */
#define sci_write(at, value) atomic_store_explicit(at, value, memory_order_release)

/* Read one field or word that a writer may be writing. */
#define sci_read(at) atomic_load_explicit(at, memory_order_acquire)

typedef _Atomic uint64_t sci_word;

/* Bytes that are written one after the other into words; ends with sci_stream_end(). */
struct sci_stream {
	sci_word *to;
	uint64_t word;
	unsigned fill;
};

static inline void sci_stream_put(struct sci_stream *stream, const void *data, size_t len)
{
	const unsigned char *from = data;

	while (len > 0) {
		size_t n = sizeof stream->word - stream->fill;
		if (n > len)
			n = len;
		memcpy((unsigned char *)&stream->word + stream->fill, from, n);
		stream->fill += (unsigned)n;
		from += n;
		len -= n;
		if (stream->fill < sizeof stream->word)
			break;
		sci_write(stream->to++, stream->word);
		stream->word = 0;
		stream->fill = 0;
	}
}

static inline void sci_stream_end(struct sci_stream *stream)
{
	if (stream->fill > 0)
		sci_write(stream->to, stream->word);
}

/* Copy words down to where they may overlap themselves. */
static inline void sci_words_move_down(sci_word *to, const sci_word *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sci_write(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed));
}

/* Copy `len` bytes out of words. */
static inline void sci_words_copy_out(void *to, const sci_word *from, size_t len)
{
	unsigned char *byte = to;
	uint64_t word;

	for (; len >= sizeof word; len -= sizeof word, byte += sizeof word, from++) {
		word = sci_read(from);
		memcpy(byte, &word, sizeof word);
	}
	if (len > 0) {
		word = sci_read(from);
		memcpy(byte, &word, len);
	}
}

/* Up to eight bytes as a word, the rest of it zero. */
static inline uint64_t sci_word_of(const unsigned char *byte, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, byte, len < sizeof word ? len : sizeof word);
	return word;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of a word is its lowest");

/* Whether the `len` bytes at byte `offset` of the words are these. A shift joins the end of one word with
 * the beginning of the next. */
static inline bool sci_words_equal(const sci_word *words, size_t offset, const void *data,
	size_t len)
{
	const unsigned char *byte = data;
	unsigned shift = (unsigned)(offset % sizeof(uint64_t)) * 8;
	uint64_t differing = 0, next, word;

	if (len == 0)
		return true;
	words += offset / sizeof(uint64_t);
	next = sci_read(words);
	for (; len > sizeof word; len -= sizeof word, byte += sizeof word) {
		word = next >> shift;
		next = sci_read(++words);
		if (shift)
			word |= next << (64 - shift);
		differing |= word ^ sci_word_of(byte, sizeof word);
	}
	word = next >> shift;
	/* Only if the last bytes reach into it is there a word more. */
	if (shift / 8 + len > sizeof word)
		word |= sci_read(words + 1) << (64 - shift);
	if (len < sizeof word)
		word &= (UINT64_C(1) << len * 8) - 1;
	return (differing | (word ^ sci_word_of(byte, len))) == 0;
}

#endif
