/* scopecache replay: see docs/man/scopecache-replay.1. */
#ifndef SCI_CLI_CMD_REPLAY_H
#define SCI_CLI_CMD_REPLAY_H

/* Run the command; argv[0] is its name in messages. Returns the exit status of the process, or
 * does not return when the options are wrong or ask for help. */
int sci_cmd_replay(int argc, char **argv);

#endif
