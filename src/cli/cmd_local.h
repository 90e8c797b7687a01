/* scopecache local: see docs/man/scopecache-local.1. */
#ifndef SCI_CLI_CMD_LOCAL_H
#define SCI_CLI_CMD_LOCAL_H

/* Run the command; argv[0] is how it was called, for messages. Returns the exit status of the
 * process, or does not return when the options are wrong or ask for help. */
int sci_cmd_local(int argc, char **argv);

#endif
