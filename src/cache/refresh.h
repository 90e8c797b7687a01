/* Refreshes: loads of values that a fetch returned although they are due for a load. They run when
 * no caller waits: after an invocation's answer, or in sc_maintain(). */
#ifndef SCI_CACHE_REFRESH_H
#define SCI_CACHE_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

/* Run refreshes until the queue is empty or the time is over; one that usually takes longer than
 * what is left does not begin. Returns whether some are left. */
bool sci_refresh_run(int64_t until_mono_ms);

/* After an invocation's answer: the same, for the process's budget. */
void sci_refresh_after_answer(void);

#endif
