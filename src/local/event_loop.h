/* The event loop of the server. */
#ifndef SCI_LOCAL_EVENT_LOOP_H
#define SCI_LOCAL_EVENT_LOOP_H

struct event_base;

/* Make a loop. A timer's delay begins when the timer is armed, not when the round of the loop
 * began. Returns NULL without memory. */
struct event_base *sci_loop_new(void);

#endif
