/* The numbers that options take; argp_error() ends the program for any other text. */
#ifndef SCI_CLI_OPTION_NUMBER_H
#define SCI_CLI_OPTION_NUMBER_H

#include <argp.h>
#include <stdint.h>

/* A whole number from `least` to `most` for --OPTION. */
uint64_t sci_option_number(const struct argp_state *state, const char *option, const char *text,
	uint64_t least, uint64_t most);

/* The same in bytes, which may end with K, M or G. */
uint64_t sci_option_size(const struct argp_state *state, const char *option, const char *text,
	uint64_t least, uint64_t most);

/* Seconds from 0.001 to `most_ms` / 1000, as milliseconds. */
int64_t sci_option_seconds(const struct argp_state *state, const char *option, const char *text,
	int64_t most_ms);

/* Seconds, or two numbers of seconds with a dash between them: the least and the most; in
 * milliseconds. */
void sci_option_seconds_range(const struct argp_state *state, const char *option, const char *text,
	int64_t most_ms, int64_t range_ms[2]);

#endif
