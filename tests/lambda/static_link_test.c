/* A statically linked function: it needs no dynamic loader, and runs as a process. */
#include "support/cmocka.h"
#include "support/scripted_server.h"

#include "lambda/recorded_run.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sct_scripted_server server;

/* Whether a 64-bit ELF program names a dynamic loader. */
static bool has_interpreter(const char *path)
{
	Elf64_Ehdr header;
	Elf64_Phdr part;
	bool found = false;
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	assert_int_equal(fread(&header, sizeof header, 1, file), 1);
	assert_memory_equal(header.e_ident, ELFMAG, SELFMAG);
	assert_int_equal(header.e_ident[EI_CLASS], ELFCLASS64);
	assert_int_equal(fseek(file, (long)header.e_phoff, SEEK_SET), 0);
	for (int i = 0; i < header.e_phnum; i++) {
		assert_int_equal(fread(&part, sizeof part, 1, file), 1);
		found = found || part.p_type == PT_INTERP;
	}
	fclose(file);
	return found;
}

static void needs_no_loader(void **state)
{
	(void)state;
	assert_false(has_interpreter(STATIC_FUNCTION));
	assert_true(has_interpreter("/proc/self/exe"));
}

/* Start the function, which waits for its address from the pipe *go. *errors is its standard
 * error. */
static pid_t start_function(int *go, int *errors)
{
	int address_pipe[2], error_pipe[2];
	char address[64] = "";

	assert_int_equal(pipe(address_pipe), 0);
	assert_int_equal(pipe(error_pipe), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(address_pipe[1]);
		if (read(address_pipe[0], address, sizeof address - 1) > 0)
			setenv("AWS_LAMBDA_RUNTIME_API", address, 1);
		dup2(error_pipe[1], STDERR_FILENO);
		execl(STATIC_FUNCTION, STATIC_FUNCTION, (char *)NULL);
		_exit(127);
	}
	close(address_pipe[0]);
	close(error_pipe[1]);
	*go = address_pipe[1];
	*errors = error_pipe[0];
	return pid;
}

/* Read its output until its end; returns its exit status. */
static int end_function(pid_t pid, int errors, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int status;

	while (len < size - 1 && (got = read(errors, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(errors);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void answers_and_ends_at_sigterm(void **state)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT("1") }, { .bytes = EVENT("2") } };
	char text[1024];
	int go, errors;

	(void)state;
	unsetenv("AWS_LAMBDA_RUNTIME_API");
	pid_t pid = start_function(&go, &errors);
	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(gets), .terminate = pid };
	sct_scripted_server_start(&server);
	bool told = write(go, server.address, strlen(server.address)) > 0;
	close(go);
	int status = end_function(pid, errors, text, sizeof text);
	sct_scripted_server_stop(&server);
	assert_true(told);
	assert_string_equal(text, "");
	assert_int_equal(status, 0);
	assert_int_equal(server.request_count, 5);
	assert_string_equal(server.requests[3].body, "{\"len\":2}");
}

static void explains_that_it_is_a_function(void **state)
{
	char text[1024];
	int go, errors;

	(void)state;
	unsetenv("AWS_LAMBDA_RUNTIME_API");
	pid_t pid = start_function(&go, &errors);
	close(go);
	assert_int_equal(end_function(pid, errors, text, sizeof text), 1);
	assert_non_null(strstr(text, "AWS_LAMBDA_RUNTIME_API is not set"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_no_loader),
		cmocka_unit_test(answers_and_ends_at_sigterm),
		cmocka_unit_test(explains_that_it_is_a_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
