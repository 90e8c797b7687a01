/* scopecache/cache.hpp - a cache in C++, which closes itself. cache.h describes the functions.
 *
 *	scopecache::cache reports(scopecache::cache_options().max_bytes(8 << 20).ttl_ms(60000),
 *		[&](scopecache::load &load) { return db.query(load.text(0), load.number(1)); });
 *	answer(reports.fetch(scopecache::key(user, year)).text());
 *
 * A failure throws a scopecache::error. If a loader throws, the call that ran it throws the same
 * exception; the threads that waited for that load get a scopecache::error with its text and
 * SC_E_LOAD.
 */
#ifndef SCOPECACHE_CACHE_HPP
#define SCOPECACHE_CACHE_HPP

#include <scopecache/cache.h>
#include <scopecache/error.hpp>
#include <scopecache/key.hpp>
#include <scopecache/load.hpp>
#include <scopecache/options.hpp>
#include <scopecache/value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

namespace internal
{

/* The loader of a cache, for loads that a call in C starts. */
inline int load_unasked(sc_load *native, void *context)
{
	loading<any_loader> call{ *static_cast<any_loader *>(context) };
	return call.run(native, &call);
}

/* The types that get() and put() take besides texts: values that are stored as their bytes. */
template <typename T>
inline constexpr bool is_plain =
	std::is_trivially_copyable_v<T> && !std::is_array_v<T> && !std::is_pointer_v<T> &&
	!std::is_convertible_v<const T &, std::string_view> && !std::is_same_v<T, std::nullptr_t>;

} // namespace internal

/* A cache. It can be moved but not copied; after a move it may only be destroyed or assigned to. */
class cache
{
      public:
	/* Open a cache without a loader, or with the C loader of the options. */
	explicit cache(const cache_options &options = cache_options())
	{
		open(options);
	}

	/* Open a cache with a loader (load.hpp). The loader may run on several threads at the same
	 * time, for different keys. */
	template <typename Loader>
	cache(cache_options options, Loader &&loader)
	    : loader_(std::make_unique<internal::loader_of<std::decay_t<Loader>>>(
		      std::forward<Loader>(loader)))
	{
		open(options.loader(internal::load_unasked).loader_context(loader_.get()));
	}

	cache(cache &&other) noexcept
	    : native_(std::exchange(other.native_, nullptr)), loader_(std::move(other.loader_))
	{
	}

	cache &operator=(cache &&other) noexcept
	{
		if (this != &other) {
			sc_cache_close(native_);
			native_ = std::exchange(other.native_, nullptr);
			loader_ = std::move(other.loader_);
		}
		return *this;
	}

	~cache()
	{
		sc_cache_close(native_);
	}

	/* Copy the value: text or bytes as a std::string, or a T that put() stored. Throws
	 * SC_E_INVAL if the size is not that of a T. */
	template <typename T = std::string> std::optional<T> get(sc_key key)
	{
		if constexpr (std::is_same_v<T, std::string>) {
			return get_text(key);
		} else {
			static_assert(internal::is_plain<T> && std::is_default_constructible_v<T>);
			T found{};
			std::size_t len = 0;
			const int rc = sc_cache_get(native_, key, &found, sizeof found, &len);
			/* A value that does not fit is an error too, with its size. */
			if ((rc == SC_HIT || len > 0) && len != sizeof found)
				throw error(SC_E_INVAL);
			if (internal::check(rc) == SC_MISS)
				return std::nullopt;
			return found;
		}
	}

	/* Pin the value. peek() does not count as a use. */
	std::optional<value> acquire(sc_key key)
	{
		sc_value held;
		return pinned(sc_cache_acquire(native_, key, &held), held);
	}

	std::optional<value> peek(sc_key key)
	{
		sc_value held;
		return pinned(sc_cache_peek(native_, key, &held), held);
	}

	void put(sc_key key, std::string_view bytes, const put_options &options = put_options())
	{
		internal::check(sc_cache_put_with(native_, key, bytes.data(), bytes.size(),
			options.native()));
	}

	template <typename T, std::enable_if_t<internal::is_plain<T>, int> = 0>
	void put(sc_key key, const T &plain, const put_options &options = put_options())
	{
		internal::check(
			sc_cache_put_with(native_, key, &plain, sizeof plain, options.native()));
	}

