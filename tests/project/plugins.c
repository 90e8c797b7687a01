/* Loads each given library with dlopen() on a thread that already runs, and uses a cache of each.
 * The libraries are copies of libscopecache with different names. */
#include <scopecache/cache.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CALL(library, name) ((__typeof__(&name))(uintptr_t)dlsym(library, #name))

static int use(void *library)
{
	struct sc_cache *cache;
	const struct sc_part part = sc_part_text("answer");
	const struct sc_key key = { &part, 1 };
	char found[8];
	size_t len = 0;

	if (CALL(library, sc_cache_open)(&cache, NULL, NULL) < 0)
		return -1;
	int rc = CALL(library, sc_cache_put)(cache, key, "kept", 4);
	if (rc == 0 && CALL(library, sc_cache_get)(cache, key, found, sizeof found, &len) != SC_HIT)
		rc = -1;
	CALL(library, sc_cache_close)(cache);
	return rc == 0 && len == 4 && memcmp(found, "kept", 4) == 0 ? 0 : -1;
}

static void *load_all(void *names)
{
	for (char **name = names; *name; name++) {
		void *library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
		if (!library)
			printf("%s\n", dlerror());
		if (!library || use(library) < 0)
			return names;
	}
	return NULL;
}

int main(int count, char **names)
{
	pthread_t thread;
	void *failed = names;

	(void)count;
	if (pthread_create(&thread, NULL, load_all, names + 1) == 0)
		pthread_join(thread, &failed);
	if (!failed)
		printf("all of them\n");
	return failed != NULL;
}
