/* The accessors of an invocation's event that lambda.h declares. */
#include "lambda/invocation.h"

#include "base/clock.h"

void sci_invocation_begin(struct sc_invocation *inv, const struct sci_event *event)
{
	inv->event = event;
	inv->outcome = SCI_UNANSWERED;
	inv->body.len = 0;
	inv->lent = NULL;
	inv->content_type = "application/json";
}

void sci_invocation_fini(struct sc_invocation *inv)
{
	sci_buffer_fini(&inv->body);
	sci_buffer_fini(&inv->own_type);
	sci_buffer_fini(&inv->failure);
	sci_buffer_fini(&inv->text);
}

const void *sc_invocation_event(const struct sc_invocation *inv, size_t *len)
{
	*len = inv->event->body_len;
	return inv->event->body;
}

const char *sc_invocation_request_id(const struct sc_invocation *inv)
{
	return inv->event->request_id;
}

const char *sc_invocation_function_arn(const struct sc_invocation *inv)
{
	return inv->event->function_arn;
}

const char *sc_invocation_trace_id(const struct sc_invocation *inv)
{
	return inv->event->trace_id;
}

const char *sc_invocation_client_context(const struct sc_invocation *inv)
{
	return inv->event->client_context;
}

const char *sc_invocation_identity(const struct sc_invocation *inv)
{
	return inv->event->identity;
}

const char *sc_invocation_tenant_id(const struct sc_invocation *inv)
{
	return inv->event->tenant_id;
}

int64_t sc_invocation_deadline_ms(const struct sc_invocation *inv)
{
	return inv->event->deadline_ms;
}

int64_t sc_invocation_remaining_ms(const struct sc_invocation *inv)
{
	int64_t deadline_ms = inv->event->deadline_ms, now_ms = sci_real_ms();

	if (deadline_ms == 0)
		return SC_NO_DEADLINE;
	return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}
