/* A supervisor may start a program with closed standard descriptors. The first files that the
 * program opens would get these descriptors, and output would be written into them. execve() also
 * keeps blocked and ignored signals. */
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
			/* open() returns the lowest free descriptor, which is this one. */
			open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			return -1;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	return 0;
}
