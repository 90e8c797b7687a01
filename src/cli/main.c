/* The command `scopecache`: finds the subcommand in the table below and passes it the rest of the
 * command line.
 *
 * Each subcommand parses its own options with argp. Its argv[0] is its full name ("scopecache
 * local"), for its messages and its --help. Exit statuses are the same everywhere: 0 success, 1
 * failure, 2 a wrong command line. */
#include "cli/cmd_invoke.h"
#include "cli/cmd_local.h"
#include "cli/cmd_replay.h"
#include "cli/inheritance.h"

#include <scopecache/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "local", "Run functions in a local Lambda, many environments at once", sci_cmd_local },
	{ "invoke", "Invoke a function, once or many times, and measure it", sci_cmd_invoke },
	{ "replay", "Look up the keys of a trace in caches, and print their hit ratios",
		sci_cmd_replay },
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
	fputs("Usage: scopecache COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n  scopecache COMMAND --help   what a command takes\n"
	      "  scopecache --version        the version\n",
		out);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof name, "scopecache %s", command->name);
	argv[1] = name;
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (sci_inheritance_mend() < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			return run_command(&commands[i], argc, argv);
	if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(word, "--version") == 0) {
		puts("scopecache " SC_VERSION_TEXT);
		return EXIT_SUCCESS;
	}
	if (*word)
		fprintf(stderr, "scopecache: there is no command \"%s\"\n\n", word);
	print_help(stderr);
	return 2;
}
