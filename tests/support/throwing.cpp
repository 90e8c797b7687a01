// Throwing and catching for tests in C.
#include "support/throwing.h"

#include <stdexcept>

void sct_throw()
{
	throw std::runtime_error("thrown by a test");
}

int sct_catch(void (*call)(void *context), void *context)
{
	try {
		call(context);
	} catch (const std::runtime_error &) {
		return 1;
	}
	return 0;
}
