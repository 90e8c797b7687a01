/* Answers that the Runtime API and the Extensions API have in common. */
#ifndef SCI_LOCAL_API_REPLY_H
#define SCI_LOCAL_API_REPLY_H

#include <stdbool.h>

struct sci_exchange;

/* An error: {"errorMessage":...,"errorType":...}. `type` needs no escaping; the formatted message
 * may have any bytes. */
void sci_api_reply_error(struct sci_exchange *exchange, unsigned status, const char *type,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* 202 {"status":"OK"}. */
void sci_api_reply_accepted(struct sci_exchange *exchange);

/* Whether that is the method of the request; if not, it is answered 405. */
bool sci_api_is_method(struct sci_exchange *exchange, const char *method);

#endif
