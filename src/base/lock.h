/* A mutex whose holder is checked: by clang at compile time, from the annotations below
 * (-Wthread-safety), and by assertions at run time. */
#ifndef SCI_BASE_LOCK_H
#define SCI_BASE_LOCK_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#ifdef __clang__
#define SCI_CHECKED(what) __attribute__((what))
#else
#define SCI_CHECKED(what)
#endif

/* After a variable: it is read and written with this lock held. */
#define SCI_GUARDED_BY(lock) SCI_CHECKED(guarded_by(lock))

/* After a function: it is called with this lock held; acquires it; releases it; or is exempt
 * from the analysis, which cannot follow locks in loops. */
#define SCI_REQUIRES(lock) SCI_CHECKED(requires_capability(lock))
#define SCI_ACQUIRES(lock) SCI_CHECKED(acquire_capability(lock))
#define SCI_RELEASES(lock) SCI_CHECKED(release_capability(lock))
#define SCI_UNCHECKED      SCI_CHECKED(no_thread_safety_analysis)

struct SCI_CHECKED(capability("mutex")) sci_lock {
	pthread_mutex_t mutex;
#ifndef NDEBUG
	_Atomic uintptr_t holder; /* the thread, or 0 */
#endif
};

#define SCI_LOCK_INIT                                                                              \
	{                                                                                          \
		.mutex = PTHREAD_MUTEX_INITIALIZER                                                 \
	}

static inline void sci_lock_note(struct sci_lock *lock, uintptr_t holder)
{
#ifndef NDEBUG
	atomic_store_explicit(&lock->holder, holder, memory_order_relaxed);
#else
	(void)lock;
	(void)holder;
#endif
}

/* This thread holds the lock: asserted, and assumed by the analysis from here on. */
static inline void sci_lock_assert_held(const struct sci_lock *lock)
	SCI_CHECKED(assert_capability(lock));

static inline SCI_UNCHECKED void sci_lock_assert_held(const struct sci_lock *lock)
{
#ifndef NDEBUG
	assert(atomic_load_explicit(&lock->holder, memory_order_relaxed) ==
		(uintptr_t)pthread_self());
#else
	(void)lock;
#endif
}

static inline void sci_lock_acquire(struct sci_lock *lock) SCI_ACQUIRES(lock);

static inline SCI_UNCHECKED void sci_lock_acquire(struct sci_lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	sci_lock_note(lock, (uintptr_t)pthread_self());
}

static inline void sci_lock_release(struct sci_lock *lock) SCI_RELEASES(lock);

static inline SCI_UNCHECKED void sci_lock_release(struct sci_lock *lock)
{
	sci_lock_assert_held(lock);
	sci_lock_note(lock, 0);
	pthread_mutex_unlock(&lock->mutex);
}

/* Wait on a condition, until a time on its clock if `until` is not NULL. Returns as
 * pthread_cond_timedwait(). A thread that is cancelled in it has the lock again in its cleanup
 * handlers, which call sci_lock_note_acquired(). */
static inline int sci_lock_wait(struct sci_lock *lock, pthread_cond_t *condition,
	const struct timespec *until) SCI_REQUIRES(lock);

static inline SCI_UNCHECKED void sci_lock_note_acquired(struct sci_lock *lock)
{
	sci_lock_note(lock, (uintptr_t)pthread_self());
}

static inline SCI_UNCHECKED int sci_lock_wait(struct sci_lock *lock, pthread_cond_t *condition,
	const struct timespec *until)
{
	int rc;

	sci_lock_assert_held(lock);
	sci_lock_note(lock, 0);
	rc = until ? pthread_cond_timedwait(condition, &lock->mutex, until)
		   : pthread_cond_wait(condition, &lock->mutex);
	sci_lock_note_acquired(lock);
	return rc;
}

#endif
