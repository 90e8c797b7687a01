/* A supervisor may start a program with its standard descriptors closed: the first files that it
 * opens would take their numbers, and be written into by whatever prints. It may have signals
 * blocked, which execve() keeps, as it keeps what is ignored. */
#include "cli/inheritance.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int sci_inheritance_mend(void)
{
	sigset_t none;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
			/* The lowest that is free is given, which is this one. */
			open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			return -1;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	return 0;
}
