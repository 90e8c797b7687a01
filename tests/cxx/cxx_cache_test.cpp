// scopecache.hpp: keys, caches and memos, and what their loaders throw.
#include "support/cases.hpp"

#include <scopecache/scopecache.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using scopecache::cache_options;
using scopecache::key;

static_assert(!std::is_copy_constructible_v<scopecache::cache>);
static_assert(std::is_nothrow_move_constructible_v<scopecache::cache>);
static_assert(!std::is_copy_constructible_v<scopecache::value>);
static_assert(std::is_nothrow_move_assignable_v<scopecache::value>);
static_assert(std::is_move_constructible_v<scopecache::memo>);

template <typename T, typename = void> struct makes_a_part : std::false_type {
};
template <typename T>
struct makes_a_part<T, std::void_t<decltype(scopecache::part(std::declval<T>()))>>
    : std::true_type {
};
static_assert(makes_a_part<int>::value && makes_a_part<std::string>::value);
static_assert(makes_a_part<const char *>::value && makes_a_part<unsigned long long>::value);
static_assert(!makes_a_part<double>::value && !makes_a_part<int *>::value);
static_assert(!makes_a_part<char>::value && !makes_a_part<wchar_t>::value);
static_assert(!makes_a_part<char32_t>::value && !makes_a_part<void *>::value);

static scopecache::cache small_cache()
{
	return scopecache::cache(cache_options().max_bytes(1 << 20).ttl_ms(1min));
}

static void keys_are_of_typed_parts()
{
	auto cache = small_cache();
	const std::string text = "1";
	const std::optional<int> nothing, one = 1;

	cache.put(key(1), "number");
	cache.put(key(text), "text");
	cache.put(key(true), "truth");
	cache.put(key(nullptr), "absent");
	cache.put(key(scopecache::bytes("1", 1)), "bytes");
	CHECK(cache.get(key(1ULL)) == "number");
	CHECK(cache.get(key(one)) == "number");
	CHECK(cache.get(SC_KEY("1")) == "text");
	CHECK(cache.get(key(std::string_view("12", 1))) == "text");
	CHECK(cache.get(key(true)) == "truth");
	CHECK(cache.get(key(nothing)) == "absent");
	CHECK(cache.get(key(scopecache::bytes("1", 1))) == "bytes");
	CHECK(!cache.get(key(1, 1)));
	cache.put(key(UINT64_MAX), "most");
	CHECK(!cache.get(key(-1)));
	CHECK(cache.get(SC_KEY(UINT64_MAX)) == "most");
	const key eight(1, 2, 3, 4, 5, 6, 7, "8");
	const auto copy = eight;
	cache.put(eight, "eight");
	CHECK(cache.get(copy) == "eight");
}

struct point {
	int x, y;
};

static void values_are_copied_or_pinned()
{
	auto cache = small_cache();
	const std::string large(5000, 'x');

	CHECK(!cache.get(key("a")) && !cache.acquire(key("a")) && !cache.peek(key("a")));
	cache.put(key("a"), "first");
	cache.put(key("large"), large);
	cache.put(key("empty"), "");
	cache.put(key("point"), point{ 3, 4 });
	cache.put(key("number"), 42);
	CHECK(cache.get(key("large")) == large);
	CHECK(cache.get(key("empty")) == "");
	CHECK(cache.get<int>(key("number")) == 42);
	CHECK(cache.get<point>(key("point"))->y == 4);
	CHECK(thrown_by<scopecache::error>([&] { cache.get<int>(key("point")); }) != "");
	CHECK(thrown_by<scopecache::error>([&] { cache.get<point>(key("number")); }) != "");
	cache.put(key("empty"), "");
	CHECK(cache.get(key("empty")) == "");
	CHECK(thrown_by<scopecache::error>([&] { cache.get<int>(key("empty")); }) != "");

	auto pin = cache.acquire(key("a"));
	CHECK(pin && *pin && pin->text() == "first" && cache.stats().pinned == 1);
	auto empty = cache.peek(key("empty"));
	CHECK(empty && *empty && empty->size() == 0);
	cache.put(key("a"), "second");
	CHECK(pin->text() == "first" && cache.get(key("a")) == "second");
	scopecache::value moved = std::move(*pin);
	CHECK(moved.text() == "first" && !*pin);
	*pin = std::move(moved);
	CHECK(pin->text() == "first");
	pin.reset();
	empty.reset();
	CHECK(cache.stats().pinned == 0);
	CHECK(cache.invalidate(key("a")) && !cache.invalidate(key("a")));
	cache.clear();
	CHECK(cache.stats().entries == 0);
}

