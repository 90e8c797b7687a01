/* Reading S3's XML with expat.
 *
 * Both answers are read in the same way: the text of every element at one path from the root is
 * passed on, all else is skipped. `depth` is the depth of the parser, `matched` the number of
 * elements from the root that match the path; text is collected while both are at the end of the
 * path.
 *
 * A document type is refused: S3 sends none, and its entities could expand without bound. Depth
 * needs no bound, because nothing here recurses and the caller bounds the bytes. */
#include "s3/s3_answer.h"

#include "upstream/upstream_error.h"

#include <expat.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	XML_Parser parser;
	const char *const *path;
	size_t path_len, depth, matched;
	bool root_matched;
	char text[S3_TEXT_MAX + 1];
	size_t text_len;
	int (*take)(void *context, const char *text);
	void *context;
	int failure; /* SC_E_*, the reason for stopping the parser */
};

static void stop(struct reader *reader, int failure)
{
	reader->failure = failure;
	XML_StopParser(reader->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *reader = context;

	(void)attributes;
	if (reader->matched == reader->depth && reader->matched < reader->path_len &&
		strcmp(name, reader->path[reader->matched]) == 0) {
		reader->matched++;
		reader->root_matched = true;
		reader->text_len = 0;
	}
	reader->depth++;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int len)
{
	struct reader *reader = context;

	if (reader->depth != reader->path_len || reader->matched != reader->path_len)
		return;
	if ((size_t)len > S3_TEXT_MAX - reader->text_len) {
		stop(reader, SC_E_TOO_LARGE);
		return;
	}
	memcpy(reader->text + reader->text_len, text, (size_t)len);
	reader->text_len += (size_t)len;
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
	struct reader *reader = context;

	(void)name;
	if (reader->depth == reader->path_len && reader->matched == reader->path_len) {
		reader->text[reader->text_len] = '\0';
		int rc = reader->take(reader->context, reader->text);
		if (rc < 0)
			stop(reader, rc);
	}
	reader->depth--;
	if (reader->matched > reader->depth)
		reader->matched = reader->depth;
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_subset)
{
	(void)name, (void)system_id, (void)public_id, (void)has_subset;
	stop(context, SC_E_PROTOCOL);
}

/* Read a whole document. Returns 0 or SC_E_*. */
static int read_document(struct reader *reader, const char *xml, size_t len)
{
	/* Expat's allocator is set, so that tests can make it fail. */
	const XML_Memory_Handling_Suite memory = { malloc, realloc, free };

	if (len > INT32_MAX)
		return SC_E_TOO_LARGE;
	reader->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (!reader->parser)
		return SC_E_NOMEM;
	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, on_start, on_end);
	XML_SetCharacterDataHandler(reader->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
	if (XML_Parse(reader->parser, xml, (int)len, XML_TRUE) != XML_STATUS_OK &&
		reader->failure == 0)
		reader->failure = XML_GetErrorCode(reader->parser) == XML_ERROR_NO_MEMORY
			? SC_E_NOMEM
			: SC_E_PROTOCOL;
	XML_ParserFree(reader->parser);
	if (reader->failure == 0 && !reader->root_matched)
		return SC_E_PROTOCOL;
	return reader->failure;
}

static int take_bucket(void *context, const char *text)
{
	struct s3_buckets *buckets = context;

	if (!*text)
		return SC_E_PROTOCOL;
	if (buckets->count == S3_BUCKETS_MAX)
		return SC_E_TOO_LARGE;
	/* The capacity doubles: it is full whenever the count is a power of two. */
	if ((buckets->count & (buckets->count - 1)) == 0) {
		size_t capacity = buckets->count ? buckets->count * 2 : 1;
		char **names = realloc(buckets->names, capacity * sizeof *names);
		if (!names)
			return SC_E_NOMEM;
		buckets->names = names;
	}
	char *name = strdup(text);
	if (!name)
		return SC_E_NOMEM;
	buckets->names[buckets->count++] = name;
	return 0;
}

int s3_answer_buckets(const char *xml, size_t len, struct s3_buckets *buckets,
	struct sc_error *error)
{
	static const char *const path[] = { "ListAllMyBucketsResult", "Buckets", "Bucket", "Name" };
	struct reader reader = { .path = path,
		.path_len = 4,
		.take = take_bucket,
		.context = buckets };

	memset(buckets, 0, sizeof *buckets);
	int rc = read_document(&reader, xml, len);
	if (rc == 0)
		return 0;
	s3_buckets_fini(buckets);
	return upstream_fail(error, rc, "S3's list of buckets: %s", sc_result_text(rc));
}

void s3_buckets_fini(struct s3_buckets *buckets)
{
	for (size_t i = 0; i < buckets->count; i++)
		free(buckets->names[i]);
	free(buckets->names);
	memset(buckets, 0, sizeof *buckets);
}

static int take_code(void *context, const char *text)
{
	char *code = context;
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";

	if (strspn(text, letters) == strlen(text))
		memcpy(code, text, strlen(text) + 1); /* both hold S3_TEXT_MAX bytes */
	return 0;
}

void s3_answer_error_code(const char *xml, size_t len, char code[S3_TEXT_MAX + 1])
{
	static const char *const path[] = { "Error", "Code" };
	struct reader reader = { .path = path, .path_len = 2, .take = take_code, .context = code };

	code[0] = '\0';
	(void)read_document(&reader, xml, len);
}
