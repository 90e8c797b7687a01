/* SIGTERM, as a request to stop that ends a wait. */
#ifndef SCI_LAMBDA_TERMINATION_H
#define SCI_LAMBDA_TERMINATION_H

#include "http/http_interrupt.h"

/* From start to stop, SIGTERM raises the interrupt that start returns. Stop puts back what SIGTERM
 * did before. One at a time in a process: start returns NULL when there is one already. */
struct sci_http_interrupt *sci_termination_start(void);
void sci_termination_stop(void);

#endif
