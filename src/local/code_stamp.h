/* Detect changes of a function's code. */
#ifndef SCI_LOCAL_CODE_STAMP_H
#define SCI_LOCAL_CODE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* A number that changes when the file at `path` is written, replaced, added or removed; for a
 * folder, when one of the first SCI_CODE_FILES_MAX files below it is. One thread at a time. */
#define SCI_CODE_FILES_MAX 20000
uint64_t sci_code_stamp(const char *path);

#endif
