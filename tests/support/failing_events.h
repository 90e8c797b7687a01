/* No memory for the events of libevent. A test program that links sct_failing_events has every
 * event_add() of the code under test go through this module. What libevent allocates for it, the
 * place in its heap of timers for one, is made to fail by failing the whole. */
#ifndef SCT_FAILING_EVENTS_H
#define SCT_FAILING_EVENTS_H

#include <stdint.h>

/* Of an event_add() without a timeout. */
#define SCT_NO_TIMEOUT (-1)

/* From now on, after the first `spared` of them, fail each event_add() with a timeout of `ms`
 * milliseconds, or SCT_NO_TIMEOUT. */
void sct_fail_events(int64_t ms, unsigned spared);

/* Fail none any more. Returns how many have failed; a test that expects 0 tests nothing. */
unsigned sct_heal_events(void);

#endif
