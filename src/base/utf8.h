/* UTF-8, as far as JSON and messages need it. */
#ifndef SCI_BASE_UTF8_H
#define SCI_BASE_UTF8_H

#include <stddef.h>

/* The length, 1 to 4, of the valid UTF-8 character that `text` begins with; 0 when it begins with a
 * byte that is not part of one (overlong forms, surrogates and code points past U+10FFFF included),
 * or when `len` ends before the character does. */
size_t sci_utf8_length(const char *text, size_t len);

/* `len` without an incomplete character at the end. */
size_t sci_utf8_cut(const char *text, size_t len);

#endif
