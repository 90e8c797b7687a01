// Test cases in C++ that print like cmocka.
#ifndef SUPPORT_CASES_HPP
#define SUPPORT_CASES_HPP

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <string>
#include <typeinfo>

#define CHECK(condition)                                                                           \
	((condition) ? (void)0                                                                     \
		     : (std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition), std::exit(1)))

struct test_case {
	const char *name;
	void (*run)();
};

#define CASE(function)                                                                             \
	test_case                                                                                  \
	{                                                                                          \
#function, function                                                                \
	}

inline int run_cases(std::initializer_list<test_case> all)
{
	std::printf("[==========] Running %zu test(s).\n", all.size());
	for (const test_case &one : all) {
		std::printf("[ RUN      ] %s\n", one.name);
		one.run();
		std::printf("[       OK ] %s\n", one.name);
	}
	std::printf("[  PASSED  ] %zu test(s).\n", all.size());
	return 0;
}

// The text of the Exception that `call` throws; empty if it throws nothing. Other exceptions pass.
template <typename Exception, typename Call> std::string thrown_by(Call call)
{
	try {
		call();
	} catch (const Exception &thrown) {
		CHECK(typeid(thrown) == typeid(Exception));
		return thrown.what();
	}
	return "";
}

#endif
