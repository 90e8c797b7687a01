/* The names of policies, from their table. */
#include "replay/replay_plan.h"

const char *sci_replay_policy_name(enum sci_replay_policy policy)
{
	static const char *const names[] = {
#define NAME(name, text) text,
		SCI_REPLAY_POLICIES(NAME)
#undef NAME
	};

	return names[policy];
}
