/* The wrapper that the linker puts in front of event_add() (ld --wrap). */
#include "support/failing_events.h"

#include <event2/event.h>

#include <stdbool.h>
#include <sys/time.h>

int __real_event_add(struct event *event, const struct timeval *timeout);

/* libevent's own libraries call event_add() too, and the linker refuses to hide what it believes
 * that they call. At run time they do not come here. */
__attribute__((visibility("default"))) int __wrap_event_add(struct event *event,
	const struct timeval *timeout);

static bool armed;
static int64_t chosen_ms;
static unsigned spared_left, failed;

int __wrap_event_add(struct event *event, const struct timeval *timeout)
{
	int64_t ms = timeout ? (int64_t)timeout->tv_sec * 1000 + timeout->tv_usec / 1000
			     : SCT_NO_TIMEOUT;

	if (!armed || ms != chosen_ms)
		return __real_event_add(event, timeout);
	if (spared_left > 0) {
		spared_left--;
		return __real_event_add(event, timeout);
	}
	failed++;
	return -1;
}

void sct_fail_events(int64_t ms, unsigned spared)
{
	armed = true;
	chosen_ms = ms;
	spared_left = spared;
	failed = 0;
}

unsigned sct_heal_events(void)
{
	armed = false;
	return failed;
}
