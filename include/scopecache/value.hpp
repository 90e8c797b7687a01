/* scopecache/value.hpp - a value that is pinned for as long as its holder lives. */
#ifndef SCOPECACHE_VALUE_HPP
#define SCOPECACHE_VALUE_HPP

#include <scopecache/cache.h>

#include <cstdint>
#include <string_view>
#include <utility>

/* The names in here may be those of globals in the program. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

/* A pin: valid and unchanged until it is destroyed, whatever eviction, replacement, clear or the end
 * of the cache do. It moves, and does not copy. */
class value
{
      public:
	value() = default;

	/* Take over the hold of `held`, which is all zero after. */
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

	/* Whether it holds anything: not after it was moved from. */
	explicit operator bool() const noexcept
	{
		return held_.data != nullptr;
	}

	/* The bytes. Empty for an object. */
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

	/* The object that was put or loaded, which must be a T: nothing checks it. Several holders
	 * may have it at the same time. */
	template <typename T> T &object() const noexcept
	{
		return *static_cast<T *>(const_cast<void *>(held_.data));
	}

	/* The C value, which stays this one's: its generation, its age, its remaining time. */
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
