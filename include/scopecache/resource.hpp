/* scopecache/resource.hpp - resources in C++; see resource.h.
 *
 *	static scopecache::resource s3([] { return std::make_unique<s3_client>(); });
 *	...
 *	auto client = s3.acquire();
 *	client->list_buckets();
 *
 * The opener returns a std::unique_ptr, whose deleter closes the instance. If the opener throws,
 * the call that ran it throws the same exception; the threads that waited get a scopecache::error
 * with its text.
 */
#ifndef SCOPECACHE_RESOURCE_HPP
#define SCOPECACHE_RESOURCE_HPP

#include <scopecache/error.hpp>
#include <scopecache/resource.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

/* A program may have globals with the names of members here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

namespace scopecache
{

namespace internal
{

/* One call of sc_resource_acquire(). Calls nest when an opener acquires another resource; an opener
 * finds the call that runs it by its resource. */
struct acquiring {
	const void *of;
	acquiring *outer;
	std::exception_ptr thrown;

	static inline thread_local acquiring *innermost = nullptr;

	explicit acquiring(const void *resource) : of(resource), outer(innermost)
	{
		innermost = this;
	}

	acquiring(const acquiring &) = delete;
	acquiring &operator=(const acquiring &) = delete;

	~acquiring()
	{
		innermost = outer;
	}
};

/* The context of the C resource; its address stays the same when the resource is moved. */
template <typename T, typename Deleter> struct resource_state {
	sc_resource native;
	std::function<std::unique_ptr<T, Deleter>()> opener;

	template <typename Opener>
	explicit resource_state(Opener &&from) : opener(std::forward<Opener>(from))
	{
		sc_resource_init(&native, open, close, this);
	}

	resource_state(const resource_state &) = delete;
	resource_state &operator=(const resource_state &) = delete;

	~resource_state()
	{
		sc_resource_fini(&native);
	}

	using owner = std::unique_ptr<T, Deleter>;

	static int open(void *context, void **instance, sc_error *detail)
	{
		auto &self = *static_cast<resource_state *>(context);
		const std::exception_ptr thrown = caught_from([&] {
			if (owner opened = self.opener()) {
				*instance = new owner(std::move(opened));
				return;
			}
			throw error(SC_E_OPEN);
		});
		if (!thrown)
			return 0;
		if (acquiring::innermost && acquiring::innermost->of == context)
			acquiring::innermost->thrown = thrown;
		return explain(thrown, SC_E_OPEN, [detail](int code, const char *text) {
			std::snprintf(detail->message, sizeof detail->message, "%s", text);
			return code;
		});
	}

	static void close(void *instance)
	{
		static_cast<void>(caught_from([&] { delete static_cast<owner *>(instance); }));
	}
};

} // namespace internal

/* A held resource. The destructor releases it, and must run before that of the resource. It can be
 * moved but not copied. */
template <typename T, typename Deleter = std::default_delete<T>> class held
{
      public:
	held(held &&other) noexcept
	    : resource_(other.resource_), native_(std::exchange(other.native_, sc_held{}))
	{
	}

	held &operator=(held &&other) noexcept
	{
		if (this != &other) {
			sc_resource_release(resource_, &native_);
			resource_ = other.resource_;
			native_ = std::exchange(other.native_, sc_held{});
		}
		return *this;
	}

	~held()
	{
		sc_resource_release(resource_, &native_);
	}

	T *get() const noexcept
	{
		return static_cast<std::unique_ptr<T, Deleter> *>(native_.instance)->get();
	}

	std::add_lvalue_reference_t<T> operator*() const noexcept
	{
		return *get();
	}

	T *operator->() const noexcept
	{
		return get();
	}

	/* Report that the instance is broken: the next acquire opens a new one. */
	void report_broken() noexcept
	{
		sc_resource_report_broken(resource_, &native_);
	}

      private:
	template <typename, typename> friend class resource;

	held(sc_resource *from, const sc_held &native) noexcept : resource_(from), native_(native)
	{
	}

	sc_resource *resource_;
	sc_held native_;
};

/* A resource. It can be moved but not copied. */
template <typename T, typename Deleter = std::default_delete<T>> class resource
{
      public:
	/* Nothing is opened yet. One thread at a time runs the opener. */
	template <typename Opener,
		typename = std::enable_if_t<!std::is_same_v<std::decay_t<Opener>, resource>>>
	explicit resource(Opener &&opener)
	    : state_(std::make_unique<state>(std::forward<Opener>(opener)))
	{
	}

	/* Hold the resource; open it first if it is not open. */
	held<T, Deleter> acquire()
	{
		internal::acquiring call(state_.get());
		sc_held native{};
		sc_error detail;
		if (sc_resource_acquire(&state_->native, &native, &detail) >= 0)
			return held<T, Deleter>(&state_->native, native);
		if (call.thrown)
			std::rethrow_exception(call.thrown);
		throw error(detail);
	}

	/* Close the open instance, now or when its last holder releases it. */
	void reset() noexcept
	{
		sc_resource_reset(&state_->native);
	}

      private:
	using state = internal::resource_state<T, Deleter>;
	std::unique_ptr<state> state_;
};

template <typename Opener>
explicit resource(Opener &&opener) -> resource<typename decltype(opener())::element_type,
	typename decltype(opener())::deleter_type>;

} // namespace scopecache

#pragma GCC diagnostic pop

#endif
