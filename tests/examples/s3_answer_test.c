/* S3's XML: the answers that are read, those that are refused, and no read past the end. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "s3/s3_answer.h"

#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult "                     \
	"xmlns=\"http://s3/\">"
#define TAIL "</ListAllMyBucketsResult>"

static const char two[] =
	HEAD "<Owner><ID>1</ID><Name>not a bucket</Name></Owner><Buckets>"
	     "<Bucket><Name>first</Name><CreationDate>2024</CreationDate></Bucket>"
	     "<Bucket><CreationDate/><Name>se&amp;cond</Name></Bucket></Buckets>" TAIL;

/* Read a copy of exactly its length, so that a sanitizer sees a read past its end. */
static int read_exactly(const char *xml, size_t len, struct s3_buckets *buckets,
	struct sc_error *error)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, xml, len);
	int rc = s3_answer_buckets(copy, len, buckets, error);
	free(copy);
	if (rc < 0) {
		assert_null(buckets->names);
		assert_int_equal(buckets->count, 0);
	}
	return rc;
}

static int read_text(const char *xml)
{
	struct s3_buckets buckets;

	int rc = read_exactly(xml, strlen(xml), &buckets, NULL);
	if (rc == 0)
		rc = (int)buckets.count;
	s3_buckets_fini(&buckets);
	return rc;
}

static void names_in_their_order(void **state)
{
	struct s3_buckets buckets;

	(void)state;
	assert_int_equal(read_exactly(two, strlen(two), &buckets, NULL), 0);
	assert_int_equal(buckets.count, 2);
	assert_string_equal(buckets.names[0], "first");
	assert_string_equal(buckets.names[1], "se&cond");
	s3_buckets_fini(&buckets);
	s3_buckets_fini(&buckets);
}

static void names_only_where_they_belong(void **state)
{
	(void)state;
	assert_int_equal(read_text(HEAD TAIL), 0);
	assert_int_equal(read_text(HEAD "<Buckets/>" TAIL), 0);
	assert_int_equal(read_text(HEAD "<Bucket><Name>x</Name></Bucket>" TAIL), 0);
	assert_int_equal(read_text(HEAD "<Buckets><Name>x</Name></Buckets>" TAIL), 0);
	assert_int_equal(
		read_text(HEAD
			"<Buckets><Other><Bucket><Name>x</Name></Bucket></Other></Buckets>" TAIL),
		0);
	assert_int_equal(
		read_text(HEAD "<Buckets><Bucket><A><Name>x</Name></A></Bucket></Buckets>" TAIL),
		0);
	assert_int_equal(
		read_text(HEAD "<Buckets><Bucket><A/><Name>x</Name></Bucket></Buckets>" TAIL), 1);
}

static void what_is_not_such_an_answer(void **state)
{
	struct s3_buckets buckets;
	struct sc_error error = { 0 };

	(void)state;
	assert_int_equal(read_text(""), SC_E_PROTOCOL);
	assert_int_equal(read_text("no XML"), SC_E_PROTOCOL);
	assert_int_equal(read_text("<Error><Code>AccessDenied</Code></Error>"), SC_E_PROTOCOL);
	assert_int_equal(read_text("<a>" HEAD TAIL "</a>"), SC_E_PROTOCOL);
	assert_int_equal(read_text(HEAD "<Buckets><Bucket><Name></Name></Bucket></Buckets>" TAIL),
		SC_E_PROTOCOL);
	assert_int_equal(read_text("<ListAllMyBucketsResult>\xff</ListAllMyBucketsResult>"),
		SC_E_PROTOCOL);
	assert_int_equal(read_exactly(two, 40, &buckets, &error), SC_E_PROTOCOL);
	assert_string_equal(error.message,
		"S3's list of buckets: the other side broke the protocol");
}

/* Entities that grow are only ever declared in a document type. */
static void a_document_type_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_text("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
				   "<ListAllMyBucketsResult><Buckets><Bucket><Name>&b;</Name></"
				   "Bucket></Buckets>" TAIL),
		SC_E_PROTOCOL);
	assert_int_equal(
		read_text("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListAllMyBucketsResult/>"),
		SC_E_PROTOCOL);
}

static void names_are_bounded(void **state)
{
	char xml[1024], name[S3_TEXT_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof name);
	for (int len = S3_TEXT_MAX; len <= S3_TEXT_MAX + 1; len++) {
		snprintf(xml, sizeof xml,
			HEAD "<Buckets><Bucket><Name>%.*s</Name></Bucket></Buckets>" TAIL, len,
			name);
		assert_int_equal(read_text(xml), len == S3_TEXT_MAX ? 1 : SC_E_TOO_LARGE);
	}
}

