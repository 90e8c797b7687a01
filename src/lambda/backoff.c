/* The wait is divided into short slices, and the interrupt is checked before each: a signal that
 * another thread handles does not end this thread's sleep. */
#include "lambda/backoff.h"

#include <time.h>

#define FIRST_MS 50
#define MOST_MS  2000
#define SLICE_MS 50

int sci_backoff_ms(int failures)
{
	int ms = FIRST_MS;

	for (int i = 1; i < failures && ms < MOST_MS; i++)
		ms *= 2;
	return ms < MOST_MS ? ms : MOST_MS;
}

void sci_backoff_wait(int ms, const struct sci_http_interrupt *interrupt)
{
	const struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };

	for (int waited = 0; waited < ms && !sci_http_interrupt_raised(interrupt);
		waited += SLICE_MS)
		nanosleep(&slice, NULL);
}
