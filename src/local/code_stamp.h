/* Whether a function's code is what it was. */
#ifndef SCI_LOCAL_CODE_STAMP_H
#define SCI_LOCAL_CODE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* A number that changes when the file at `path` is written, replaced, added or removed; or, for
 * a folder, any of the files below it, SCI_CODE_FILES_MAX of them at most. One thread at a time. */
#define SCI_CODE_FILES_MAX 20000
uint64_t sci_code_stamp(const char *path);

#endif
