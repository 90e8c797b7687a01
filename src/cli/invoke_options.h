/* The command line of scopecache invoke. */
#ifndef SCI_CLI_INVOKE_OPTIONS_H
#define SCI_CLI_INVOKE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define SCI_INVOKE_COUNT_MAX UINT64_C(1000000000)

struct sci_invoke_arguments {
	const char *function, *payload;
	const char *endpoint; /* from the option or the environment */
	uint64_t count;
	unsigned parallel;
	int64_t timeout_ms;
	bool json, raw, quiet;
};

/* Does not return when the command line is wrong (exit status 2) or asks for help (0). */
void sci_invoke_arguments_parse(struct sci_invoke_arguments *arguments, int argc, char **argv);

#endif
