/* Puts a value into a cache and gets it back, with the installed library. */
#include <scopecache/cache.h>

#include <stdio.h>

int main(void)
{
	struct sc_cache *cache;
	char value[8];
	size_t len;

	if (sc_cache_open(&cache, SC_CACHE_OPTIONS(.max_entries = 10), NULL) < 0)
		return 1;
	if (sc_cache_put(cache, SC_KEY("answer", 42), "kept", 4) < 0)
		return 1;
	if (sc_cache_get(cache, SC_KEY("answer", 42), value, sizeof value, &len) != SC_HIT)
		return 1;
	sc_cache_close(cache);
	printf("%.*s\n", (int)len, value);
	return 0;
}
