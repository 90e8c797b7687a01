/* The part of cmocka that the tests use, for machines and C libraries without cmocka: each
 * failure ends the program. tests/support/cmocka.h includes it where SC_TEST_PORT is on. */
#ifndef SMALL_CMOCKA_H
#define SMALL_CMOCKA_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test)(void **state);
	int (*setup)(void **state), (*teardown)(void **state);
	void *initial_state;
};

#define cmocka_unit_test(test)                                                                     \
	{                                                                                          \
#test, test, NULL, NULL, NULL                                                      \
	}
#define cmocka_unit_test_setup(test, setup)                                                        \
	{                                                                                          \
#test, test, setup, NULL, NULL                                                     \
	}
#define cmocka_unit_test_teardown(test, teardown)                                                  \
	{                                                                                          \
#test, test, NULL, teardown, NULL                                                  \
	}
#define cmocka_unit_test_setup_teardown(test, setup, teardown)                                     \
	{                                                                                          \
#test, test, setup, teardown, NULL                                                 \
	}

static inline _Noreturn void small_cmocka_fail(const char *what, const char *file, int line)
{
	printf("%s:%d: %s\n", file, line, what);
	fflush(stdout);
	exit(1);
}

#define SMALL_CMOCKA_CHECK(condition, text)                                                        \
	((condition) ? (void)0 : small_cmocka_fail(text, __FILE__, __LINE__))

/* As cmocka's, integers are compared as unsigned ones of 64 bits. */
static inline void small_cmocka_ints(uintmax_t a, uintmax_t b, bool same, const char *text,
	const char *file, int line)
{
	if ((a == b) == same)
		return;
	printf("%s: %ju and %ju\n", text, a, b);
	small_cmocka_fail(text, file, line);
}

#define small_cmocka_compare(a, b, same, text)                                                     \
	small_cmocka_ints((uintmax_t)(a), (uintmax_t)(b), same, text, __FILE__, __LINE__)
#define assert_int_equal(a, b)     small_cmocka_compare(a, b, true, #a " is not " #b)
#define assert_int_not_equal(a, b) small_cmocka_compare(a, b, false, #a " is " #b)
#define assert_true(c)             SMALL_CMOCKA_CHECK(c, #c)
#define assert_false(c)            SMALL_CMOCKA_CHECK(!(c), "not: " #c)
#define assert_null(p)             SMALL_CMOCKA_CHECK((p) == NULL, #p " is not NULL")
#define assert_non_null(p)         SMALL_CMOCKA_CHECK((p) != NULL, #p " is NULL")
#define assert_ptr_equal(a, b)                                                                     \
	SMALL_CMOCKA_CHECK((uintptr_t)(a) == (uintptr_t)(b), #a " is not " #b)
#define assert_ptr_not_equal(a, b)                                                                 \
	SMALL_CMOCKA_CHECK((uintptr_t)(a) != (uintptr_t)(b), #a " is " #b)
#define assert_string_equal(a, b)        SMALL_CMOCKA_CHECK(strcmp(a, b) == 0, #a " is not " #b)
#define assert_string_not_equal(a, b)    SMALL_CMOCKA_CHECK(strcmp(a, b) != 0, #a " is " #b)
#define assert_memory_equal(a, b, n)     SMALL_CMOCKA_CHECK(memcmp(a, b, n) == 0, #a " is not " #b)
#define assert_memory_not_equal(a, b, n) SMALL_CMOCKA_CHECK(memcmp(a, b, n) != 0, #a " is " #b)
#define assert_in_range(v, least, most)                                                            \
	small_cmocka_range((uintmax_t)(v), (uintmax_t)(least), (uintmax_t)(most), #v, __FILE__,    \
		__LINE__)
#define fail_msg(...)      (printf(__VA_ARGS__), small_cmocka_fail("failed", __FILE__, __LINE__))
#define fail()             small_cmocka_fail("failed", __FILE__, __LINE__)
#define print_error(...)   printf(__VA_ARGS__)
#define print_message(...) printf(__VA_ARGS__)

static inline void small_cmocka_range(uintmax_t value, uintmax_t least, uintmax_t most,
	const char *text, const char *file, int line)
{
	if (value < least || value > most) {
		printf("%ju is not in %ju to %ju\n", value, least, most);
		small_cmocka_fail(text, file, line);
	}
}

/* skip() leaves its test without a teardown. */
static inline jmp_buf *small_cmocka_skipped(void)
{
	static jmp_buf place;
	return &place;
}

#define skip() longjmp(*small_cmocka_skipped(), 1)

static inline void small_cmocka_run(const struct CMUnitTest *one, void *group_state)
{
	void *state = one->initial_state ? one->initial_state : group_state;

	printf("[ RUN      ] %s\n", one->name);
	fflush(stdout);
	if (one->setup && one->setup(&state) != 0)
		small_cmocka_fail("the setup failed", one->name, 0);
	if (setjmp(*small_cmocka_skipped()) == 0) {
		one->test(&state);
		printf("[       OK ] %s\n", one->name);
	} else {
		printf("[  SKIPPED ] %s\n[  SKIPPED ] 1 test(s), listed below:\n", one->name);
	}
	if (one->teardown && one->teardown(&state) != 0)
		small_cmocka_fail("the teardown failed", one->name, 0);
}

static inline int small_cmocka_group(const struct CMUnitTest *tests, size_t count,
	int (*setup)(void **), int (*teardown)(void **))
{
	void *state = NULL;

	/* Elements without a function are skipped. */
	while (count > 0 && !tests[count - 1].test)
		count--;
	printf("[==========] Running %zu test(s).\n", count);
	if (setup && setup(&state) != 0)
		small_cmocka_fail("the setup failed", "group", 0);
	for (size_t i = 0; i < count; i++)
		small_cmocka_run(&tests[i], state);
	if (teardown && teardown(&state) != 0)
		small_cmocka_fail("the teardown failed", "group", 0);
	return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
	small_cmocka_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

#endif
