/* Hooks: the order of their calls in an invocation, and their arguments. */
#include "lambda/recorded_run.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

/* The recorded calls: a letter for the hook, and one for the call. */
static char told[64];

static void tell(const void *context, char what)
{
	size_t len = strlen(told);

	assert_true(len + 2 < sizeof told);
	told[len] = *(const char *)context;
	told[len + 1] = what;
}

static void look_at_begin(void *context, const struct sc_invocation_info *info)
{
	tell(context, 'b');
	assert_string_equal(info->request_id, "1");
	assert_string_equal(info->tenant_id, "blue");
	assert_true(info->remaining_ms > 0 && info->remaining_ms < SC_NO_DEADLINE);
	assert_int_equal(info->memory_bytes, 128 << 20);
	assert_non_null(info->log);
}

static void look_at_end(void *context, const struct sc_invocation_info *info)
{
	tell(context, 'e');
	assert_string_equal(info->request_id, "1");
}

static void look_at_shutdown(void *context)
{
	tell(context, 's');
}

/* The hook that begins first ends last. A struct of an older header has no shutdown; one of a newer
 * header may have unknown fields that are not set. */
static void calls_several_hooks(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD("1") EVENT_DEADLINE
			"Lambda-Runtime-Aws-Tenant-Id: blue\r\n" EVENT_BODY },
	};
	static char a[] = "a", b[] = "b", c[] = "c";
	const struct sc_hooks first = { sizeof first, a, look_at_begin, look_at_end,
		look_at_shutdown };
	const struct sc_hooks older = { offsetof(struct sc_hooks, shutdown), b, look_at_begin,
		look_at_end, look_at_shutdown };
	struct {
		struct sc_hooks known;
		void *unknown;
	} newer = { { sizeof newer, c, NULL, look_at_end, look_at_shutdown }, NULL };
	const struct sc_hooks *const hooks[] = { &first, &older, &newer.known, NULL };

	(void)state;
	memset(told, 0, sizeof told);
	setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128", 1);
	recorded.hooks = hooks;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_string_equal(told, "abbbcebeaecsas");
	unsetenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
	newer.unknown = &newer;
	assert_int_equal(recorded_run_at("127.0.0.1:1"), SC_E_INVAL);
	assert_non_null(strstr(recorded.error.message, "hooks"));
}

static struct sc_invocation_info last_info;

static void keep_info(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	last_info = *info;
}

static void marks_unknown_values(void **state)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT_HEAD("1") EVENT_BODY } };
	static const char *const sizes[] = { NULL, "", "lots", "128 ", "-1",
		"99999999999999999999" };
	const struct sc_hooks hooks = { .size = sizeof hooks, .invocation_begin = keep_info };
	const struct sc_hooks *const list[] = { &hooks, NULL };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		recorded_clear(state);
		recorded.hooks = list;
		if (sizes[i])
			setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", sizes[i], 1);
		memset(&last_info, 0xFF, sizeof last_info);
		assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
		assert_int_equal(last_info.memory_bytes, 0);
		assert_null(last_info.tenant_id);
		assert_true(last_info.remaining_ms == SC_NO_DEADLINE);
	}
	unsetenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
}

static void refuses_too_many_hooks(void **state)
{
	const struct sc_hooks empty = { .size = sizeof empty };
	const struct sc_hooks *hooks[SC_HOOKS_MAX + 2] = { NULL };

	(void)state;
	for (size_t i = 0; i <= SC_HOOKS_MAX; i++)
		hooks[i] = &empty;
	recorded.hooks = hooks;
	assert_int_equal(recorded_run_at("?"), SC_E_INVAL);
	assert_non_null(strstr(recorded.error.message, "16"));
	hooks[SC_HOOKS_MAX] = NULL;
	assert_int_equal(recorded_run_at("?"), SC_E_INVAL);
	assert_non_null(strstr(recorded.error.message, "HOST:PORT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(calls_several_hooks, recorded_clear),
		cmocka_unit_test_setup(marks_unknown_values, recorded_clear),
		cmocka_unit_test_setup(refuses_too_many_hooks, recorded_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
