/* The hash of bytes, and the source of its secrets. hash.h has its properties. */
#include "base/hash.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <unistd.h>

#define BLOCK 48u

static uint64_t word_at(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static uint64_t half_at(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/* Fewer than eight bytes as a word. A read of all of them at once would go past their end: four to
 * seven are two reads that overlap, and of one to three bytes each is read. */
static uint64_t short_word(const unsigned char *at, size_t len)
{
	uint64_t word = 0;

	if (len >= 4)
		return half_at(at) | half_at(at + len - 4) << (len - 4) * 8;
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << i * 8;
	return word;
}

/* 0 to 16 bytes as two words, with zeros behind them; a head says how many bytes there are. */
static struct sci_hash_pair short_words(const unsigned char *at, size_t len)
{
	if (len < 8)
		return (struct sci_hash_pair){ short_word(at, len), 0 };
	if (len == 8)
		return (struct sci_hash_pair){ word_at(at), 0 };
	return (struct sci_hash_pair){ word_at(at), word_at(at + len - 8) >> (16 - len) * 8 };
}

/* Fold all but the last 1 to 16 bytes into the state; `len` is over 16. The last 16 are read whole
 * afterwards, so some bytes of them are mixed twice. */
static uint64_t fold_front(uint64_t state, const unsigned char *at, size_t len,
	const struct sci_hash_secret *secret)
{
	const uint64_t *mask = secret->mask;

	if (len > BLOCK) {
		uint64_t second = state, third = state;
		do {
			state = sci_hash_fold(word_at(at) ^ mask[1], word_at(at + 8) ^ state);
			second = sci_hash_fold(word_at(at + 16) ^ mask[2],
				word_at(at + 24) ^ second);
			third = sci_hash_fold(word_at(at + 32) ^ mask[3], word_at(at + 40) ^ third);
			at += BLOCK;
			len -= BLOCK;
		} while (len > BLOCK);
		state ^= second ^ third;
	}
	for (; len > 16; at += 16, len -= 16)
		state = sci_hash_fold(word_at(at) ^ mask[1], word_at(at + 8) ^ state);
	return state;
}

uint64_t sci_hash_bytes(uint64_t state, const void *data, size_t len, uint64_t head,
	const struct sci_hash_secret *secret)
{
	const unsigned char *at = data;

	if (len <= 16) {
		struct sci_hash_pair words = short_words(at, len);
		return sci_hash_two(state, words.low, words.high, head, secret);
	}
	state = fold_front(state, at, len, secret);
	return sci_hash_two(state, word_at(at + len - 16), word_at(at + len - 8), head, secret);
}

uint64_t sci_hash(const void *data, size_t len, uint64_t seed)
{
	struct sci_hash_secret secret = sci_hash_secret_fixed(seed);

	return sci_hash_bytes(secret.start, data, len, sci_hash_head(0, len, 0), &secret);
}

/* Each call another word, which looks like chance: SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_word(uint64_t *state)
{
	uint64_t word = *state += UINT64_C(0x9E3779B97F4A7C15);

	word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
	return word ^ word >> 31;
}

struct sci_hash_secret sci_hash_secret_fixed(uint64_t seed)
{
	struct sci_hash_secret secret;

	secret.start = next_word(&seed);
	for (unsigned i = 0; i < 4; i++)
		secret.mask[i] = next_word(&seed);
	return secret;
}

/* What differs between processes and calls, when the system gives no random numbers. The two halves
 * of the process's random bits go through two generators, and no word is made of one of them
 * alone. */
static struct sci_hash_secret draw_without_system(void)
{
	static _Atomic uint64_t calls;
	struct sci_clocks now = sci_clocks_read();
	const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
	uint64_t halves[2] = { (uint64_t)now.real_ms, (uint64_t)now.mono_ms };

	if (random) {
		uint64_t words[2];
		memcpy(words, random, sizeof words);
		halves[0] ^= words[0];
		halves[1] ^= words[1];
	}
	halves[0] += next_word(&(uint64_t){ atomic_fetch_add(&calls, 1) });
	halves[1] += next_word(&(uint64_t){ (uint64_t)getpid() });
	struct sci_hash_secret first = sci_hash_secret_fixed(halves[0]),
			       second = sci_hash_secret_fixed(halves[1]);
	first.start ^= second.mask[3];
	for (unsigned i = 0; i < 4; i++)
		first.mask[i] ^= i ? second.mask[i - 1] : second.start;
	return first;
}

struct sci_hash_secret sci_hash_secret_draw(void)
{
	struct sci_hash_secret secret;

	/* So few bytes come whole or not at all. */
	if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) == (ssize_t)sizeof secret)
		return secret;
	return draw_without_system();
}
