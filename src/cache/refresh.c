/* The queue of refreshes: one for the process, first in, first out, one place for each key.
 *
 * Its lock is last in rank. A refresh is taken out of the queue before it runs, and closing a cache
 * waits for those that run. */
#include "cache/refresh.h"

#include "base/clock.h"
#include "cache/cache_clock.h"
#include "cache/cache_time.h"
#include "cache/fork.h"
#include "cache/lead.h"
#include "cache/memory.h"
#include "cache/notes.h"
#include "cache/scope.h"

#include <scopecache/process.h>

#define QUEUE_MAX 256u

/* After an answer the process is paid for, and it is not there for the next caller. */
#define BUDGET_MS 500

struct refresh {
	struct refresh *next;
	struct sc_cache *cache;
	uint64_t hash;
	size_t key_len;
	uint64_t words[]; /* the key, laid out as in struct sci_name */
};

static struct sci_lock lock = SCI_LOCK_INIT;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct refresh *first SCI_GUARDED_BY(lock), **end SCI_GUARDED_BY(lock) = &first;
static atomic_uint count; /* of the queue, so that an empty one needs no lock and no clock */
static struct sci_background *under_way SCI_GUARDED_BY(lock);

static atomic_uint_fast64_t budget_ms = BUDGET_MS;

static struct sci_name name_of(const struct refresh *refresh)
{
	return sci_key_copied(refresh->words, refresh->key_len, refresh->hash);
}

/* ---- The queue ---- */

static struct refresh *make(struct sc_cache *cache, const struct sci_name *name)
{
	struct refresh *refresh = sci_alloc_zeroed(sizeof *refresh + sci_key_copy_bytes(name->len));

	if (!refresh)
		return NULL;
	refresh->cache = cache;
	refresh->hash = name->hash;
	refresh->key_len = name->len;
	sci_key_copy(refresh->words, name);
	return refresh;
}

static SCI_REQUIRES(
	lock) bool can_enqueue(const struct sc_cache *cache, const struct sci_name *name)
{
	for (const struct refresh *refresh = first; refresh; refresh = refresh->next) {
		const struct sci_name queued = name_of(refresh);
		if (refresh->cache == cache && sci_name_equals(&queued, name))
			return false;
	}
	return count < QUEUE_MAX;
}

static SCI_REQUIRES(lock) void enqueue(struct refresh *refresh)
{
	*end = refresh;
	end = &refresh->next;
	count++;
}

void sci_refresh_request(struct sc_cache *cache, const struct sci_name *name)
{
	sci_lock_acquire(&lock);
	bool wanted = can_enqueue(cache, name);
	sci_lock_release(&lock);
	if (!wanted)
		return;
	/* Without memory a later fetch requests it. */
	struct refresh *refresh = make(cache, name);
	if (!refresh)
		return;
	sci_lock_acquire(&lock);
	wanted = can_enqueue(cache, name);
	if (wanted)
		enqueue(refresh);
	sci_lock_release(&lock);
	if (!wanted)
		sci_free(refresh);
}

/* Take out the refresh at this link. */
static SCI_REQUIRES(lock) struct refresh *take(struct refresh **link)
{
	struct refresh *refresh = *link;

	*link = refresh->next;
	if (!*link)
		end = link;
	count--;
	return refresh;
}

/* How long a refresh usually takes; before the first, what a load does. */
static sci_usual *usual_of(struct sc_cache *cache)
{
	return atomic_load(&cache->usual_refresh_us) ? &cache->usual_refresh_us
						     : &cache->usual_load_us;
}

/* After a run that left refreshes, expect the first of them to take a little less: a source that
 * was slow once is tried again. Returns whether it left some. */
static bool expect_less(void)
{
	sci_lock_acquire(&lock);
	bool are_left = first != NULL;
	if (are_left)
		sci_usual_relent(usual_of(first->cache));
	sci_lock_release(&lock);
	return are_left;
}

/* ---- Work that closing a cache waits for ---- */

static SCI_REQUIRES(
	lock) void begin_locked(const struct sc_cache *cache, struct sci_background *work)
{
	*work = (struct sci_background){ cache, pthread_self(), under_way };
	under_way = work;
}

bool sci_background_begin(struct sc_cache *cache, struct sci_background *work)
{
	sci_lock_acquire(&lock);
	bool is_open = !cache->is_closing;
	if (is_open)
		begin_locked(cache, work);
	sci_lock_release(&lock);
	return is_open;
}

void sci_background_end(const struct sci_background *work)
{
	sci_lock_acquire(&lock);
	struct sci_background **link = &under_way;
	while (*link != work)
		link = &(*link)->next;
	*link = work->next;
	pthread_cond_broadcast(&ended);
	sci_lock_release(&lock);
}

static bool can_begin(const struct refresh *refresh, int64_t left_ms)
{
	const struct sci_name name = name_of(refresh);

	return sci_usual_fits(usual_of(refresh->cache), left_ms) &&
		sci_scope_may_refresh(sci_key_scope(name.key, name.len));
}

