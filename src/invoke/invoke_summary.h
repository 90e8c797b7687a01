/* The figures of a run, for people and for programs. */
#ifndef SCI_INVOKE_INVOKE_SUMMARY_H
#define SCI_INVOKE_INVOKE_SUMMARY_H

#include "base/buffer.h"
#include "invoke/invoke.h"

/* The facts of a run that its result does not contain. */
struct sci_invoke_subject {
	const char *function, *endpoint;
	uint64_t requested;
	unsigned parallel;
	bool interrupted;
};

/* Append the figures as a table of a few lines. Returns 0 or SC_E_NOMEM. */
int sci_invoke_print_table(struct sci_buffer *out, const struct sci_invoke_subject *subject,
	const struct sci_invoke_result *result);

/* Append them as one JSON object and a newline; the fields are in scopecache-invoke(1). `answer`,
 * if not NULL, is a member's text, as sci_invoke_answer_json() makes it. Returns 0 or
 * SC_E_NOMEM. */
int sci_invoke_print_json(struct sci_buffer *out, const struct sci_invoke_subject *subject,
	const struct sci_invoke_result *result, const struct sci_buffer *answer);

/* Append one answer as a JSON object: the payload as it is where that is JSON, else as a string. */
int sci_invoke_answer_json(struct sci_buffer *out, const struct sci_invoke_answer *answer);

#endif
