/* One message for each kind of number, so that all commands print the same errors. */
#include "cli/option_number.h"

#include "base/number_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void refuse(const struct argp_state *state, const char *option, const char *text,
	uint64_t least, uint64_t most)
{
	argp_error(state, "--%s takes a whole number from %llu to %llu, not \"%s\"", option,
		(unsigned long long)least, (unsigned long long)most, text);
}

uint64_t sci_option_number(const struct argp_state *state, const char *option, const char *text,
	uint64_t least, uint64_t most)
{
	uint64_t number = 0;

	if (!sci_number_read(text, least, most, &number))
		refuse(state, option, text, least, most);
	return number;
}

uint64_t sci_option_size(const struct argp_state *state, const char *option, const char *text,
	uint64_t least, uint64_t most)
{
	uint64_t bytes = 0;

	if (!sci_size_read(text, least, most, &bytes))
		refuse(state, option, text, least, most);
	return bytes;
}

int64_t sci_option_seconds(const struct argp_state *state, const char *option, const char *text,
	int64_t most_ms)
{
	int64_t ms = 0;

	if (!sci_seconds_read(text, most_ms, &ms))
		argp_error(state, "--%s takes seconds from 0.001 to %lld, not \"%s\"", option,
			(long long)most_ms / 1000, text);
	return ms;
}

void sci_option_seconds_range(const struct argp_state *state, const char *option, const char *text,
	int64_t most_ms, int64_t range_ms[2])
{
	const char *dash = strchr(text, '-');
	char least[32];

	snprintf(least, sizeof least, "%.*s", dash ? (int)(dash - text) : (int)strlen(text), text);
	bool is_read = sci_seconds_read(least, most_ms, &range_ms[0]) &&
		sci_seconds_read(dash ? dash + 1 : text, most_ms, &range_ms[1]);
	if (!is_read || range_ms[0] > range_ms[1])
		argp_error(state,
			"--%s takes seconds from 0.001 to %lld, or two of them as LEAST-MOST, not "
			"\"%s\"",
			option, (long long)most_ms / 1000, text);
}
