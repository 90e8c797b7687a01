/* The error document of the Runtime API. */
#ifndef SCI_LAMBDA_ERROR_JSON_H
#define SCI_LAMBDA_ERROR_JSON_H

#include "base/buffer.h"

/* Replace what `out` holds by {"errorMessage":...,"errorType":...,"stackTrace":[]}. Invalid UTF-8
 * becomes U+FFFD. Returns 0, or SC_E_NOMEM with `out` empty. */
int sci_error_json(struct sci_buffer *out, const char *type, const char *message,
	size_t message_len);

#endif
