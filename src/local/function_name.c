/* Lambda's pattern for a function's name is a sequence of optional prefixes:
 *
 *	(arn:aws[a-zA-Z-]*:lambda:)? (REGION:)? (ACCOUNT:)? (function:)? NAME (:QUALIFIER)?
 *
 * so the parser strips the prefixes in that order, and checks the rest. Its input comes from the
 * network: it is pure, bounded, and fuzzed. */
#include "local/function_name.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <string.h>

struct text {
	const char *data;
	size_t len;
};

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_of(struct text text, const char *others)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!is_alphanumeric(c) && (c == '\0' || !strchr(others, c)))
			return false;
	}
	return true;
}

/* Split the text at its first colon. Returns false when there is none. */
static bool cut(struct text text, struct text *field, struct text *rest)
{
	const char *colon = text.len ? memchr(text.data, ':', text.len) : NULL;

	if (!colon)
		return false;
	*field = (struct text){ text.data, (size_t)(colon - text.data) };
	*rest = (struct text){ colon + 1, text.len - field->len - 1 };
	return true;
}

static bool is(struct text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool is_account(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.len == 12;
}

/* Two letters, words of letters, one digit, with dashes between them: eu-west-1, us-gov-east-1. */
static bool is_region(struct text text)
{
	size_t dashes = 0;

	for (size_t i = 0; i + 1 < text.len; i++) {
		char c = text.data[i];
		dashes += c == '-';
		if (c != '-' && (c < 'a' || c > 'z'))
			return false;
	}
	return text.len >= 6 && text.data[2] == '-' && dashes >= 2 &&
		text.data[text.len - 2] == '-' && text.data[text.len - 1] >= '0' &&
		text.data[text.len - 1] <= '9';
}

static int strip_arn(struct text *text)
{
	struct text arn, partition, service, rest;

	if (!cut(*text, &arn, &rest) || !is(arn, "arn"))
		return 0;
	if (!cut(rest, &partition, &rest) || partition.len < 3 ||
		memcmp(partition.data, "aws", 3) != 0 || !all_of(partition, "-") ||
		!cut(rest, &service, &rest) || !is(service, "lambda"))
		return SC_E_INVAL;
	*text = rest;
	return 0;
}

static void strip_prefixes(struct text *text)
{
	struct text field, rest;

	if (cut(*text, &field, &rest) && is_region(field))
		*text = rest;
	if (cut(*text, &field, &rest) && is_account(field))
		*text = rest;
	if (cut(*text, &field, &rest) && is(field, "function"))
		*text = rest;
}

int sci_function_name_check(const char *text, size_t len)
{
	struct text name = { text, len };

	return len > 0 && len <= SCI_NAME_MAX && all_of(name, "-_") ? 0 : SC_E_INVAL;
}

int sci_qualifier_check(const char *text, size_t len)
{
	struct text qualifier = { text, len };

	if (is(qualifier, "$LATEST") || is(qualifier, "$LATEST.PUBLISHED"))
		return 0;
	return len > 0 && len <= SCI_QUALIFIER_MAX && all_of(qualifier, "-_") ? 0 : SC_E_INVAL;
}

int sci_function_name_parse(const char *data, size_t len, struct sci_function_name *out)
{
	struct text text = { data, len }, name, qualifier = { "", 0 };
	struct sci_function_name found = { .name = "" };

	if (strip_arn(&text) < 0)
		return SC_E_INVAL;
	strip_prefixes(&text);
	name = text;
	bool qualified = cut(text, &name, &qualifier);
	if (!qualified)
		name = text;
	if (sci_function_name_check(name.data, name.len) < 0)
		return SC_E_INVAL;
	if (qualified && sci_qualifier_check(qualifier.data, qualifier.len) < 0)
		return SC_E_INVAL;
	memcpy(found.name, name.data, name.len);
	if (qualified)
		memcpy(found.qualifier, qualifier.data, qualifier.len);
	*out = found;
	return 0;
}