static void a_pin_outlives_its_cache()
{
	std::optional<scopecache::value> pin;
	{
		auto cache = small_cache();
		cache.put(key(1), "here");
		pin = cache.acquire(key(1));
	}
	CHECK(pin->text() == "here");
}

static int documents;

struct document {
	std::string text;
	explicit document(std::string of) : text(std::move(of))
	{
		documents++;
	}
	document(const document &) = delete;
	document &operator=(const document &) = delete;
	~document()
	{
		documents--;
	}
};

static void objects_are_destroyed_once()
{
	{
		scopecache::cache cache(cache_options().max_entries(10),
			[](scopecache::load &load) {
				return load.number(0) > 0 ? std::make_unique<document>("loaded")
							  : nullptr;
			});
		cache.put(key("put"), std::make_unique<document>("put"));
		CHECK(cache.acquire(key("put"))->object<document>().text == "put");
		CHECK(cache.fetch(key(1)).object<document>().text == "loaded");
		CHECK(documents == 2);
		CHECK(thrown_by<scopecache::error>([&] { cache.get(key("put")); }) != "");
		CHECK(thrown_by<scopecache::error>([&] { cache.fetch(key(0)); }) != "");
		CHECK(thrown_by<scopecache::error>([&] {
			cache.put(key("put"), std::make_unique<document>("too heavy"), 1ULL << 40);
		}) != "");
		CHECK(documents <= 2);
		cache.put(key("put"), std::make_unique<document>("again"));
		CHECK(documents == 2);
	}
	CHECK(documents == 0);
}

struct lost : std::runtime_error {
	using std::runtime_error::runtime_error;
};

static void a_loader_may_be_anything_that_can_be_called()
{
	int calls = 0;
	auto owned = std::make_unique<int>(7);
	scopecache::cache cache(cache_options().max_entries(10),
		[&calls, owned = std::move(owned)](scopecache::load &load) {
			calls++;
			return std::string(load.text(0)) + std::to_string(*owned);
		});
	CHECK(cache.fetch(key("a")).text() == "a7" && cache.fetch(key("a")).text() == "a7");
	CHECK(calls == 1);
	auto moved = std::move(cache);
	CHECK(moved.fetch(key("b")).text() == "b7" && calls == 2);
	cache = std::move(moved);
	CHECK(cache.fetch(key("c"), [](scopecache::load &load) { load.set("own"); }).text() ==
		"own");
	CHECK(cache.fetch(key("b")).text() == "b7" && calls == 2);

	// One that C calls by itself finds the loader too.
	sc_value held;
	const key d("d");
	CHECK(sc_cache_fetch(cache.native(), d, &held, nullptr) == SC_LOADED);
	CHECK(scopecache::value(std::move(held)).text() == "d7");

	auto without = small_cache();
	CHECK(thrown_by<scopecache::error>([&] { without.fetch(key(1)); }) != "");
	CHECK(thrown_by<scopecache::error>([] {
		scopecache::cache none(cache_options().concurrency(5000));
	}).find("concurrency") != std::string::npos);
}

static void what_a_loader_throws_comes_out_at_its_caller()
{
	scopecache::cache cache(cache_options().max_entries(10),
		[](scopecache::load &load) -> std::optional<std::string> {
			if (load.number(0) == 1)
				throw lost("the source is gone");
			if (load.number(0) == 2)
				throw 5;
			return std::nullopt;
		});

	for (int i = 0; i < 2; i++)
		CHECK(thrown_by<lost>([&] { cache.fetch(key(1)); }) == "the source is gone");
	CHECK(cache.stats().load_failures == 2);
	int number = 0;
	try {
		cache.fetch(key(2));
	} catch (int thrown) {
		number = thrown;
	}
	CHECK(number == 5);
	try {
		cache.fetch(key(3));
		CHECK(false);
	} catch (const scopecache::error &absent) {
		CHECK(absent.code() == SC_E_ABSENT);
	}

	// From a load within a load, and of a cache of a cache's.
	scopecache::cache outer(cache_options().max_entries(10), [&](scopecache::load &load) {
		return std::string(cache.fetch(key(load.number(0))).text());
	});
	CHECK(thrown_by<lost>([&] { outer.fetch(key(1)); }) == "the source is gone");
	CHECK(thrown_by<scopecache::error>([&] { outer.fetch(key(3)); }) != "");

	// A C caller is told in its own way.
	sc_value held;
	sc_error detail;
	const key one(1);
	CHECK(sc_cache_fetch(cache.native(), one, &held, &detail) == SC_E_LOAD);
	CHECK(std::string(detail.message) == "the source is gone");
}

