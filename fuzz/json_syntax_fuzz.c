/* The JSON checker compared with jansson: it accepts every text that jansson accepts, and refuses
 * an accepted text with another value after it. (jansson refuses more: lone surrogates, and numbers
 * that no double can hold.) */
#include "fuzz.h"

#include "base/json_syntax.h"

#include <scopecache/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void check_whole(const uint8_t *data, size_t size)
{
	char *longer = malloc(size + 2);
	size_t offset;

	if (!longer)
		return;
	memcpy(longer, data, size);
	memcpy(longer + size, ",1", 2);
	check(sci_json_syntax(longer, size + 2, &offset) == SC_E_INVAL);
	check(offset <= size + 2);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	size_t offset = 0;

	int rc = sci_json_syntax((const char *)data, size, &offset);
	check(rc == 0 || rc == SC_E_INVAL || rc == SC_E_TOO_LARGE);
	check(offset <= size);
	/* jansson treats a NUL as the end of the text. */
	bool comparable = size > 0 && !memchr(data, '\0', size);
	json_t *value = comparable ? json_loadb((const char *)data, size, flags, NULL) : NULL;
	if (value)
		check(rc == 0 || rc == SC_E_TOO_LARGE);
	json_decref(value);
	if (rc == 0)
		check_whole(data, size);
	return 0;
}
