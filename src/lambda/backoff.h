/* Exponential back-off between retries. */
#ifndef SCI_LAMBDA_BACKOFF_H
#define SCI_LAMBDA_BACKOFF_H

#include "http/http_interrupt.h"

/* After how many failures in a row to give up. */
#define SCI_BACKOFF_TRIES 10

/* The pause after the n-th failure in a row (n from 1): 50 ms, doubled each time, at most 2 s. */
int sci_backoff_ms(int failures);

/* Wait, or less when `interrupt` is raised. */
void sci_backoff_wait(int ms, const struct sci_http_interrupt *interrupt);

#endif