static void buckets_are_bounded(void **state)
{
	static const char bucket[] = "<Bucket><Name>b</Name></Bucket>";
	static char xml[(S3_BUCKETS_MAX + 1) * sizeof bucket + 512];

	(void)state;
	for (int count = S3_BUCKETS_MAX; count <= S3_BUCKETS_MAX + 1; count++) {
		char *at = xml + sprintf(xml, HEAD "<Buckets>");
		for (int i = 0; i < count; i++)
			at += sprintf(at, "%s", bucket);
		sprintf(at, "</Buckets>" TAIL);
		assert_int_equal(read_text(xml),
			count == S3_BUCKETS_MAX ? S3_BUCKETS_MAX : SC_E_TOO_LARGE);
	}
}

static void depth_costs_no_stack(void **state)
{
	const size_t depth = 100000;
	char *xml = malloc(7 * depth + sizeof HEAD + sizeof TAIL), *at = xml;

	(void)state;
	assert_non_null(xml);
	at += sprintf(at, HEAD);
	for (size_t i = 0; i < depth; i++)
		at += sprintf(at, "<a>");
	for (size_t i = 0; i < depth; i++)
		at += sprintf(at, "</a>");
	sprintf(at, TAIL);
	assert_int_equal(read_text(xml), 0);
	free(xml);
}

static void every_beginning_of_an_answer_is_refused(void **state)
{
	struct s3_buckets buckets;

	(void)state;
	for (size_t len = 0; len < strlen(two); len++)
		assert_int_equal(read_exactly(two, len, &buckets, NULL), SC_E_PROTOCOL);
}

/* Whatever one byte is changed to, the answer is read or refused, and all is freed. */
static void every_changed_byte_is_borne(void **state)
{
	char xml[sizeof two];
	int refused = 0;

	(void)state;
	for (size_t i = 0; i < strlen(two); i++) {
		for (const char *byte = "<>&/\"'; \xff\x01"
					"a";
			*byte; byte++) {
			memcpy(xml, two, sizeof two);
			xml[i] = *byte;
			int rc = read_text(xml);
			assert_true(rc == SC_E_PROTOCOL || (rc >= 0 && rc <= 2));
			refused += rc < 0;
		}
	}
	assert_true(refused > 0);
}

static void error_codes(void **state)
{
	static const struct {
		const char *xml, *code;
	} cases[] = {
		{ "<?xml "
		  "version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>No</Message></"
		  "Error>",
			"AccessDenied" },
		{ "<Error><Code>a.B9</Code></Error>", "a.B9" },
		{ "<Error><Code>two words</Code></Error>", "" },
		{ "<Error><Code>\xc3\xa9</Code></Error>", "" },
		{ "<Error><Details><Code>X</Code></Details></Error>", "" },
		{ "<Code>X</Code>", "" },
		{ "not XML", "" },
		{ "", "" },
	};
	char code[S3_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(code, 'x', sizeof code);
		s3_answer_error_code(cases[i].xml, strlen(cases[i].xml), code);
		assert_string_equal(code, cases[i].code);
	}
	s3_answer_error_code(NULL, 0, code);
	assert_string_equal(code, "");
}

static void read_when_memory_is_out(void *arg)
{
	char code[S3_TEXT_MAX + 1];
	struct s3_buckets buckets;

	(void)arg;
	int rc = s3_answer_buckets(two, strlen(two), &buckets, NULL);
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	assert_int_equal(buckets.count, rc < 0 ? 0 : 2);
	s3_buckets_fini(&buckets);
	s3_answer_error_code("<Error><Code>X</Code></Error>", 29, code);
	if (!sct_allocation_failed())
		assert_string_equal(code, "X");
}

static void out_of_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(read_when_memory_is_out, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_in_their_order),
		cmocka_unit_test(names_only_where_they_belong),
		cmocka_unit_test(what_is_not_such_an_answer),
		cmocka_unit_test(a_document_type_is_refused),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(buckets_are_bounded),
		cmocka_unit_test(depth_costs_no_stack),
		cmocka_unit_test(every_beginning_of_an_answer_is_refused),
		cmocka_unit_test(every_changed_byte_is_borne),
		cmocka_unit_test(error_codes),
		cmocka_unit_test(out_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
