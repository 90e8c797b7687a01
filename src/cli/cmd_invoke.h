/* scopecache invoke: see docs/man/scopecache-invoke.1. */
#ifndef SCI_CLI_CMD_INVOKE_H
#define SCI_CLI_CMD_INVOKE_H

/* Run the command; argv[0] is its name in messages. Returns the exit status of the process, or
 * does not return when the options are wrong or ask for help. */
int sci_cmd_invoke(int argc, char **argv);

#endif
