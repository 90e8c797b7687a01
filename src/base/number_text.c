/* strtoull() and strtod() skip spaces and accept signs, and strtod() accepts "nan" and
 * hexadecimals: what they accept is restricted here, in one place. */
#include "base/number_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The number at the beginning of `text`, and where it ends; NULL when there is none or it is too
 * large. */
static const char *read_digits(const char *text, uint64_t *number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return NULL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

static bool is_within(uint64_t value, uint64_t least, uint64_t most, uint64_t *number)
{
	if (value < least || value > most)
		return false;
	*number = value;
	return true;
}

bool sci_number_read(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	uint64_t value;
	const char *end = read_digits(text, &value);

	return end && !*end && is_within(value, least, most, number);
}

bool sci_size_read(const char *text, uint64_t least, uint64_t most, uint64_t *bytes)
{
	static const char letters[] = "KMG";
	uint64_t value;
	const char *end = read_digits(text, &value);
	const char *letter = end && *end ? strchr(letters, *end) : NULL;
	unsigned shift = letter ? 10 * (unsigned)(letter - letters + 1) : 0;

	if (!end || end[letter ? 1 : 0] || value > UINT64_MAX >> shift)
		return false;
	return is_within(value << shift, least, most, bytes);
}

bool sci_seconds_read(const char *text, int64_t most_ms, int64_t *ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (text[strspn(text, "0123456789.")] || *end || seconds < 0.001 ||
		seconds > (double)most_ms / 1000)
		return false;
	*ms = (int64_t)(seconds * 1000 + 0.5);
	return true;
}

bool sci_host_port_read(const char *text, char *host, size_t size, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	uint64_t number;

	if (len == 0 || !sci_number_read(colon + 1, 0, UINT16_MAX, &number))
		return false;
	if (text[0] == '[') {
		if (text[len - 1] != ']' || len < 3)
			return false;
		text++;
		len -= 2;
	}
	if (len >= size)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	*port = (uint16_t)number;
	return true;
}
