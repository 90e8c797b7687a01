/* scopecache/options.hpp - options in C++, with setters that chain.
 *
 *	scopecache::cache_options().max_bytes(8 << 20).ttl_ms(std::chrono::minutes(1))
 *
 * They replace SC_CACHE_OPTIONS() and SC_PUT_OPTIONS(), because C++17 has no designators.
 */
#ifndef SCOPECACHE_OPTIONS_HPP
#define SCOPECACHE_OPTIONS_HPP

#include <scopecache/cache.h>

#include <chrono>
#include <cstdint>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

#define SC_CXX_SETTER(type, name)                                                                  \
	auto &name(type setting) noexcept                                                          \
	{                                                                                          \
		native_.name = setting;                                                            \
		return *this;                                                                      \
	}
#define SC_CXX_TIME_SETTER(name)                                                                   \
	SC_CXX_SETTER(std::int64_t, name)                                                          \
	auto &name(std::chrono::milliseconds setting) noexcept                                     \
	{                                                                                          \
		native_.name = setting.count();                                                    \
		return *this;                                                                      \
	}

/* A setter for each row of SC_CACHE_OPTION_TABLE (cache.h), which describes the options. */
class cache_options
{
      public:
	cache_options() noexcept
	{
		native_.size = sizeof native_;
	}

#define SC_CXX_NUMBER(name, preset, least, most, text) SC_CXX_SETTER(std::uint64_t, name)
#define SC_CXX_TIME(name, text)                        SC_CXX_TIME_SETTER(name)
#define SC_CXX_POINTER(type, name, text)               SC_CXX_SETTER(type, name)
	SC_CACHE_OPTION_TABLE(SC_CXX_NUMBER, SC_CXX_TIME, SC_CXX_POINTER)
#undef SC_CXX_NUMBER
#undef SC_CXX_TIME
#undef SC_CXX_POINTER

	const sc_cache_options *native() const noexcept
	{
		return &native_;
	}

      private:
	sc_cache_options native_{};
};

/* A setter for each field of struct sc_put_options. */
class put_options
{
      public:
	put_options() noexcept
	{
		native_.size = sizeof native_;
	}

	SC_CXX_TIME_SETTER(ttl_ms)
	SC_CXX_TIME_SETTER(tti_ms)
	SC_CXX_SETTER(std::uint64_t, cost)
	SC_CXX_TIME_SETTER(refresh_after_ms)
	SC_CXX_TIME_SETTER(stale_while_revalidate_ms)
	SC_CXX_TIME_SETTER(stale_if_error_ms)
	SC_CXX_SETTER(const char *, validator)
	SC_CXX_SETTER(const sc_context *, context)

	const sc_put_options *native() const noexcept
	{
		return &native_;
	}

      private:
	sc_put_options native_{};
};

#undef SC_CXX_SETTER
#undef SC_CXX_TIME_SETTER

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
