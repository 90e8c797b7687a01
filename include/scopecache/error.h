/* scopecache/error.h - results, and what goes with a failure.
 *
 * Every function that can fail returns an int:
 *
 *	negative   it failed: one of SC_E_*
 *	0          done (or, for a lookup, SC_MISS)
 *	positive   done, and this is how: SC_HIT, SC_LOADED, ...
 *
 * so `rc < 0` is the only test for failure anywhere. The numbers are part of the ABI: they never
 * change their meaning and are never used again for another.
 */
#ifndef SCOPECACHE_ERROR_H
#define SCOPECACHE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SC_PRINTF_LIKE(format_at, first) __attribute__((__format__(__printf__, format_at, first)))
#else
#define SC_PRINTF_LIKE(format_at, first)
#endif

/* The one table of failures: name, number, text. */
#define SC_ERRORS(X)                                                                               \
	X(SC_E_INVAL, -1, "an argument is not valid")                                              \
	X(SC_E_NOMEM, -2, "out of memory")                                                         \
	X(SC_E_TOO_LARGE, -3, "too large")                                                         \
	X(SC_E_LOAD, -4, "the loader failed")                                                      \
	X(SC_E_OPEN, -5, "the resource could not be opened")                                       \
	X(SC_E_CYCLE, -6, "a loader asked for the very thing it is loading")                       \
	X(SC_E_DEADLINE, -7, "the deadline has passed")                                            \
	X(SC_E_IO, -8, "input or output failed")                                                   \
	X(SC_E_PROTOCOL, -9, "the other side broke the protocol")                                  \
	X(SC_E_FUNCTION, -10, "the function failed")                                               \
	X(SC_E_ABSENT, -11, "there is no value for this key")

/* The one table of outcomes that are not failures. */
#define SC_OUTCOMES(X)                                                                             \
	X(SC_OK, 0, "done")                                                                        \
	X(SC_HIT, 1, "hit")                                                                        \
	X(SC_LOADED, 2, "loaded")                                                                  \
	X(SC_STALE, 3, "stale")

#define SC_RESULT_ENUM(name, number, text) name = (number),
enum sc_result { SC_ERRORS(SC_RESULT_ENUM) SC_OUTCOMES(SC_RESULT_ENUM) };
#undef SC_RESULT_ENUM

/* What a lookup that finds nothing returns: it is done, and there was nothing. */
#define SC_MISS SC_OK

/* The text for a result: static, never NULL, in English, without a full stop. Any thread. */
static inline const char *sc_result_text(int result)
{
#define SC_RESULT_TEXT(name, number, text)                                                         \
	case name:                                                                                 \
		return text;
	switch (result) {
		SC_ERRORS(SC_RESULT_TEXT)
		SC_OUTCOMES(SC_RESULT_TEXT)
	default:
		return "unknown result";
	}
#undef SC_RESULT_TEXT
}

#define SC_ERROR_MESSAGE_BYTES 240

/* The detail of a failure. Functions that have something to add take a `struct sc_error *` as their
 * last argument; it may be NULL, and it is written only when the function fails. It holds no pointer,
 * so it can be copied and needs no freeing. `message` is UTF-8 text without a full stop, cut at a
 * character when too long. It never holds a key, a value or a payload. */
struct sc_error {
	int32_t code;           /* SC_E_*, the same as the function's result */
	int32_t os_errno;       /* errno at the failure, or 0 */
	int32_t http_status;    /* the status the other side answered with, or 0 */
	int32_t user_code;      /* what the user's own loader or opener returned, or 0 */
	int32_t kind;           /* of a loader's failure: for later versions, now 0 */
	int32_t unused;         /* 0 */
	int64_t retry_after_ms; /* do not try again sooner: for later versions, now 0 */
	char message[SC_ERROR_MESSAGE_BYTES];
	uint64_t reserved[2]; /* 0 */
};

#ifdef __cplusplus
}
#endif

#endif