	/* Store an object of `weight` bytes. If this throws, the object is destroyed. */
	template <typename T>
	void put(sc_key key, std::unique_ptr<T> object, std::uint64_t weight = sizeof(T),
		const put_options &options = put_options())
	{
		const sc_object given = internal::object_of(object, weight);
		internal::check(sc_cache_put_object(native_, key, &given, options.native()));
		static_cast<void>(object.release());
	}

	/* Pin the value; load it if it is missing or expired. SC_E_ABSENT is thrown too. */
	value fetch(sc_key key)
	{
		if (loader_)
			return fetch_by<internal::any_loader>(key, *loader_);
		sc_value held;
		sc_error detail;
		if (sc_cache_fetch(native_, key, &held, &detail) < 0)
			throw error(detail);
		return value(std::move(held));
	}

	/* Fetch with a loader for this call. */
	template <typename Loader> value fetch(sc_key key, Loader &&loader)
	{
		return fetch_by(key, loader);
	}

	/* Replace the value with one computed from it, atomically for this key: `update` is a
	 * loader that may call load.old(). If it gives no value, the entry stays; std::nullopt
	 * removes it. Returns the value after the update. */
	template <typename Update> std::optional<value> update(sc_key key, Update &&update)
	{
		internal::loading<std::remove_reference_t<Update>> call{ update };
		sc_value held;
		sc_error detail;
		const int rc = sc_cache_update(native_, key, call.run, &call, &held, &detail);
		if (rc == SC_E_ABSENT && !call.thrown)
			return std::nullopt;
		call.check(rc, detail);
		return value(std::move(held));
	}

	/* Remove a key, and return whether it was there; clear() removes all. */
	bool invalidate(sc_key key)
	{
		return internal::check(sc_cache_invalidate(native_, key)) == SC_HIT;
	}

	/* Say that a value of this generation was refused where it was used, as
	 * sc_cache_reject(), and return whether it was there. */
	bool reject(sc_key key, std::uint64_t generation)
	{
		return internal::check(sc_cache_reject(native_, key, generation)) == SC_HIT;
	}

	void clear() noexcept
	{
		sc_cache_clear(native_);
	}

	void resize(std::uint64_t max_entries, std::uint64_t max_bytes)
	{
		sc_error detail;
		if (sc_cache_resize(native_, max_entries, max_bytes, &detail) < 0)
			throw error(detail);
	}

	sc_cache_stats stats() const
	{
		sc_cache_stats figures{};
		figures.size = sizeof figures;
		internal::check(sc_cache_read_stats(native_, &figures));
		return figures;
	}

	/* The C cache, for functions that this class does not have. */
	sc_cache *native() const noexcept
	{
		return native_;
	}

      private:
	sc_cache *native_ = nullptr;
	std::unique_ptr<internal::any_loader> loader_;

	void open(const cache_options &options)
	{
		sc_error detail;
		if (sc_cache_open(&native_, options.native(), &detail) < 0)
			throw error(detail);
	}

	static std::optional<value> pinned(int rc, sc_value &held)
	{
		if (internal::check(rc) == SC_MISS)
			return std::nullopt;
		return value(std::move(held));
	}

	/* Short values are copied without a lock, into a buffer on the stack first. */
	std::optional<std::string> get_text(sc_key key)
	{
		std::array<char, 1024> few;
		std::size_t len = 0;
		int rc = sc_cache_get(native_, key, few.data(), few.size(), &len);
		if (rc == SC_HIT)
			return std::string(few.data(), len);
		std::string many;
		while (rc == SC_E_TOO_LARGE && len > many.size()) {
			many.resize(len);
			rc = sc_cache_get(native_, key, &many[0], many.size(), &len);
		}
		if (internal::check(rc) == SC_MISS)
			return std::nullopt;
		many.resize(len);
		return many;
	}

	template <typename Loader> value fetch_by(sc_key key, Loader &loader)
	{
		internal::loading<Loader> call{ loader };
		sc_fetch_options options{};
		options.size = sizeof options;
		options.loader = call.run;
		options.loader_context = &call;
		sc_value held;
		sc_error detail;
		call.check(sc_cache_fetch_with(native_, key, &options, &held, &detail), detail);
		return value(std::move(held));
	}
};

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
