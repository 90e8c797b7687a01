/* The name of a function in a request's path: an accepted one has a valid name and qualifier, and
 * each other form of it is accepted too. */
#include "fuzz.h"

#include "local/function_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_form(const char *prefix, const struct sci_function_name *name)
{
	struct sci_function_name again;
	char text[512];

	int len = snprintf(text, sizeof text, "%s%s%s%s", prefix, name->name,
		*name->qualifier ? ":" : "", name->qualifier);
	check(sci_function_name_parse(text, (size_t)len, &again) == 0);
	check(strcmp(again.name, name->name) == 0);
	check(strcmp(again.qualifier, name->qualifier) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sci_function_name name;

	if (sci_function_name_parse((const char *)data, size, &name) < 0)
		return 0;
	check(sci_function_name_check(name.name, strlen(name.name)) == 0);
	if (*name.qualifier)
		check(sci_qualifier_check(name.qualifier, strlen(name.qualifier)) == 0);
	check_form("123456789012:function:", &name);
	check_form("arn:aws:lambda:eu-west-1:123456789012:function:", &name);
	return 0;
}
