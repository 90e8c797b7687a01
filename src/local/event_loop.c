/* libevent reads the clock once per round of the loop, and a timer that is armed late in a long
 * round is short by what has passed of it: with many cold starts in one round an init timeout would
 * be over before the process has had its time. So the clock is read for each timer. */
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
