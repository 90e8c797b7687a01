/* The forms in which a caller may name a function. */
#ifndef SCI_LOCAL_FUNCTION_NAME_H
#define SCI_LOCAL_FUNCTION_NAME_H

#include <stddef.h>

#define SCI_NAME_MAX      64
#define SCI_QUALIFIER_MAX 128

struct sci_function_name {
	char name[SCI_NAME_MAX + 1];
	char qualifier[SCI_QUALIFIER_MAX + 1]; /* empty when none was given */
};

/* Parse NAME, NAME:QUALIFIER, a partial ARN (ACCOUNT:function:NAME) or a full ARN
 * (arn:aws:lambda:REGION:ACCOUNT:function:NAME), the last two with or without :QUALIFIER. Accounts
 * and regions are checked for their form and otherwise ignored. Returns 0, or SC_E_INVAL with *out
 * untouched. */
int sci_function_name_parse(const char *text, size_t len, struct sci_function_name *out);

/* Check that `text` may be the name or the qualifier alone. Return 0 or SC_E_INVAL. */
int sci_function_name_check(const char *text, size_t len);
int sci_qualifier_check(const char *text, size_t len);

#endif