/* Take the first refresh that fits into the time that is left, and begin it. */
static struct refresh *begin(int64_t left_ms, struct sci_background *work)
{
	struct refresh *refresh = NULL;

	sci_lock_acquire(&lock);
	struct refresh **link = &first;
	while (*link && !can_begin(*link, left_ms))
		link = &(*link)->next;
	if (*link) {
		refresh = take(link);
		begin_locked(refresh->cache, work);
	}
	sci_lock_release(&lock);
	return refresh;
}

/* ---- One refresh ---- */

/* Lead the flight of an entry that still has to be refreshed, if no thread does. */
static struct sci_flight *lead(struct sc_cache *cache, const struct sci_name *name)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_flight *flight = NULL;
	struct sci_found found;

	sci_stripe_lock(stripe);
	bool is_due = !sci_name_is_dead(name) &&
		sci_stripe_look_locked(stripe, name, now_ms, &found) == SCI_LOOKUP_HIT &&
		sci_found_is_due(cache, &found, now_ms);
	if (is_due) {
		enum sci_flight_role role = sci_flight_join(cache, name, &flight);
		if (role == SCI_FLIGHT_WAITER)
			sci_flight_leave(flight);
		if (role != SCI_FLIGHT_LEADER)
			flight = NULL;
	}
	stripe->counts.refreshes += flight != NULL;
	sci_stripe_unlock(stripe);
	return flight;
}

struct attempt {
	struct refresh *refresh;
	struct sci_background work;
	struct sc_value value;
	uint64_t scope; /* of this thread */
};

static void run(struct attempt *attempt)
{
	struct sc_cache *cache = attempt->refresh->cache;
	const struct sci_name name = name_of(attempt->refresh);
	struct sci_flight *flight = lead(cache, &name);
	struct sci_source source;

	if (!flight)
		return;
	sci_scope_exchange(sci_key_scope(name.key, name.len));
	sci_source_of(cache, NULL, &source, NULL);
	int64_t began_us = sci_mono_us();
	sci_lead_to_end(cache, flight, &source, &attempt->value, NULL);
	sci_usual_learn(&cache->usual_refresh_us, sci_mono_us() - began_us);
}

/* Also if the loader does not return. Freeing an object runs the user's code, so it comes last. */
static void end_attempt(void *arg)
{
	struct attempt *attempt = arg;

	sci_scope_exchange(attempt->scope);
	sci_background_end(&attempt->work);
	sci_free(attempt->refresh);
	sc_value_release(&attempt->value);
}

bool sci_refresh_run(int64_t until_mono_ms)
{
	struct attempt attempt;

	while ((attempt.refresh = begin(until_mono_ms - sci_mono_ms(), &attempt.work))) {
		attempt.value = (struct sc_value){ 0 };
		attempt.scope = sci_scope_of_thread();
		pthread_cleanup_push(end_attempt, &attempt);
		run(&attempt);
		pthread_cleanup_pop(1);
	}
	return expect_less();
}

void sci_refresh_after_answer(void)
{
	int64_t budget = (int64_t)atomic_load(&budget_ms), until_ms;

	if (budget == 0 || atomic_load(&count) == 0)
		return;
	int64_t deadline_ms = sci_invocation_deadline_mono_ms();
	if (__builtin_add_overflow(sci_mono_ms(), budget, &until_ms))
		until_ms = INT64_MAX;
	sci_refresh_run(until_ms < deadline_ms ? until_ms : deadline_ms);
}

void sc_process_set_refresh_budget_ms(uint64_t wanted_ms)
{
	atomic_store(&budget_ms, wanted_ms < INT64_MAX ? wanted_ms : INT64_MAX);
}

/* ---- The ends ---- */

static SCI_REQUIRES(lock) bool has_work(const struct sc_cache *cache)
{
	for (const struct sci_background *work = under_way; work; work = work->next)
		if (work->cache == cache)
			return true;
	return false;
}

void sci_refresh_forget(struct sc_cache *cache)
{
	struct refresh *forgotten = NULL;

	sci_lock_acquire(&lock);
	cache->is_closing = true;
	for (struct refresh **link = &first; *link;) {
		if ((*link)->cache != cache) {
			link = &(*link)->next;
			continue;
		}
		struct refresh *refresh = take(link);
		refresh->next = forgotten;
		forgotten = refresh;
	}
	while (has_work(cache))
		sci_lock_wait(&lock, &ended, NULL);
	sci_lock_release(&lock);
	while (forgotten) {
		struct refresh *next = forgotten->next;
		sci_free(forgotten);
		forgotten = next;
	}
}

/* In a child process the work of other threads does not go on, and none of them waits. */
static SCI_REQUIRES(lock) void forget_work_of_others(void)
{
	for (struct sci_background **link = &under_way; *link;)
		if (pthread_equal((*link)->thread, pthread_self()))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	ended = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

SCI_UNCHECKED void sci_refresh_fork(enum sci_fork_stage stage)
{
	if (stage == SCI_FORK_BEFORE) {
		sci_lock_acquire(&lock);
		return;
	}
	if (stage == SCI_FORK_IN_CHILD)
		forget_work_of_others();
	sci_lock_release(&lock);
}
