/* SIGTERM, as a request to stop that ends a wait. */
#ifndef SCI_LAMBDA_TERMINATION_H
#define SCI_LAMBDA_TERMINATION_H

#include "http/http_interrupt.h"

/* Between start and stop, SIGTERM raises the interrupt that start returns. Stop restores the
 * previous action. There is one at a time in a process: start returns NULL for a second one. */
struct sci_http_interrupt *sci_termination_start(void);
void sci_termination_stop(void);

#endif
