/* By default libevent reads the clock once per round of the loop, so a timer that is armed late in
 * a long round fires too early: with many cold starts in one round a process would not get its
 * whole init timeout. The clock is therefore read for each timer. */
#include "local/event_loop.h"

#include <event2/event.h>

#include <stddef.h>

struct event_base *sci_loop_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}
