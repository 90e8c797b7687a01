/* Helpers for the tests of secret caches: calls whose keys and values are in this program's memory
 * only while they last. What is found there afterwards the cache has kept. */
#ifndef SCT_SECRET_FIXTURE_H
#define SCT_SECRET_FIXTURE_H

#include "cache/cache_fixture.h"
#include "support/own_memory.h"

#define SCT_SECRETS_MAX 6000u

/* A key is a secret of this many bytes: one that is encoded on the stack, or one on the heap. */
enum { SCT_KEY_USUAL = SCT_SECRET_BYTES, SCT_KEY_LONG = 6 * SCT_SECRET_BYTES };

struct sct_secret_key {
	struct sct_secret secret;
	size_t len;
};

static inline struct sct_secret_key sct_secret_key_draw(size_t len)
{
	struct sct_secret_key key = { .len = len };

	sct_secret_draw(&key.secret);
	return key;
}

/* Do `call` with `name` as the struct sc_key. */
#define sct_with_key(key_, name, call)                                                             \
	do {                                                                                       \
		unsigned char plain_[SCT_KEY_LONG];                                                \
		sct_secret_reveal(&(key_)->secret, plain_, (key_)->len);                           \
		const struct sc_part part_ = sc_part_bytes(plain_, (key_)->len);                   \
		const struct sc_key name = { &part_, 1 };                                          \
		call;                                                                              \
		sct_secret_hide(plain_, sizeof plain_);                                            \
	} while (0)

static inline int sct_secret_put(struct sc_cache *cache, const struct sct_secret_key *key,
	const struct sct_secret *value, size_t len, const struct sc_put_options *options)
{
	unsigned char plain[SCT_SECRETS_MAX];
	int rc;

	sct_secret_reveal(value, plain, len);
	sct_with_key(key, name, rc = sc_cache_put_with(cache, name, plain, len, options));
	sct_secret_hide(plain, len);
	return rc;
}

static inline int sct_secret_acquire(struct sc_cache *cache, const struct sct_secret_key *key,
	struct sc_value *value)
{
	int rc;

	sct_with_key(key, name, rc = sc_cache_acquire(cache, name, value));
	return rc;
}

static inline int sct_secret_invalidate(struct sc_cache *cache, const struct sct_secret_key *key)
{
	int rc;

	sct_with_key(key, name, rc = sc_cache_invalidate(cache, name));
	return rc;
}

static inline int sct_secret_fetch(struct sc_cache *cache, const struct sct_secret_key *key,
	struct sc_value *value, struct sc_error *error)
{
	int rc;

	sct_with_key(key, name, rc = sc_cache_fetch(cache, name, value, error));
	return rc;
}

/* ---- What is in memory ---- */

#define sct_assert_gone(secret)                                                                    \
	do {                                                                                       \
		if (sct_secret_pieces(secret))                                                     \
			fail_msg("%s is at %s", #secret, sct_secret_place());                      \
	} while (0)

#define sct_assert_there(secret) assert_true(sct_secret_pieces(secret) > 0)

#endif