static std::int64_t now_ms;

static std::int64_t read_now(void *)
{
	return now_ms;
}

// The source is asked whether its value has changed.
static void a_value_may_be_unchanged()
{
	const sc_clock clock{ read_now, nullptr, {} };
	int loads = 0;
	scopecache::cache cache(scopecache::cache_options()
					.clock(&clock)
					.ttl_ms(std::chrono::seconds(1))
					.stale_if_error_ms(std::chrono::hours(1)),
		[&](scopecache::load &load) {
			loads++;
			if (load.old_validator() == "v1")
				return load.set_unchanged();
			CHECK(thrown_by<scopecache::error>([&] { load.set_unchanged(); }) != "");
			CHECK(thrown_by<scopecache::error>(
				      [&] { load.set_validator(std::string(300, 'v')); }) != "");
			load.set_validator("v1");
			load.set_refresh_after(std::chrono::minutes(1));
			load.set_stale_while_revalidate(std::chrono::minutes(1));
			load.set_stale_if_error(std::chrono::minutes(1));
			load.set("first");
		});

	CHECK(cache.fetch(key("a")).text() == "first" && loads == 1);
	now_ms += 60999; // stale at once, by the loader's word
	CHECK(cache.fetch(key("a")).text() == "first" && loads == 1);
	cache.put(key("b"), "put",
		scopecache::put_options().validator("v1").stale_if_error_ms(std::chrono::hours(2)));
	now_ms += 3600000;
	CHECK(cache.fetch(key("b")).text() == "put" && loads == 2);
	CHECK(!cache.reject(key("b"), 0));
	CHECK(cache.reject(key("b"), cache.fetch(key("b")).native().generation));
	CHECK(cache.fetch(key("b")).text() == "first" && loads == 3);
	CHECK(cache.fetch(key("a")).text() == "first" && loads == 4);
}

// A value that was loaded outlives a loader that throws, and the time to the next load is honoured.
static void a_stale_value_is_returned_when_a_loader_throws()
{
	const sc_clock clock{ read_now, nullptr, {} };
	int loads = 0;
	scopecache::cache cache(scopecache::cache_options()
					.clock(&clock)
					.ttl_ms(std::chrono::seconds(1))
					.stale_if_error_ms(std::chrono::hours(1)),
		[&](scopecache::load &load) -> std::string {
			if (loads++ == 0)
				return "first";
			load.set_kind(SC_LOAD_THROTTLED);
			load.set_retry_after(std::chrono::seconds(10));
			throw std::runtime_error("down");
		});

	CHECK(cache.fetch(key("a")).text() == "first" && loads == 1);
	now_ms += 1000;
	CHECK(cache.fetch(key("a")).text() == "first" && loads == 2);
	now_ms += 9999;
	CHECK(cache.fetch(key("a")).text() == "first" && loads == 2);
	CHECK(cache.fetch(key("a")).native().age_ms == 10999);
	now_ms += 1;
	CHECK(cache.fetch(key("a")).text() == "first" && loads == 3);
	CHECK(thrown_by<std::runtime_error>([&] { cache.fetch(key("b")); }) != "");
	CHECK(thrown_by<scopecache::error>([&] { cache.fetch(key("b")); }) == "down" && loads == 4);
}

static void a_loader_that_asks_for_its_own_key_is_told()
{
	scopecache::cache *self = nullptr;
	scopecache::cache cache(cache_options().max_entries(10),
		[&](scopecache::load &) { return std::string(self->fetch(key(1)).text()); });
	self = &cache;
	try {
		cache.fetch(key(1));
		CHECK(false);
	} catch (const scopecache::error &cycle) {
		CHECK(cycle.code() == SC_E_CYCLE);
	}
}

// One of several threads runs the loader and gets its exception; the waiters get an error with its
// text. The next fetch runs the loader again.
static void waiters_get_an_error()
{
	constexpr unsigned threads = 4;
	std::atomic<unsigned> loads{ 0 }, own{ 0 }, told{ 0 };
	scopecache::cache cache(cache_options().max_entries(10),
		[&](scopecache::load &) -> std::string {
			loads++;
			throw lost("gone");
		});
	std::vector<std::thread> all;
	for (unsigned i = 0; i < threads; i++)
		all.emplace_back([&] {
			try {
				cache.fetch(key(1));
			} catch (const lost &) {
				own++;
			} catch (const scopecache::error &failed) {
				if (failed.code() == SC_E_LOAD &&
					std::string(failed.what()) == "gone")
					told++;
			}
		});
	for (auto &thread : all)
		thread.join();
	CHECK(own == loads && own + told == threads);
}

