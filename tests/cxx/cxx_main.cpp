// The macros of the C headers that a function in C++ uses without scopecache.hpp.
#include <scopecache/function.h>

#include <cstdlib>

static int open_nothing(void *, void **, sc_error *)
{
	return SC_E_OPEN;
}

static sc_resource nothing = SC_RESOURCE_INIT(open_nothing, nullptr, nullptr);
static sc_memo memo = SC_MEMO_INIT(nullptr);

static int handle(sc_invocation *inv, void *)
{
	sc_held held;
	const sc_part parts[] = { SC_BYTES("a", 1), SC_TEXT_N("b", 1), SC_ABSENT };
	if (sc_resource_acquire(&nothing, &held, nullptr) >= 0)
		return SC_E_FUNCTION;
	sc_memo_clear(&memo);
	return sc_invocation_printf(inv, "%zu", sizeof parts / sizeof parts[0]);
}

SC_LAMBDA_MAIN(nullptr, handle, nullptr)
