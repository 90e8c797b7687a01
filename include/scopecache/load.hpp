/* scopecache/load.hpp - loaders in C++.
 *
 *	[](scopecache::load &load) { return query(load.text(0), load.number(1)); }
 *
 * A loader returns its value as a type that converts to std::string_view, or an object as a
 * std::unique_ptr. std::nullopt in a std::optional of either, or a null std::unique_ptr, means that
 * there is no value. A loader that returns void gives its value with load.set(), or says with
 * load.set_unchanged() that the old one is right, or gives none.
 */
#ifndef SCOPECACHE_LOAD_HPP
#define SCOPECACHE_LOAD_HPP

#include <scopecache/cache.h>
#include <scopecache/error.hpp>

#include <chrono>
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

/* The C object for the object of `owner`, which still owns it. */
template <typename T> sc_object object_of(const std::unique_ptr<T> &owner, std::uint64_t weight)
{
	sc_object object{};
	object.pointer = const_cast<std::remove_const_t<T> *>(owner.get());
	object.weight = weight;
	object.free = [](void *pointer, void *) { delete static_cast<T *>(pointer); };
	return object;
}

} // namespace internal

/* One load or update, valid until the loader returns, on its thread only. */
class load
{
      public:
	explicit load(sc_load *native) noexcept : native_(native)
	{
	}

	/* Part `index` of the key; empty or 0 if there is no such part or it has another type. */
	std::string_view text(std::size_t index) const noexcept
	{
		const sc_key *key = sc_load_key(native_);
		if (!sc_load_text(native_, index))
			return {};
		return { static_cast<const char *>(key->parts[index].data), key->parts[index].len };
	}

	std::int64_t number(std::size_t index) const noexcept
	{
		return sc_load_number(native_, index);
	}

	const sc_key &key() const noexcept
	{
		return *sc_load_key(native_);
	}

	/* The old value, if there is one, as sc_load_old(), and its validator. */
	std::optional<std::string_view> old() const noexcept
	{
		const sc_value *held = sc_load_old(native_);
		if (!held)
			return std::nullopt;
		return std::string_view(static_cast<const char *>(held->data), held->len);
	}

	std::optional<std::string> old_validator() const
	{
		const char *text = sc_load_old_validator(native_);
		return text ? std::optional<std::string>(text) : std::nullopt;
	}

	/* Say that the old value is still right, as sc_load_set_unchanged(). Throws SC_E_INVAL. */
	void set_unchanged()
	{
		internal::check(sc_load_set_unchanged(native_));
	}

	/* Set the validator of the value. Throws SC_E_TOO_LARGE. */
	void set_validator(const std::string &validator)
	{
		internal::check(sc_load_set_validator(native_, validator.c_str()));
	}

	/* Give a copy of the value, replacing one that was given before. Throws SC_E_NOMEM. */
	void set(std::string_view bytes)
	{
		internal::check(sc_load_set_value(native_, bytes.data(), bytes.size()));
	}

	/* Give an object of `weight` bytes. */
	template <typename T> void set(std::unique_ptr<T> object, std::uint64_t weight = sizeof(T))
	{
		const sc_object given = internal::object_of(object, weight);
		internal::check(sc_load_set_object(native_, &given));
		static_cast<void>(object.release());
	}

	/* Options of the entry, as sc_load_set_ttl_ms() and the others of load.h. */
	void set_ttl(std::chrono::milliseconds ttl) noexcept
	{
		sc_load_set_ttl_ms(native_, ttl.count());
	}

	void set_tti(std::chrono::milliseconds tti) noexcept
	{
		sc_load_set_tti_ms(native_, tti.count());
	}

	void set_refresh_after(std::chrono::milliseconds time) noexcept
	{
		sc_load_set_refresh_after_ms(native_, time.count());
	}

	void set_stale_while_revalidate(std::chrono::milliseconds time) noexcept
	{
		sc_load_set_stale_while_revalidate_ms(native_, time.count());
	}

	void set_stale_if_error(std::chrono::milliseconds time) noexcept
	{
		sc_load_set_stale_if_error_ms(native_, time.count());
	}

	void set_cost(std::uint64_t cost) noexcept
	{
		sc_load_set_cost(native_, cost);
	}

	/* What a failure is, before throwing it, as sc_load_set_kind() and
	 * sc_load_set_retry_after_ms(). */
	void set_kind(sc_load_kind kind) noexcept
	{
		sc_load_set_kind(native_, kind);
	}

	void set_retry_after(std::chrono::milliseconds wait) noexcept
	{
		sc_load_set_retry_after_ms(native_, wait.count());
	}

	std::int64_t remaining_ms() const noexcept
	{
		return sc_load_remaining_ms(native_);
	}

	sc_load *native() const noexcept
	{
		return native_;
	}

      private:
	sc_load *native_;
};

namespace internal
{

template <typename T> struct is_optional : std::false_type {
};
template <typename T> struct is_optional<std::optional<T>> : std::true_type {
};
template <typename T> struct is_unique_ptr : std::false_type {
};
template <typename T> struct is_unique_ptr<std::unique_ptr<T>> : std::true_type {
};

/* Give the value that a loader returned, and return the result of a C loader. */
template <typename Result> int give(load &to, Result &&result)
{
	using type = std::decay_t<Result>;
	if constexpr (is_optional<type>::value) {
		return result ? give(to, *std::forward<Result>(result)) : SC_E_ABSENT;
	} else if constexpr (is_unique_ptr<type>::value) {
		if (!result)
			return SC_E_ABSENT;
		to.set(std::forward<Result>(result));
		return 0;
	} else {
		static_assert(std::is_convertible_v<Result, std::string_view>,
			"a loader returns void, a text or bytes, a std::unique_ptr, or a "
			"std::optional");
		to.set(std::forward<Result>(result));
		return 0;
	}
}

/* A loader of any type; its address stays the same when its cache is moved. */
struct any_loader {
	virtual ~any_loader() = default;
	virtual int call(load &given) = 0;
};

template <typename Loader> int call_loader(Loader &loader, load &given)
{
	if constexpr (std::is_same_v<Loader, any_loader>) {
		return loader.call(given);
	} else if constexpr (std::is_void_v<decltype(loader(given))>) {
		loader(given);
		return 0;
	} else {
		return give(given, loader(given));
	}
}

template <typename Loader> struct loader_of final : any_loader {
	Loader loader;

	template <typename From> explicit loader_of(From &&from) : loader(std::forward<From>(from))
	{
	}

	int call(load &given) override
	{
		return call_loader(loader, given);
	}
};

/* One call of a C function with a loader in C++. The C function gets `run` and a pointer to this,
 * and uses them during that call, on that thread. */
template <typename Loader> struct loading {
	Loader &loader;
	std::exception_ptr thrown = nullptr;

	static int run(sc_load *native, void *context)
	{
		auto &self = *static_cast<loading *>(context);
		int rc = 0;
		self.thrown = caught_from([&] {
			scopecache::load given(native);
			rc = call_loader(self.loader, given);
		});
		if (!self.thrown)
			return rc;
		return explain(self.thrown, SC_E_LOAD, [native](int code, const char *text) {
			return sc_load_fail(native, code, "%s", text);
		});
	}

	/* Throw the exception of the loader in this call, or else the failure of the C function. */
	void check(int rc, const sc_error &detail) const
	{
		if (rc >= 0)
			return;
		if (thrown)
			std::rethrow_exception(thrown);
		throw error(detail);
	}
};

} // namespace internal

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
