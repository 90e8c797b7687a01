/* A build with audits aborts at the next eviction after an invariant broke, and says which; other
 * builds do not. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/audit.h"
#include "engine/shard.h"
#include "engine/shard_check.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES (32u << 10)

static void put(struct sci_shard *shard, uint64_t key)
{
	struct sci_name name = { &key, sizeof key, sci_hash(&key, sizeof key, 5), NULL };
	struct sci_content content = { .value = &key, .len = sizeof key, .expires_ms = SCI_NEVER };

	sci_shard_put(shard, &name, &content, 0);
}

/* In a child process: put one more entry into a full shard. */
static _Noreturn void put_in_child(int errors, struct sci_shard *shard)
{
	dup2(errors, STDERR_FILENO);
	put(shard, 1000);
	_exit(sci_shard_check(shard) ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* How such a child ends, and what it prints. */
static int end_of_child(struct sci_shard *shard, char *said, size_t size)
{
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		put_in_child(ends[1], shard);
	close(ends[1]);
	size_t len = 0;
	for (ssize_t got; (got = read(ends[0], said + len, size - 1 - len)) > 0;)
		len += (size_t)got;
	said[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_wrong_count_is_noticed_at_the_next_eviction(void **state)
{
	const struct sci_shard_options options = { SCI_POLICY_COUNTED, BYTES, 40, 64, false };
	struct sci_shard *shard = aligned_alloc(SCI_SHARD_ALIGN, BYTES);
	char said[400];

	(void)state;
	assert_non_null(shard);
	memset(shard, 0, BYTES);
	sci_shard_format(shard, &options);
	for (uint64_t key = 0; key < 60; key++)
		put(shard, key);
	assert_true(shard->totals.evictions > 0);
	int status = end_of_child(shard, said, sizeof said);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
	assert_string_equal(said, "");

	shard->space_units++;
	status = end_of_child(shard, said, sizeof said);
#ifdef SC_AUDIT
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "the count of live bytes is wrong"));
#else
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
	assert_string_equal(said, "");
#endif
	free(shard);
}

/* Audits take a bounded number of steps per eviction, however many entries there are. */
static void a_large_shard_is_checked_at_times(void **state)
{
#ifdef SC_AUDIT
	struct sci_shard shard = { .buckets = SCI_AUDIT_SMALL / SCI_BUCKET_SLOTS };

	assert_int_equal(sci_audit_period(&shard), 1);
	shard.entries = 1;
	assert_int_equal(sci_audit_period(&shard), SCI_AUDIT_SMALL / SCI_AUDIT_STEPS);
	shard.buckets = SCI_BUCKETS_MAX;
	shard.entries = UINT32_MAX;
	assert_true(sci_audit_period(&shard) > (uint64_t)UINT32_MAX / SCI_AUDIT_STEPS);
#endif
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_count_is_noticed_at_the_next_eviction),
		cmocka_unit_test(a_large_shard_is_checked_at_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
