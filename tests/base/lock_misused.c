/* clang compiles this file with each MISTAKE in turn, and must find all but number 0. */
#include "base/lock.h"

struct stripe {
	struct sci_lock lock;
	int count;
};

static struct sci_lock lock = SCI_LOCK_INIT;
static int guarded SCI_GUARDED_BY(lock);

void count_locked(struct stripe *stripe) SCI_REQUIRES(stripe->lock);
int use(struct stripe *stripe, struct stripe *other);

void count_locked(struct stripe *stripe)
{
	stripe->count++;
}

int use(struct stripe *stripe, struct stripe *other)
{
	(void)other;
#if MISTAKE == 1
	return guarded;
#elif MISTAKE == 2
	count_locked(stripe);
	return 0;
#elif MISTAKE == 3
	sci_lock_acquire(&lock);
	return guarded;
#elif MISTAKE == 4
	sci_lock_acquire(&other->lock);
	count_locked(stripe);
	sci_lock_release(&other->lock);
	return 0;
#else
	sci_lock_acquire(&stripe->lock);
	count_locked(stripe);
	sci_lock_release(&stripe->lock);
	sci_lock_acquire(&lock);
	int now = guarded;
	sci_lock_release(&lock);
	return now;
#endif
}
