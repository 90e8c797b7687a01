/* The event loop of everything here. */
#ifndef SCI_LOCAL_EVENT_LOOP_H
#define SCI_LOCAL_EVENT_LOOP_H

struct event_base;

/* Make a loop. Its timers are armed against the time at which they are armed, however long the
 * round has lasted by then. Returns NULL without memory. */
struct event_base *sci_loop_new(void);

#endif
