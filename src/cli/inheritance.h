/* What a process inherits from its parent: standard descriptors and signals. */
#ifndef SCI_CLI_INHERITANCE_H
#define SCI_CLI_INHERITANCE_H

/* Open /dev/null in place of each closed standard descriptor, unblock all signals, and reset
 * SIGCHLD to its default. Signals that end a process stay ignored where they were (nohup, a
 * shell's background). Call it first. Returns 0, or -1 when there is no /dev/null. */
int sci_inheritance_mend(void);

#endif