static void updates()
{
	auto cache = small_cache();
	auto add = [](scopecache::load &load) {
		return std::to_string(std::stoi(std::string(load.old().value_or("0"))) + 1);
	};

	for (int i = 1; i <= 3; i++)
		CHECK(cache.update(key("n"), add)->text() == std::to_string(i));
	CHECK(cache.update(key("n"), [](scopecache::load &) {})->text() == "3");
	CHECK(thrown_by<lost>([&] {
		cache.update(key("n"), [](scopecache::load &) -> std::string { throw lost("no"); });
	}) == "no");
	CHECK(cache.get(key("n")) == "3");
	CHECK(!cache.update(key("n"),
		[](scopecache::load &) -> std::optional<std::string> { return std::nullopt; }));
	CHECK(!cache.get(key("n")));
}

static std::string square(scopecache::load &load)
{
	if (load.number(0) < 0)
		throw lost("negative");
	return std::to_string(load.number(0) * load.number(0));
}

static void memos_remember()
{
	scopecache::memo memo(cache_options().max_entries(2), square);

	CHECK(memo(3).text() == "9" && memo(3).text() == "9" && memo(4).text() == "16");
	CHECK(memo.stats().hits == 1 && memo.stats().loads == 2);
	CHECK(thrown_by<lost>([&] { memo(-1); }) == "negative");
	memo(5);
	CHECK(memo.stats().entries == 2 && !memo.invalidate(3) && memo.invalidate(5));
	scopecache::memo moved = std::move(memo);
	CHECK(moved(4).text() == "16");
	moved.clear();
	CHECK(moved.stats().entries == 0);
}

static void options_reach_the_value()
{
	auto cache = small_cache();

	cache.put(key(1), "not kept", scopecache::put_options().ttl_ms(-1));
	CHECK(!cache.get(key(1)));
	cache.put(key(1), "kept", scopecache::put_options().ttl_ms(1h).tti_ms(30min).cost(3));
	CHECK(cache.get(key(1)) == "kept");
	cache.fetch(key(2), [](scopecache::load &load) {
		load.set_ttl(-1ms);
		load.set_tti(1min);
		load.set_cost(2);
		CHECK(load.remaining_ms() == SC_NO_DEADLINE && load.key().count == 1);
		return "passing";
	});
	CHECK(!cache.get(key(2)));
	CHECK(thrown_by<scopecache::error>([&] { cache.resize(0, 1); }) != "");
}

// The last case: from here on a private cache refuses a thread without a scope.
static void users_do_not_see_each_other()
{
	scopecache::cache cache = small_cache();
	sc_context context;
	{
		scopecache::user_scope ann("ann");
		cache.put(key("k"), "ann's");
		sc_context_capture(&context);
		scopecache::user_scope bob("bob");
		CHECK(!cache.get(key("k")));
	}
	CHECK(thrown_by<scopecache::error>([&] { cache.get(key("k")); }) != "");
	CHECK(thrown_by<scopecache::error>([] { scopecache::user_scope nobody(""); }) != "");
	{
		scopecache::context_scope ann(context);
		CHECK(cache.get(key("k")) == "ann's");
	}
	cache.put(key("k"), "ann's", scopecache::put_options().context(&context));
	CHECK(sc_scope_invalidate(nullptr, "ann") == SC_HIT);
	CHECK(thrown_by<scopecache::error>([&] {
		scopecache::context_scope ann(context);
		cache.get(key("k"));
	}) != "");
}

int main()
{
	return run_cases({ CASE(keys_are_of_typed_parts), CASE(values_are_copied_or_pinned),
		CASE(a_pin_outlives_its_cache), CASE(objects_are_destroyed_once),
		CASE(a_loader_may_be_anything_that_can_be_called),
		CASE(what_a_loader_throws_comes_out_at_its_caller), CASE(a_value_may_be_unchanged),
		CASE(a_stale_value_is_returned_when_a_loader_throws),
		CASE(a_loader_that_asks_for_its_own_key_is_told), CASE(waiters_get_an_error),
		CASE(updates), CASE(memos_remember), CASE(options_reach_the_value),
		CASE(users_do_not_see_each_other) });
}
