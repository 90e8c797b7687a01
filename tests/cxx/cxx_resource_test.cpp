// scopecache.hpp: resources, and what their openers throw.
#include "support/cases.hpp"

#include <scopecache/scopecache.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

static int open_now, opened;
static bool may_open;

struct client {
	int number = ++opened;
	client()
	{
		open_now++;
	}
	client(const client &) = delete;
	client &operator=(const client &) = delete;
	~client()
	{
		open_now--;
	}
};

struct refused : std::runtime_error {
	using std::runtime_error::runtime_error;
};

static std::unique_ptr<client> open_client()
{
	if (!may_open)
		throw refused("no connection");
	return std::make_unique<client>();
}

static void it_is_opened_once_and_closed()
{
	may_open = true;
	opened = 0;
	{
		scopecache::resource clients(open_client);
		static_assert(std::is_same_v<decltype(clients), scopecache::resource<client>>);
		CHECK(open_now == 0);
		CHECK(clients.acquire()->number == 1 && (*clients.acquire()).number == 1);
		auto first = clients.acquire();
		auto moved = std::move(clients);
		first.report_broken();
		CHECK(moved.acquire()->number == 2 && first->number == 1 && open_now == 2);
		first = moved.acquire();
		CHECK(first->number == 2 && open_now == 1);
		moved.reset();
		CHECK(open_now == 1);
		/* What is held has to end before the resource does. */
		auto last = std::move(first);
	}
	CHECK(open_now == 0);
}

static void what_an_opener_throws_comes_out_at_its_caller()
{
	scopecache::resource clients(open_client);

	may_open = false;
	for (int i = 0; i < 2; i++)
		CHECK(thrown_by<refused>([&] { clients.acquire(); }) == "no connection");
	may_open = true;
	CHECK(clients.acquire().get() != nullptr);

	scopecache::resource none([] { return std::unique_ptr<client>(); });
	CHECK(thrown_by<scopecache::error>([&] { none.acquire(); }) != "");
}

// The opener of one opens another: each exception finds its own call.
static void one_opens_another()
{
	scopecache::resource inner(open_client);
	scopecache::resource outer([&] {
		CHECK(thrown_by<refused>([&] { inner.acquire(); }) == "no connection");
		may_open = true;
		return std::make_unique<int>(inner.acquire()->number);
	});
	may_open = false;
	CHECK(*outer.acquire() > 0);

	may_open = false;
	inner.reset();
	scopecache::resource passing(
		[&] { return std::make_unique<int>(inner.acquire()->number); });
	CHECK(thrown_by<refused>([&] { passing.acquire(); }) == "no connection");
}

struct counting_close {
	int *closed;
	void operator()(void *memory) const
	{
		std::free(memory);
		++*closed;
	}
};

static void what_is_not_a_class_has_a_deleter()
{
	int closed = 0;
	{
		scopecache::resource memory([&closed] {
			return std::unique_ptr<void, counting_close>(std::malloc(1), { &closed });
		});
		CHECK(memory.acquire().get() != nullptr && closed == 0);
	}
	CHECK(closed == 1);
}

int main()
{
	return run_cases({ CASE(it_is_opened_once_and_closed),
		CASE(what_an_opener_throws_comes_out_at_its_caller), CASE(one_opens_another),
		CASE(what_is_not_a_class_has_a_deleter) });
}
