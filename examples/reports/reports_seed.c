/* reports_seed PATH [USERS PARAMS ROWS]: make the database that the examples read. */
#include "reports/reports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A number, or 0, which reports_create() refuses. */
static unsigned number(const char *text)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	return errno || *end || value > 1000000 ? 0 : (unsigned)value;
}

int main(int argc, char **argv)
{
	unsigned users = 200, params = 12, rows = 40;
	struct sc_error error;

	if (argc != 2 && argc != 5) {
		fprintf(stderr, "usage: %s PATH [USERS PARAMS ROWS]\n", argv[0]);
		return 2;
	}
	if (argc == 5) {
		users = number(argv[2]);
		params = number(argv[3]);
		rows = number(argv[4]);
	}
	if (reports_create(argv[1], users, params, rows, &error) < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
		return 1;
	}
	return 0;
}
