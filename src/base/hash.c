/* The hash itself is in hash.h, for those who need it in line. */
#include "base/hash.h"

#include "base/clock.h"

#include <sys/random.h>
#include <unistd.h>

uint64_t sci_hash(const void *data, size_t len, uint64_t seed)
{
	return sci_hash_inline(data, len, seed);
}

uint64_t sci_hash_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
		return seed;
	/* Early in a boot there is no randomness yet: what differs between processes must do. */
	struct sci_clocks now = sci_clocks_read();
	return sci_hash_fold((uint64_t)now.real_ms ^ SCI_ROOT2,
		(uint64_t)(uintptr_t)&seed ^ (uint64_t)getpid() << 32);
}
