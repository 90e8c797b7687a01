/* Base64 in a header: an accepted text, decoded and encoded again, gives the same text. */
#include "fuzz.h"

#include "local/base64.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly the size that the decoder is told. */
	uint8_t *bytes = malloc(size / 4 * 3);
	char *text = malloc(size + 1);
	size_t len = 0;

	if ((bytes || size < 4) && text &&
		sci_base64_decode((const char *)data, size, bytes, &len) == 0) {
		check(len <= size / 4 * 3 && SCI_BASE64_BYTES(len) == size);
		sci_base64_encode(bytes, len, text);
		check(size == 0 || memcmp(text, data, size) == 0);
	}
	free(bytes);
	free(text);
	return 0;
}
