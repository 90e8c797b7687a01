/* scopecache/key.hpp - keys of C++ values.
 *
 *	cache.fetch(scopecache::key(user, year));
 *	cache.fetch(SC_KEY("report", scopecache::bytes(digest, 32)));
 */
#ifndef SCOPECACHE_KEY_HPP
#define SCOPECACHE_KEY_HPP

#include <scopecache/key.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

namespace internal
{

/* bool and the integers, but not the character types, which may be text or numbers. */
template <typename T>
inline constexpr bool is_number = std::is_integral_v<T> && !std::is_same_v<T, char> &&
	!std::is_same_v<T, wchar_t> && !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;
#if defined(__cpp_char8_t)
template <> inline constexpr bool is_number<char8_t> = false;
#endif

} // namespace internal

/* Make a part from a value, by its type. Other types do not compile: equality of floating point is
 * not useful for a key, and neither is the value of a pointer. Texts and bytes are borrowed, and
 * must live as long as the key is used. */
inline sc_part part(const sc_part &made)
{
	return made;
}

inline sc_part part(std::string_view text)
{
	return sc_part_text_n(text.data(), text.size());
}

/* NULL is the absent part. */
inline sc_part part(const char *text)
{
	return sc_part_text(text);
}

inline sc_part part(std::nullptr_t)
{
	return sc_part_absent();
}

inline sc_part part(std::nullopt_t)
{
	return sc_part_absent();
}

template <typename Number, std::enable_if_t<internal::is_number<Number>, int> = 0>
sc_part part(Number number)
{
	if constexpr (std::is_same_v<Number, bool>)
		return sc_part_bool(number);
	else if constexpr (std::is_signed_v<Number>)
		return sc_part_integer(number);
	else
		return sc_part_unsigned(number);
}

/* The part of its value, or the absent part. */
template <typename T> sc_part part(const std::optional<T> &maybe)
{
	return maybe ? part(*maybe) : sc_part_absent();
}

inline sc_part bytes(const void *data, std::size_t len)
{
	return sc_part_bytes(data, len);
}

/* A key of 1 to SC_KEY_PARTS_MAX values. It holds the parts and borrows their texts and bytes. It
 * converts to an sc_key, which borrows the parts: use that only while the key lives. */
template <std::size_t N> class key
{
	static_assert(N >= 1 && N <= SC_KEY_PARTS_MAX, "a key has 1 to SC_KEY_PARTS_MAX parts");

      public:
	template <typename... Values,
		typename = std::enable_if_t<sizeof...(Values) == N &&
			!std::conjunction_v<std::is_same<Values, key>...>>>
	explicit key(const Values &...values) : parts_{ { part(values)... } }
	{
	}

	operator sc_key() const noexcept
	{
		return sc_key{ parts_.data(), N };
	}

      private:
	std::array<sc_part, N> parts_;
};

template <typename... Values> explicit key(const Values &...) -> key<sizeof...(Values)>;

} // namespace scopecache

#pragma GCC diagnostic pop

/* As in C. */
#define SC_KEY(...) (::scopecache::key(__VA_ARGS__))

#endif
