/* Sixteen bytes at a time are folded by a 64 x 64 -> 128 bit multiplication whose two halves are
 * added without carry: one multiplication spreads every bit of both words over the result. Each word
 * meets a secret that depends on the seed before it is multiplied, so that nobody who does not know
 * the seed can make a factor zero or steer two keys together. Three constants keep the secrets apart;
 * they are the fractions of the square roots of 2, 3 and 5, made odd. */
#include "base/hash.h"

#include "base/clock.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ROOT2 UINT64_C(0x6A09E667F3BCC909)
#define ROOT3 UINT64_C(0xBB67AE8584CAA73B)
#define ROOT5 UINT64_C(0x3C6EF372FE94F82B)

static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/* The last 0 to 16 bytes as two words. A length under eight bytes is read as overlapping halves. */
static void last_words(const unsigned char *at, size_t len, uint64_t *a, uint64_t *b)
{
	uint32_t low, high;

	*a = *b = 0;
	if (len >= 8) {
		*a = word(at);
		*b = word(at + len - 8);
	} else if (len >= 4) {
		memcpy(&low, at, 4);
		memcpy(&high, at + len - 4, 4);
		*a = low;
		*b = high;
	} else if (len > 0) {
		*a = (uint64_t)at[0] << 16 | (uint64_t)at[len / 2] << 8 | at[len - 1];
	}
}

uint64_t sci_hash(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *at = data;
	uint64_t secret = fold(seed ^ ROOT2, ROOT3), state = secret ^ len, a, b;
	size_t left = len;

	for (; left > 16; at += 16, left -= 16)
		state = fold(word(at) ^ state, word(at + 8) ^ secret ^ ROOT5);
	last_words(at, left, &a, &b);
	state = fold(a ^ state ^ ROOT2, b ^ secret);
	return fold(state ^ ROOT5, secret ^ len ^ ROOT3);
}

uint64_t sci_hash_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
		return seed;
	/* Early in a boot there is no randomness yet: what differs between processes must do. */
	struct sci_clocks now = sci_clocks_read();
	return fold((uint64_t)now.real_ms ^ ROOT2,
		(uint64_t)(uintptr_t)&seed ^ (uint64_t)getpid() << 32);
}
