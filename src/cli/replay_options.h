/* The command line of scopecache replay. */
#ifndef SCI_CLI_REPLAY_OPTIONS_H
#define SCI_CLI_REPLAY_OPTIONS_H

#include "replay/replay_plan.h"

#include <stddef.h>

struct sci_replay_arguments {
	char **traces; /* a part of argv */
	size_t trace_count;
	struct sci_trace_options trace;
	struct sci_replay_plan plan;
	const char *plot; /* or NULL */
	bool json;
};

/* Does not return when the command line is wrong (exit status 2) or asks for help (0). */
void sci_replay_arguments_parse(struct sci_replay_arguments *arguments, int argc, char **argv);

#endif
