/* Reading the XML of S3's answers: bytes in, names or an error code out, without network. */
#ifndef S3_ANSWER_H
#define S3_ANSWER_H

#include <scopecache/error.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most buckets in one answer of S3, and the size of a name or an error code. */
#define S3_BUCKETS_MAX 10000
#define S3_TEXT_MAX    255

/* The names of buckets, in S3's order. */
struct s3_buckets {
	char **names;
	size_t count;
};

void s3_buckets_fini(struct s3_buckets *buckets);

/* Read a ListBuckets answer.
 *
 * returns  0 with *buckets set; SC_E_PROTOCOL when it is not a complete and well-formed answer,
 *          SC_E_TOO_LARGE for more than S3_BUCKETS_MAX buckets or a name over S3_TEXT_MAX bytes, or
 *          SC_E_NOMEM, with *buckets empty.
 * owns     the caller owns the names: s3_buckets_fini(). */
int s3_answer_buckets(const char *xml, size_t len, struct s3_buckets *buckets,
	struct sc_error *error);

/* Read the code of an S3 error answer, such as "AccessDenied", into `code`: letters, digits and
 * dots only; empty if there is none. */
void s3_answer_error_code(const char *xml, size_t len, char code[S3_TEXT_MAX + 1]);

#ifdef __cplusplus
}
#endif

#endif
