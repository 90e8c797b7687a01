/* What a process inherits from whoever starts it, made such that the rest need not think of it. */
#ifndef SCI_CLI_INHERITANCE_H
#define SCI_CLI_INHERITANCE_H

/* Open /dev/null in place of a standard descriptor that is closed, unblock every signal, and let
 * the ends of children be told again where they were ignored. Signals that end a process stay
 * ignored where they were (nohup, a shell's background). To be called first of all. Returns 0, or
 * -1 when there is no /dev/null. */
int sci_inheritance_mend(void);

#endif
