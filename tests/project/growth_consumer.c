/* Uses every struct of libscopecache's interface that may grow. The exit status is the number of
 * the line that failed. */
#include <scopecache/cache.h>
#include <scopecache/memo.h>

#include <string.h>

#define CHECK(truth)                                                                               \
	do {                                                                                       \
		if (!(truth))                                                                      \
			return __LINE__ & 0x7F;                                                    \
	} while (0)

static int64_t now_ms = 1000;

static int64_t read_clock(void *context)
{
	return *(int64_t *)context;
}

static int load(struct sc_load *load, void *context)
{
	return sc_load_set_value(load, context, strlen(context));
}

static char text[] = "loaded";

SC_MEMO(memo, load, text, .max_entries = 3);

int main(void)
{
	const struct sc_clock clock = { .now_ms = read_clock, .context = &now_ms };
	struct sc_cache_stats stats = { .size = sizeof stats };
	struct sc_memo_info info = { .size = sizeof info };
	/* The bytes after these on the stack must not change. */
	struct {
		struct sc_value value;
		uint64_t after_value;
		struct sc_error error;
		uint64_t after_error;
	} out = { .after_value = 7, .after_error = 7 };
	struct sc_cache *cache;
	size_t len;
	char copy[8];

	CHECK(sc_cache_open(&cache,
		      SC_CACHE_OPTIONS(.ttl_ms = 100, .clock = &clock, .loader = load,
			      .loader_context = text),
		      &out.error) == 0);
	CHECK(sc_cache_fetch(cache, SC_KEY(1), &out.value, &out.error) == SC_LOADED);
	CHECK(out.value.len == 6 && memcmp(out.value.data, text, 6) == 0);
	sc_value_release(&out.value);
	CHECK(sc_cache_put_with(cache, SC_KEY(2), "x", 1, SC_PUT_OPTIONS(.ttl_ms = 10)) == SC_OK);
	now_ms += 10;
	CHECK(sc_cache_get(cache, SC_KEY(2), copy, sizeof copy, &len) == SC_MISS);
	CHECK(sc_cache_get(cache, SC_KEY(1), copy, sizeof copy, &len) == SC_HIT && len == 6);
	CHECK(sc_cache_fetch_with(cache, SC_KEY(3),
		      SC_FETCH_OPTIONS(.loader = load, .loader_context = text), &out.value,
		      &out.error) == SC_LOADED);
	sc_value_release(&out.value);
	CHECK(sc_cache_fetch(cache, (struct sc_key){ 0 }, &out.value, &out.error) == SC_E_INVAL);
	CHECK(sc_cache_read_stats(cache, &stats) == 0);
	CHECK(stats.puts == 3 && stats.hits == 1 && stats.loads == 2 &&
		stats.max_bytes == 64 << 20);
	sc_cache_close(cache);

	CHECK(sc_memo_call(&memo, SC_KEY(1), &out.value, &out.error) == SC_LOADED);
	sc_value_release(&out.value);
	CHECK(sc_memo_read_info(&memo, &info) == 0);
	CHECK(info.misses == 1 && info.maxsize == 3 && info.currsize == 1);
	sc_memo_fini(&memo);
	CHECK(out.after_value == 7 && out.after_error == 7);
	return 0;
}
