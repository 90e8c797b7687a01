/* scopecache/version.h - the version of the headers and of the library.
 *
 * The macros are the version that a program was compiled with. The functions return the version of
 * the library that it runs with, which may be newer if the library is shared. Before 1.0 a minor
 * version may break compatibility, and then the soname of the shared library changes too.
 */
#ifndef SCOPECACHE_VERSION_H
#define SCOPECACHE_VERSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The three numbers of the version. CMake refuses to configure if project() in CMakeLists.txt has
 * others. */
#define SC_VERSION_MAJOR 0
#define SC_VERSION_MINOR 1
#define SC_VERSION_PATCH 0

/* Private: a version as one number, and as text. */
#define SC_VERSION_NUMBER_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define SC_VERSION_QUOTED(major, minor, patch)    #major "." #minor "." #patch
#define SC_VERSION_TEXT_OF(major, minor, patch)   SC_VERSION_QUOTED(major, minor, patch)

/* The version as one number, which is greater for a later version, and as text: "0.1.0". */
#define SC_VERSION_NUMBER SC_VERSION_NUMBER_OF(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH)
#define SC_VERSION_TEXT   SC_VERSION_TEXT_OF(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH)

/* Whether the headers have this version or a later one; also for #if. */
#define SC_VERSION_AT_LEAST(major, minor, patch)                                                   \
	(SC_VERSION_NUMBER >= SC_VERSION_NUMBER_OF(major, minor, patch))

/* Get the version of the library that runs, as text.
 *
 * returns  static text in the form of SC_VERSION_TEXT, never NULL.
 * threads  any; does not block. */
const char *sc_version(void);

/* Get the version of the library that runs, as a number.
 *
 * returns  the version in the form of SC_VERSION_NUMBER.
 * threads  any; does not block. */
uint32_t sc_version_number(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
