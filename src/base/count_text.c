/* Digits in threes, the same in every locale. */
#include "base/count_text.h"

#include <stdio.h>

const char *sci_count_text(uint64_t count, char text[SCI_COUNT_TEXT_BYTES])
{
	char digits[SCI_COUNT_TEXT_BYTES];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}
