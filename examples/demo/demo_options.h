/* The command line of the demo. */
#ifndef DEMO_DEMO_OPTIONS_H
#define DEMO_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define DEMO_PATH_BYTES 1024

struct demo_options {
	char scopecache[DEMO_PATH_BYTES]; /* the path of the command `scopecache` */
	char functions[DEMO_PATH_BYTES];  /* the folder of the functions' programs */
	uint64_t invocations;             /* of each function */
	unsigned parallel;
	bool json;
};

/* Does not return when the command line is wrong (exit status 2) or asks for help (0). */
void demo_options_parse(struct demo_options *options, int argc, char **argv);

#endif
