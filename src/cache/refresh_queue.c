/* Its lock is last in rank. A refresh is taken out of the queue before it runs, and closing a cache
 * waits for those that run. */
#include "cache/refresh_queue.h"

#include "cache/fork.h"
#include "cache/memory.h"
#include "cache/scope.h"

#define QUEUE_MAX 256u

static struct sci_lock lock = SCI_LOCK_INIT;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct sci_refresh *first SCI_GUARDED_BY(lock), **end SCI_GUARDED_BY(lock) = &first;
static atomic_uint count; /* of the queue, so that an empty one needs no lock and no clock */
static struct sci_background *under_way SCI_GUARDED_BY(lock);

struct sci_name sci_refresh_name(const struct sci_refresh *refresh)
{
	return sci_key_copied(refresh->words, refresh->key_len, refresh->hash);
}

bool sci_refresh_is_any(void)
{
	return atomic_load(&count) > 0;
}

/* ---- The queue ---- */

static struct sci_refresh *make(struct sc_cache *cache, const struct sci_name *name)
{
	size_t bytes = sizeof(struct sci_refresh) + sci_key_copy_bytes(name->len);
	struct sci_refresh *refresh = sci_alloc_zeroed(bytes);

	if (!refresh)
		return NULL;
	refresh->cache = cache;
	refresh->secret_bytes = cache->options.secret ? bytes : 0;
	refresh->hash = name->hash;
	refresh->key_len = name->len;
	sci_key_copy(refresh->words, name);
	return refresh;
}

void sci_refresh_destroy(struct sci_refresh *refresh)
{
	sci_free_wiped(refresh, refresh->secret_bytes);
}

static SCI_REQUIRES(
	lock) bool can_enqueue(const struct sc_cache *cache, const struct sci_name *name)
{
	for (const struct sci_refresh *refresh = first; refresh; refresh = refresh->next) {
		const struct sci_name queued = sci_refresh_name(refresh);
		if (refresh->cache == cache && sci_name_equals(&queued, name))
			return false;
	}
	return count < QUEUE_MAX;
}

static SCI_REQUIRES(lock) void enqueue(struct sci_refresh *refresh)
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
	struct sci_refresh *refresh = make(cache, name);
	if (!refresh)
		return;
	sci_lock_acquire(&lock);
	wanted = can_enqueue(cache, name);
	if (wanted)
		enqueue(refresh);
	sci_lock_release(&lock);
	if (!wanted)
		sci_refresh_destroy(refresh);
}

/* Take out the refresh at this link. */
static SCI_REQUIRES(lock) struct sci_refresh *take(struct sci_refresh **link)
{
	struct sci_refresh *refresh = *link;

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

bool sci_refresh_expect_less(void)
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

static bool can_begin(const struct sci_refresh *refresh, int64_t left_ms)
{
	const struct sci_name name = sci_refresh_name(refresh);

	return sci_usual_fits(usual_of(refresh->cache), left_ms) &&
		sci_scope_may_refresh(sci_key_scope(name.key, name.len));
}

struct sci_refresh *sci_refresh_begin(int64_t left_ms, struct sci_background *work)
{
	struct sci_refresh *refresh = NULL;

	sci_lock_acquire(&lock);
	struct sci_refresh **link = &first;
	while (*link && !can_begin(*link, left_ms))
		link = &(*link)->next;
	if (*link) {
		refresh = take(link);
		begin_locked(refresh->cache, work);
	}
	sci_lock_release(&lock);
	return refresh;
}

/* ---- The ends ---- */

static SCI_REQUIRES(lock) bool has_work(const struct sc_cache *cache)
{
	for (const struct sci_background *work = under_way; work; work = work->next)
		if (work->cache == cache)
			return true;
	return false;
}

/* Whether a refresh is of this cache and key; NULL: of any key. */
static bool is_of(const struct sci_refresh *refresh, const struct sc_cache *cache,
	const struct sci_name *name)
{
	const struct sci_name own = sci_refresh_name(refresh);

	return refresh->cache == cache && (!name || sci_name_equals(&own, name));
}

/* Take those out of the queue. */
static SCI_REQUIRES(lock) struct sci_refresh *take_all(const struct sc_cache *cache,
	const struct sci_name *name)
{
	struct sci_refresh *taken = NULL;

	for (struct sci_refresh **link = &first; *link;) {
		if (!is_of(*link, cache, name)) {
			link = &(*link)->next;
			continue;
		}
		struct sci_refresh *refresh = take(link);
		refresh->next = taken;
		taken = refresh;
	}
	return taken;
}

static void destroy_all(struct sci_refresh *refresh)
{
	while (refresh) {
		struct sci_refresh *next = refresh->next;
		sci_refresh_destroy(refresh);
		refresh = next;
	}
}

void sci_refresh_cancel(const struct sc_cache *cache, const struct sci_name *name)
{
	sci_lock_acquire(&lock);
	struct sci_refresh *cancelled = take_all(cache, name);
	sci_lock_release(&lock);
	destroy_all(cancelled);
}

void sci_refresh_forget(struct sc_cache *cache)
{
	sci_lock_acquire(&lock);
	cache->is_closing = true;
	struct sci_refresh *forgotten = take_all(cache, NULL);
	while (has_work(cache))
		sci_lock_wait(&lock, &ended, NULL);
	sci_lock_release(&lock);
	destroy_all(forgotten);
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
