/* scopecache/version.h - which version the headers are of, and which the library that runs.
 *
 * The macros are the version that a program was compiled with, the functions that of the library it
 * runs with, which may be newer where the library is shared. Before 1.0 a minor version may break,
 * and the name of the shared library changes with it.
 */
#ifndef SCOPECACHE_VERSION_H
#define SCOPECACHE_VERSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* All else is made of these three. CMake refuses to configure when project() in CMakeLists.txt has
 * others. */
#define SC_VERSION_MAJOR 0
#define SC_VERSION_MINOR 1
#define SC_VERSION_PATCH 0

#define SC_VERSION_NUMBER_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define SC_VERSION_QUOTED(major, minor, patch)    #major "." #minor "." #patch
#define SC_VERSION_TEXT_OF(major, minor, patch)   SC_VERSION_QUOTED(major, minor, patch)

/* The version as one number, of which the later is the greater, and as text: "0.1.0". */
#define SC_VERSION_NUMBER SC_VERSION_NUMBER_OF(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH)
#define SC_VERSION_TEXT   SC_VERSION_TEXT_OF(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH)

/* Whether the headers are of this version or a later one; also for #if. */
#define SC_VERSION_AT_LEAST(major, minor, patch)                                                   \
	(SC_VERSION_NUMBER >= SC_VERSION_NUMBER_OF(major, minor, patch))

/* The version of the library that runs, as SC_VERSION_TEXT has it: static text, never NULL. It
 * cannot fail and does not block. Any thread. */
const char *sc_version(void);

/* The same as SC_VERSION_NUMBER has it. It cannot fail and does not block. Any thread. */
uint32_t sc_version_number(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
