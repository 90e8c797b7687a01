// C++ exceptions that leave user code: they reach the caller, every flight is completed and every
// resource freed. unreturned_test.c tests threads that end.
#include <scopecache/cache.h>
#include <scopecache/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static int cases;

#define CHECK(condition)                                                                           \
	((condition) ? (void)0                                                                     \
		     : (std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition), std::exit(1)))

static sc_cache *open_cache(const sc_cache_options &options)
{
	sc_cache *cache;
	CHECK(sc_cache_open(&cache, &options, nullptr) == 0);
	return cache;
}

static sc_cache_options usual_options()
{
	sc_cache_options options{};
	options.size = sizeof options;
	return options;
}

// The key 1.
static const sc_part one = sc_part_integer(1);
static const sc_key key = { &one, 1 };

static int throw_text(sc_load *load, void *)
{
	CHECK(sc_load_set_value(load, "given", 5) == 0);
	throw std::runtime_error("the source is gone");
}

static int load_well(sc_load *load, void *)
{
	return sc_load_set_value(load, "good", 4);
}

// What `call` throws.
template <typename Call> static std::string thrown_by(Call call)
{
	try {
		call();
	} catch (const std::exception &thrown) {
		return thrown.what();
	}
	return "";
}

static int fetch(sc_cache *cache, sc_load_fn loader, sc_error *error = nullptr,
	void *context = nullptr)
{
	sc_fetch_options options{};
	options.size = sizeof options;
	options.loader = loader;
	options.loader_context = context;
	sc_value value;
	int rc = sc_cache_fetch_with(cache, key, &options, &value, error);
	sc_value_release(&value);
	return rc;
}

static void a_loader_that_throws()
{
	sc_cache *cache = open_cache(usual_options());

	for (int i = 0; i < 3; i++)
		CHECK(thrown_by([=] { fetch(cache, throw_text); }) == "the source is gone");
	CHECK(fetch(cache, load_well) == SC_LOADED);
	CHECK(fetch(cache, throw_text) == SC_HIT);
	sc_cache_stats stats{};
	stats.size = sizeof stats;
	CHECK(sc_cache_read_stats(cache, &stats) == 0);
	CHECK(stats.load_failures == 3 && stats.loads == 1 && stats.pinned == 0);
	sc_cache_close(cache);
}

static void an_update_that_throws()
{
	sc_cache *cache = open_cache(usual_options());
	char text[8];
	size_t len;

	CHECK(sc_cache_put(cache, key, "old", 3) == SC_OK);
	CHECK(thrown_by([=] {
		sc_cache_update(cache, key, throw_text, nullptr, nullptr, nullptr);
	}) == "the source is gone");
	CHECK(sc_cache_get(cache, key, text, sizeof text, &len) == SC_HIT && len == 3);
	CHECK(sc_cache_update(cache, key, load_well, nullptr, nullptr, nullptr) == SC_LOADED);
	sc_cache_close(cache);
}

struct shared {
	sc_cache *cache;
	std::atomic<bool> loading{ false };
	std::atomic<unsigned> failed{ 0 };
};

static int throw_when_waited_for(sc_load *, void *context)
{
	shared *the = static_cast<shared *>(context);
	sc_cache_stats stats{};

	the->loading = true;
	stats.size = sizeof stats;
	do
		CHECK(sc_cache_read_stats(the->cache, &stats) == 0);
	while (stats.load_waits < 2);
	throw std::runtime_error("thrown while others wait");
}

static void waiters_get_the_failure()
{
	shared the;
	std::vector<std::thread> waiters;

	the.cache = open_cache(usual_options());
	for (int i = 0; i < 2; i++)
		waiters.emplace_back([&the] {
			sc_error error{};
			while (!the.loading)
				std::this_thread::yield();
			CHECK(fetch(the.cache, load_well, &error) == SC_E_LOAD);
			CHECK(std::strstr(error.message, "did not return"));
			the.failed++;
		});
	CHECK(thrown_by([&the] { fetch(the.cache, throw_when_waited_for, nullptr, &the); }) ==
		"thrown while others wait");
	for (std::thread &waiter : waiters)
		waiter.join();
	CHECK(the.failed == 2);
	sc_cache_close(the.cache);
}

static int freed;

static void count_and_throw(void *, void *)
{
	if (freed++ == 0)
		throw std::runtime_error("thrown by a free");
}

static void put_objects(sc_cache *cache, int count)
{
	freed = 0;
	for (int i = 0; i < count; i++) {
		sc_part number = sc_part_integer(i);
		sc_object object{};
		object.pointer = &freed;
		object.free = count_and_throw;
		CHECK(sc_cache_put_object(cache, { &number, 1 }, &object, nullptr) == SC_OK);
	}
}

static void a_free_that_throws()
{
	sc_cache *cache = open_cache(usual_options());

	put_objects(cache, 10);
	CHECK(thrown_by([=] { sc_cache_clear(cache); }) == "thrown by a free");
	CHECK(freed == 10);
	put_objects(cache, 10);
	CHECK(thrown_by([=] { sc_cache_close(cache); }) == "thrown by a free");
	CHECK(freed == 10);
}

static bool may_open;

static int throw_or_open(void *, void **instance, sc_error *)
{
	if (!may_open)
		throw std::runtime_error("no connection");
	*instance = &may_open;
	return 0;
}

static void an_opener_that_throws()
{
	sc_resource resource;
	sc_held held;

	sc_resource_init(&resource, throw_or_open, nullptr, nullptr);
	for (int i = 0; i < 2; i++)
		CHECK(thrown_by([&] { sc_resource_acquire(&resource, &held, nullptr); }) ==
			"no connection");
	may_open = true;
	CHECK(sc_resource_acquire(&resource, &held, nullptr) == SC_LOADED);
	sc_resource_release(&resource, &held);
	sc_resource_fini(&resource);
}

static void run(const char *name, void (*test)())
{
	std::printf("[ RUN      ] %s\n", name);
	test();
	std::printf("[       OK ] %s\n", name);
	cases++;
}

#define RUN(name) run(#name, name)

int main()
{
	std::printf("[==========] Running 5 test(s).\n");
	RUN(a_loader_that_throws);
	RUN(an_update_that_throws);
	RUN(waiters_get_the_failure);
	RUN(a_free_that_throws);
	RUN(an_opener_that_throws);
	std::printf("[  PASSED  ] %d test(s).\n", cases);
}
