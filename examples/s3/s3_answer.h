/* The XML that S3 answers with: bytes in, names or an error code out. It knows no network. */
#ifndef S3_ANSWER_H
#define S3_ANSWER_H

#include <scopecache/error.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As many buckets as S3 lists in one answer, and what a name or an error code may take. */
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
 * returns  0 with *buckets set; SC_E_PROTOCOL when it is not such an answer, whole and well-formed,
 *          SC_E_TOO_LARGE for more than S3_BUCKETS_MAX buckets or a name over S3_TEXT_MAX bytes,
 *          SC_E_NOMEM; then *buckets is empty.
 * owns     the caller owns the names: s3_buckets_fini(). */
int s3_answer_buckets(const char *xml, size_t len, struct s3_buckets *buckets,
	struct sc_error *error);

/* Read the code of an S3 error answer, such as "AccessDenied", into `code`: letters, digits and dots
 * only; empty when there is none to be found. */
void s3_answer_error_code(const char *xml, size_t len, char code[S3_TEXT_MAX + 1]);

#ifdef __cplusplus
}
#endif

#endif
