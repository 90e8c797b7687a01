/* scopecache/value.hpp - a pinned value, which releases itself. */
#ifndef SCOPECACHE_VALUE_HPP
#define SCOPECACHE_VALUE_HPP

#include <scopecache/cache.h>

#include <cstdint>
#include <string_view>
#include <utility>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* A pin: the value is valid and unchanged until this is destroyed, even if the entry is evicted,
 * replaced or cleared, or the cache is closed. It can be moved but not copied. */
class value
{
      public:
	value() = default;

	/* Take over the pin of `held`, which is set to zero. */
	explicit value(sc_value &&held) noexcept : held_(std::exchange(held, sc_value{}))
	{
	}

	value(value &&other) noexcept : held_(std::exchange(other.held_, sc_value{}))
	{
	}

	value &operator=(value &&other) noexcept
	{
		if (this != &other) {
			sc_value_release(&held_);
			held_ = std::exchange(other.held_, sc_value{});
		}
		return *this;
	}

	~value()
	{
		sc_value_release(&held_);
	}

	/* Whether it holds a value: false after a move. */
	explicit operator bool() const noexcept
	{
		return held_.data != nullptr;
	}

	/* The bytes; empty for an object. */
	const void *data() const noexcept
	{
		return held_.data;
	}

	std::size_t size() const noexcept
	{
		return held_.len;
	}

	std::string_view text() const noexcept
	{
		return { static_cast<const char *>(held_.data), held_.len };
	}

	/* The object that was put or loaded. It must be a T, which is not checked. Several threads
	 * may hold it at the same time. */
	template <typename T> T &object() const noexcept
	{
		return *static_cast<T *>(const_cast<void *>(held_.data));
	}

	/* The C value, which this still owns, with its generation, age and remaining time. */
	const sc_value &native() const noexcept
	{
		return held_;
	}

      private:
	sc_value held_{};
};

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
