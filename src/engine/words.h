/* Memory that is read while it is written: the words of a seqlock (H.-J. Boehm, "Can seqlocks get
 * along with programming language memory models?", 2012).
 *
 * Readers read a shard without its lock, so all they may read is written in whole words with
 * release order and read with acquire order: a reader that sees anything that a writer wrote also
 * sees that the sequence has changed. On x86-64 these are plain moves. */
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

/* Branch hint: almost always true. */
#define sci_is_likely(condition) __builtin_expect(condition, 1)

/* Up to eight bytes as a word, padded with zeros. No call of memcpy(): keys are short. */
static inline uint64_t sci_word_of(const unsigned char *byte, size_t len)
{
	uint64_t word = 0;
	uint32_t half;

	if (sci_is_likely(len >= sizeof word)) {
		memcpy(&word, byte, sizeof word);
		return word;
	}
	if (len >= sizeof half) {
		memcpy(&half, byte + len - sizeof half, sizeof half);
		word = (uint64_t)half << (len - sizeof half) * 8;
		memcpy(&half, byte, sizeof half);
		return word | half;
	}
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)byte[i] << i * 8;
	return word;
}

static inline void sci_word_copy_in(sci_word *to, const unsigned char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof word);
	sci_write(to, word);
}

#define SCI_BLOCK_BYTES 64u

/* Copy `len` bytes into words; the last is padded with zeros. */
static inline void sci_words_copy_in(sci_word *to, const void *from, size_t len)
{
	const unsigned char *byte = from;

	for (size_t blocks = len / SCI_BLOCK_BYTES; blocks > 0; blocks--)
#pragma GCC unroll 8
		for (unsigned i = 0; i < SCI_BLOCK_BYTES; i += sizeof *to, byte += sizeof *to)
			sci_word_copy_in(to++, byte);
	for (len %= SCI_BLOCK_BYTES; len >= sizeof *to; len -= sizeof *to, byte += sizeof *to)
		sci_word_copy_in(to++, byte);
	if (len > 0)
		sci_write(to, sci_word_of(byte, len));
}

/* Copy words down, where source and target may overlap. */
static inline void sci_words_move_down(sci_word *to, const sci_word *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sci_write(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed));
}

/* Overwrite words with zeros. A reader may read them meanwhile, as when they are written. */
static inline void sci_words_wipe(sci_word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sci_write(&words[i], 0);
}

/* Copy one word out. */
static inline void sci_word_copy_out(unsigned char *to, const sci_word *from)
{
	uint64_t word = sci_read(from);

	memcpy(to, &word, sizeof word);
}

/* Copy `count` words out, a compile-time constant. */
static inline void sci_words_copy_some(unsigned char *to, const sci_word *from, unsigned count)
{
#pragma GCC unroll 4
	for (unsigned i = 0; i < count; i++)
		sci_word_copy_out(to + i * sizeof *from, &from[i]);
}

/* Copy the last bytes out, less than a block, by the bits of their number. */
static inline __attribute__((always_inline)) void sci_words_copy_rest(unsigned char *to,
	const sci_word *from, size_t len)
{
	if (len & 32) {
		sci_words_copy_some(to, from, 4);
		to += 32, from += 4;
	}
	if (len & 16) {
		sci_words_copy_some(to, from, 2);
		to += 16, from += 2;
	}
	if (len & 8) {
		sci_words_copy_some(to, from, 1);
		to += 8, from += 1;
	}
	if (len % sizeof *from == 0)
		return;
	uint64_t word = sci_read(from);
	if (len & 4) {
		memcpy(to, &word, 4);
		to += 4, word >>= 32;
	}
	if (len & 2) {
		memcpy(to, &word, 2);
		to += 2, word >>= 16;
	}
	if (len & 1)
		*to = (unsigned char)word;
}

/* Copy `len` bytes out of words. */
static inline void sci_words_copy_out(void *to, const sci_word *from, size_t len)
{
	unsigned char *byte = to;

	for (size_t blocks = len / SCI_BLOCK_BYTES; blocks > 0; blocks--)
#pragma GCC unroll 8
		for (unsigned i = 0; i < SCI_BLOCK_BYTES; i += sizeof *from, byte += sizeof *from)
			sci_word_copy_out(byte, from++);
	if (len % SCI_BLOCK_BYTES)
		sci_words_copy_rest(byte, from, len % SCI_BLOCK_BYTES);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of a word is its lowest");

/* Whether the `len` bytes from the middle of the first word on are equal. Shifts join the end of
 * one word with the beginning of the next. */
static inline bool sci_words_equal_bytes(const sci_word *words, const void *data, size_t len)
{
	const unsigned char *byte = data;
	uint64_t differing = 0, low = sci_read(words) >> 32, word;

	for (; len > sizeof word; len -= sizeof word, byte += sizeof word) {
		word = sci_read(++words);
		differing |= (low | word << 32) ^ sci_word_of(byte, sizeof word);
		low = word >> 32;
	}
	word = low;
	/* Only then do the last bytes reach into one more word. */
	if (len > sizeof word / 2)
		word |= sci_read(words + 1) << 32;
	word ^= sci_word_of(byte, len);
	if (len < sizeof word)
		word &= (UINT64_C(1) << len * 8) - 1;
	return (differing | word) == 0;
}

/* The same for `count` words, of the first only the upper half. Most keys have three at most. */
static inline bool sci_words_equal(const sci_word *words, const uint64_t *others, size_t count)
{
	uint64_t differing = (sci_read(words) ^ others[0]) >> 32;

	if (sci_is_likely(count > 1))
		differing |= sci_read(&words[1]) ^ others[1];
	if (count > 2)
		differing |= sci_read(&words[2]) ^ others[2];
#pragma GCC unroll 4
	for (size_t i = 3; i < count; i++)
		differing |= sci_read(&words[i]) ^ others[i];
	return differing == 0;
}

#endif
