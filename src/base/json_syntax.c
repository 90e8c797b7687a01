/* A checker, not a parser: it allocates nothing. The local Lambda checks every event on the thread
 * that serves all requests, so a check must be short: 10 ms for 6 MB of objects. Packaged parsers
 * take longer (yajl twice, a DOM parser up to thirty times as long), and differ from the RFC: yajl
 * accepts surrogates in UTF-8, simdjson and jansson refuse numbers that no C type holds.
 *
 * No recursion: a stack of bits has one for each open array or object. */
#include "base/json_syntax.h"

#include "base/utf8.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct scan {
	const char *at, *end;
};

static bool take(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
		scan->at++;
}

static bool is_digit(const struct scan *scan)
{
	return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool take_digits(struct scan *scan)
{
	if (!is_digit(scan))
		return false;
	while (is_digit(scan))
		scan->at++;
	return true;
}

static bool take_number(struct scan *scan)
{
	take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return false;
	if (take(scan, '.') && !take_digits(scan))
		return false;
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			take(scan, '-');
		return take_digits(scan);
	}
	return true;
}

static bool take_word(struct scan *scan, const char *word)
{
	for (; *word; word++)
		if (!take(scan, *word))
			return false;
	return true;
}

static bool take_hex(struct scan *scan)
{
	for (int i = 0; i < 4; i++, scan->at++)
		if (scan->at == scan->end || !*scan->at ||
			!strchr("0123456789abcdefABCDEF", *scan->at))
			return false;
	return true;
}

/* The rest of a string, after its first quote. */
static bool take_string(struct scan *scan)
{
	while (scan->at < scan->end) {
		uint8_t byte = (uint8_t)*scan->at;
		if (byte == '"') {
			scan->at++;
			return true;
		}
		if (byte == '\\') {
			scan->at++;
			if (take(scan, 'u')) {
				if (!take_hex(scan))
					return false;
				continue;
			}
			if (scan->at == scan->end || !*scan->at || !strchr("\"\\/bfnrt", *scan->at))
				return false;
			scan->at++;
			continue;
		}
		if (byte < 0x20)
			return false;
		size_t length =
			byte < 0x80 ? 1 : sci_utf8_length(scan->at, (size_t)(scan->end - scan->at));
		if (length == 0)
			return false;
		scan->at += length;
	}
	return false;
}

/* A value that holds no other. */
static bool take_scalar(struct scan *scan)
{
	if (scan->at == scan->end)
		return false;
	switch (*scan->at) {
	case '"':
		scan->at++;
		return take_string(scan);
	case 't':
		return take_word(scan, "true");
	case 'f':
		return take_word(scan, "false");
	case 'n':
		return take_word(scan, "null");
	default:
		return take_number(scan);
	}
}

/* A member's name and colon. */
static bool take_name(struct scan *scan)
{
	skip_space(scan);
	if (!take(scan, '"') || !take_string(scan))
		return false;
	skip_space(scan);
	return take(scan, ':');
}

struct nesting {
	size_t depth;
	uint8_t objects[(SCI_JSON_DEPTH + 7) / 8];
};

static bool in_object(const struct nesting *nesting)
{
	size_t top = nesting->depth - 1;

	return nesting->objects[top / 8] >> top % 8 & 1;
}

static int open_nest(struct nesting *nesting, bool object)
{
	size_t top = nesting->depth;

	if (top == SCI_JSON_DEPTH)
		return SC_E_TOO_LARGE;
	uint8_t bit = (uint8_t)(1u << top % 8);
	nesting->objects[top / 8] =
		(uint8_t)((nesting->objects[top / 8] & ~bit) | (object ? bit : 0));
	nesting->depth++;
	return 0;
}

/* Take one value up to its first inner value: `[` and `{` are opened, and closed again when they
 * are empty. *whole is set to whether a value has ended. */
static int take_value(struct scan *scan, struct nesting *nesting, bool *whole)
{
	skip_space(scan);
	*whole = false;
	bool object = scan->at < scan->end && *scan->at == '{';
	if (!take(scan, '[') && !take(scan, '{')) {
		*whole = true;
		return take_scalar(scan) ? 0 : SC_E_INVAL;
	}
	skip_space(scan);
	if (take(scan, object ? '}' : ']')) {
		*whole = true;
		return 0;
	}
	int rc = open_nest(nesting, object);
	if (rc < 0)
		return rc;
	return !object || take_name(scan) ? 0 : SC_E_INVAL;
}

/* After a value: close what ends here, and go on to the next value if there is one. */
static int after_value(struct scan *scan, struct nesting *nesting)
{
	while (nesting->depth > 0) {
		bool object = in_object(nesting);
		skip_space(scan);
		if (take(scan, ','))
			return !object || take_name(scan) ? 0 : SC_E_INVAL;
		if (!take(scan, object ? '}' : ']'))
			return SC_E_INVAL;
		nesting->depth--;
	}
	return 0;
}

static int take_text(struct scan *scan)
{
	struct nesting nesting = { 0 };
	bool whole;

	do {
		int rc = take_value(scan, &nesting, &whole);
		if (rc < 0)
			return rc;
		rc = whole ? after_value(scan, &nesting) : 0;
		if (rc < 0)
			return rc;
	} while (nesting.depth > 0);
	skip_space(scan);
	return scan->at == scan->end ? 0 : SC_E_INVAL;
}

int sci_json_syntax(const char *text, size_t len, size_t *offset)
{
	struct scan scan = { text, text + len };

	int rc = take_text(&scan);
	if (rc < 0)
		*offset = (size_t)(scan.at - text);
	return rc;
}
