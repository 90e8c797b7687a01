/* The secret of hashes where the system gives no random numbers: getrandom() is this file's. */
#include "support/cmocka.h"

#include "base/hash.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned calls;
static ssize_t given;

ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags)
{
	(void)flags;
	calls++;
	if (given < 0)
		errno = ENOSYS;
	else
		memset(buffer, 0xA5, len < (size_t)given ? len : (size_t)given);
	return given;
}

static bool is_sound(const struct sci_hash_secret *secret)
{
	for (unsigned i = 0; i < 4; i++) {
		if (secret->mask[i] == 0 || secret->mask[i] == secret->start)
			return false;
		for (unsigned j = 0; j < i; j++)
			if (secret->mask[i] == secret->mask[j])
				return false;
	}
	return true;
}

static void each_call_has_a_secret_of_its_own(void **state)
{
	enum { SECRETS = 200 };
	static struct sci_hash_secret secrets[SECRETS];

	(void)state;
	given = -1;
	calls = 0;
	for (unsigned i = 0; i < SECRETS; i++) {
		secrets[i] = sci_hash_secret_draw();
		assert_true(is_sound(&secrets[i]));
		for (unsigned j = 0; j < i; j++)
			assert_true(secrets[i].start != secrets[j].start &&
				secrets[i].mask[0] != secrets[j].mask[0]);
	}
	assert_int_equal(calls, SECRETS);
}

/* What is cut off is not taken for whole. */
static void a_part_of_the_bytes_is_none(void **state)
{
	(void)state;
	given = sizeof(struct sci_hash_secret) - 8;
	struct sci_hash_secret secret = sci_hash_secret_draw();
	assert_true(is_sound(&secret));
	given = sizeof secret;
	secret = sci_hash_secret_draw();
	assert_true(secret.start == secret.mask[3]);
}

/* A child has the same random bytes from the kernel, and the same count of calls. */
static void a_forked_child_has_another_secret(void **state)
{
	int ends[2];
	struct sci_hash_secret its;

	(void)state;
	given = -1;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		its = sci_hash_secret_draw();
		_exit(write(ends[1], &its, sizeof its) == (ssize_t)sizeof its ? 0 : 1);
	}
	struct sci_hash_secret ours = sci_hash_secret_draw();
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], &its, sizeof its), sizeof its);
	assert_true(its.start != ours.start && its.mask[0] != ours.mask[0]);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_has_a_secret_of_its_own),
		cmocka_unit_test(a_part_of_the_bytes_is_none),
		cmocka_unit_test(a_forked_child_has_another_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
