/* Counts as people read them. */
#ifndef SCI_BASE_COUNT_TEXT_H
#define SCI_BASE_COUNT_TEXT_H

#include <stdint.h>

#define SCI_COUNT_TEXT_BYTES 32

/* 1234567 as 1,234,567. Returns `text`. */
const char *sci_count_text(uint64_t count, char text[SCI_COUNT_TEXT_BYTES]);

#endif
