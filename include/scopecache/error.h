/* scopecache/error.h - results of functions, and the details of a failure.
 *
 * Every function that can fail returns an int:
 *
 *	negative   failure: one of SC_E_*
 *	0          done (or, for a lookup, SC_MISS)
 *	positive   done, with a named outcome: SC_HIT, SC_LOADED, ...
 *
 * so `rc < 0` is the only test for failure. The numbers are part of the ABI: a number never changes
 * its meaning and is never reused.
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

/* The table of failures: name, number, text. */
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
	X(SC_E_ABSENT, -11, "there is no value for this key")                                      \
	X(SC_E_REFUSED, -12, "the source gave again the value that was refused")                   \
	X(SC_E_SCOPE, -13,                                                                         \
		"the thread is in no scope, in one that was invalidated, or in another tenant's")

/* The table of outcomes that are not failures: name, number, text. */
#define SC_OUTCOMES(X)                                                                             \
	X(SC_OK, 0, "done")                                                                        \
	X(SC_HIT, 1, "hit")                                                                        \
	X(SC_LOADED, 2, "loaded")                                                                  \
	X(SC_STALE, 3, "stale")

#define SC_RESULT_ENUM(name, number, text) name = (number),
enum sc_result { SC_ERRORS(SC_RESULT_ENUM) SC_OUTCOMES(SC_RESULT_ENUM) };
#undef SC_RESULT_ENUM

/* The result of a lookup that finds nothing: done, without a value. */
#define SC_MISS SC_OK

/* Get the text of a result.
 *
 * returns  static text, never NULL, in English, without a full stop.
 * threads  any; does not block. */
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

/* The size of a message, with its NUL. */
#define SC_ERROR_MESSAGE_BYTES 240

/* The details of a failure. A function that can report details takes a `struct sc_error *` as its
 * last argument. It may be NULL, and is written only when the function fails. It holds no pointer,
 * so it may be copied and is never freed. `message` is UTF-8 text without a full stop, cut between
 * two characters when it is too long. It never contains a key, a value or a payload. */
struct sc_error {
	int32_t code;           /* SC_E_*, the same as the function's result */
	int32_t os_errno;       /* errno at the failure, or 0 */
	int32_t http_status;    /* the status of the other side's answer, or 0 */
	int32_t user_code;      /* the result of the user's loader or opener, or 0 */
	int32_t kind;           /* of a loader's failure: an enum sc_load_kind, else 0 */
	int32_t unused;         /* 0 */
	int64_t retry_after_ms; /* until the key is loaded again: no fetch tries sooner; or 0 */
	char message[SC_ERROR_MESSAGE_BYTES];
	uint64_t reserved[2]; /* 0 */
};

#ifdef __cplusplus
}
#endif

#endif
