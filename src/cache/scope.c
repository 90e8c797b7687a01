/* One lock guards the table; whether a number is live is read without it. A dropped scope leaves
 * its place at once; caches sweep its entries later (upkeep.c). */
#include "cache/scope.h"

#include "base/lock.h"
#include "cache/cache_time.h"
#include "cache/fork.h"
#include "cache/memory.h"
#include "cache/unusual.h"

#include <scopecache/error.h>

#include <string.h>

#define PLACE_BITS 10
_Static_assert(1u << PLACE_BITS == SCI_SCOPES_MAX, "a place is a part of the number");

/* A thread that must not use any scope: never live. */
#define NOWHERE UINT64_MAX

struct place {
	char *names; /* the tenant's and the user's, one after the other; NULL: free */
	size_t tenant_len, len;
	bool has_tenant, has_user;
	uint64_t entered; /* when, by the count of entries */
	uint64_t invocation;
};

_Atomic uint64_t sci_scope_numbers[SCI_SCOPES_MAX];

static struct sci_lock lock = SCI_LOCK_INIT;
static struct place places[SCI_SCOPES_MAX] SCI_GUARDED_BY(lock);
static uint64_t serials SCI_GUARDED_BY(lock), entries SCI_GUARDED_BY(lock);
static char *first_tenant SCI_GUARDED_BY(lock);
static bool has_first SCI_GUARDED_BY(lock);
static _Atomic uint64_t invocations, dropped;

static _Thread_local struct {
	uint64_t scope;
	uint64_t tenant;     /* its place's names have a tenant alone; 0: none */
	uint64_t invocation; /* 0: none */
	bool is_foreign;
} here;

uint64_t sci_scope_of_thread(void)
{
	return here.scope;
}

bool sci_scope_is_foreign(void)
{
	return here.is_foreign;
}

uint64_t sci_scopes_dropped(void)
{
	return atomic_load(&dropped);
}

/* ---- The table ---- */

/* The two names of a scope; NULL: none. */
struct names {
	const char *tenant, *user;
	size_t tenant_len, user_len;
};

static size_t length_of(const char *name)
{
	return name ? strlen(name) : 0;
}

static struct names names_of(const char *tenant, const char *user)
{
	return (struct names){ tenant, user, length_of(tenant), length_of(user) };
}

static SCI_REQUIRES(lock) bool has_names(const struct place *place, const struct names *names)
{
	return place->names && place->has_tenant == (names->tenant != NULL) &&
		place->has_user == (names->user != NULL) &&
		place->tenant_len == names->tenant_len &&
		place->len == names->tenant_len + names->user_len &&
		memcmp(place->names, names->tenant ? names->tenant : "", names->tenant_len) == 0 &&
		memcmp(place->names + place->tenant_len, names->user ? names->user : "",
			names->user_len) == 0;
}

static SCI_REQUIRES(lock) struct place *find(const struct names *names)
{
	for (unsigned i = 0; i < SCI_SCOPES_MAX; i++)
		if (has_names(&places[i], names))
			return &places[i];
	return NULL;
}

static SCI_REQUIRES(lock) void drop(struct place *place)
{
	size_t at = (size_t)(place - places);

	atomic_store_explicit(&sci_scope_numbers[at], 0, memory_order_release);
	atomic_fetch_add(&dropped, 1);
	/* Somebody's name. */
	sci_free_wiped(place->names, place->len);
	*place = (struct place){ 0 };
}

/* A free place, or else that of the scope which was entered least recently. */
static SCI_REQUIRES(lock) struct place *make_place(void)
{
	struct place *oldest = &places[0];

	for (unsigned i = 0; i < SCI_SCOPES_MAX; i++) {
		if (!places[i].names)
			return &places[i];
		if (places[i].entered < oldest->entered)
			oldest = &places[i];
	}
	drop(oldest);
	return oldest;
}

/* `memory` holds the names. */
static SCI_REQUIRES(lock) struct place *add(const struct names *names, char *memory)
{
	struct place *place = make_place();
	size_t at = (size_t)(place - places);

	*place = (struct place){
		.tenant_len = names->tenant_len,
		.len = names->tenant_len + names->user_len,
		.has_tenant = names->tenant != NULL,
		.has_user = names->user != NULL,
	};
	place->names = memory;
	atomic_store_explicit(&sci_scope_numbers[at], ++serials << PLACE_BITS | at,
		memory_order_release);
	return place;
}

static char *copy_names(const struct names *names)
{
	char *memory = sci_alloc(names->tenant_len + names->user_len + 1);

	if (!memory)
		return NULL;
	if (names->tenant_len)
		memcpy(memory, names->tenant, names->tenant_len);
	if (names->user_len)
		memcpy(memory + names->tenant_len, names->user, names->user_len);
	return memory;
}

static SCI_REQUIRES(lock) uint64_t enter_locked(struct place *place)
{
	place->entered = ++entries;
	place->invocation = here.invocation;
	return atomic_load(&sci_scope_numbers[place - places]);
}

/* The number of a scope, which is made if there is none; NOWHERE when out of memory. */
static uint64_t intern(const struct names *names)
{
	sci_lock_acquire(&lock);
	struct place *place = find(names);
	uint64_t number = place ? enter_locked(place) : 0;
	sci_lock_release(&lock);
	if (number)
		return number;
	char *memory = copy_names(names);
	if (!memory)
		return NOWHERE;
	sci_lock_acquire(&lock);
	/* Another thread may have been faster. */
	place = find(names);
	if (!place) {
		place = add(names, memory);
		memory = NULL;
	}
	number = enter_locked(place);
	sci_lock_release(&lock);
	sci_free_wiped(memory, names->tenant_len + names->user_len);
	return number;
}

/* ---- Entering ---- */

static int enter_user(const char *user)
{
	struct names names = names_of(NULL, user);
	char tenant[SC_SCOPE_NAME_BYTES_MAX];

	if (names.user_len == 0)
		return SC_E_INVAL;
	if (names.user_len > SC_SCOPE_NAME_BYTES_MAX)
		return SC_E_TOO_LARGE;
	/* A tenant that is none, or was invalidated, has no users. */
	if (here.tenant) {
		sci_lock_acquire(&lock);
		const struct place *place = &places[here.tenant % SCI_SCOPES_MAX];
		bool is_live = sci_scope_is_live(here.tenant);
		if (is_live) {
			memcpy(tenant, place->names, place->tenant_len);
			names.tenant = tenant;
			names.tenant_len = place->tenant_len;
		}
		sci_lock_release(&lock);
		if (!is_live)
			return SC_E_SCOPE;
	}
	here.scope = intern(&names);
	return here.scope == NOWHERE ? SC_E_NOMEM : 0;
}

int sc_scope_enter(struct sc_scope *outer, const char *user)
{
	*outer = (struct sc_scope){ .saved = { here.scope, here.invocation, 1 } };
	here.scope = NOWHERE;
	sci_unusual_set(SCI_UNUSUAL_SCOPES, true);
	return enter_user(user);
}

void sc_scope_leave(const struct sc_scope *outer)
{
	if (outer->saved[2] && outer->saved[1] == here.invocation)
		here.scope = outer->saved[0];
}

/* Note the first tenant, and tell another from it. Without memory for its name none is right. */
static bool is_another_tenant(const char *tenant)
{
	const struct names names = names_of(tenant, NULL);
	char *copy = tenant ? sci_alloc(names.tenant_len + 1) : NULL;

	if (copy)
		memcpy(copy, tenant, names.tenant_len + 1);
	sci_lock_acquire(&lock);
	if (!has_first && (copy || !tenant)) {
		has_first = true;
		first_tenant = copy;
		copy = NULL;
	}
	bool is_another = !has_first || (first_tenant != NULL) != (tenant != NULL) ||
		(tenant && strcmp(first_tenant, tenant) != 0);
	sci_lock_release(&lock);
	sci_free(copy);
	return is_another;
}

void sci_scope_begin(const char *tenant)
{
	const struct names names = names_of(tenant, NULL);

	here.invocation = atomic_fetch_add(&invocations, 1) + 1;
	here.scope = here.tenant = 0;
	here.is_foreign = is_another_tenant(tenant);
	if (!tenant)
		return;
	sci_unusual_set(SCI_UNUSUAL_SCOPES, true);
	here.tenant = names.tenant_len > SC_SCOPE_NAME_BYTES_MAX ? NOWHERE : intern(&names);
	here.scope = here.tenant;
}

void sci_scope_end(void)
{
	here.scope = here.tenant = here.invocation = 0;
	here.is_foreign = false;
}

bool sci_scope_may_refresh(uint64_t number)
{
	if (number == 0 || here.invocation == 0)
		return true;
	sci_lock_acquire(&lock);
	const struct place *place = &places[number % SCI_SCOPES_MAX];
	bool may = !sci_scope_is_live(number) || place->invocation == here.invocation;
	sci_lock_release(&lock);
	return may;
}

uint64_t sci_scope_exchange(uint64_t number)
{
	uint64_t before = here.scope;

	here.scope = number;
	return before;
}

int sc_scope_invalidate(const char *tenant, const char *user)
{
	const struct names names = names_of(tenant, user);
	int result = SC_MISS;

	sci_lock_acquire(&lock);
	for (unsigned i = 0; i < SCI_SCOPES_MAX; i++) {
		struct place *place = &places[i];
		/* With the user's names left out, each scope of the tenant has its names. */
		struct place tenants = *place;
		if (!user) {
			tenants.has_user = false;
			tenants.len = tenants.tenant_len;
		}
		if (!has_names(&tenants, &names))
			continue;
		drop(place);
		result = SC_HIT;
	}
	sci_lock_release(&lock);
	return result;
}

/* ---- Contexts ---- */

_Static_assert(sizeof(((struct sc_context *)0)->saved) / sizeof(uint64_t) >=
		4 + SCI_INVOCATION_WORDS,
	"a context has room for both");

void sc_context_capture(struct sc_context *context)
{
	*context = (struct sc_context){ .saved = { here.scope, here.tenant, here.invocation,
						here.is_foreign } };
	sci_cache_time_capture(&context->saved[4]);
}

static void restore(const struct sc_context *context)
{
	here.scope = context->saved[0];
	here.tenant = context->saved[1];
	here.invocation = context->saved[2];
	here.is_foreign = context->saved[3] != 0;
	sci_cache_time_restore(&context->saved[4]);
}

void sc_context_enter(const struct sc_context *context, struct sc_context *outer)
{
	sc_context_capture(outer);
	restore(context);
}

void sc_context_leave(const struct sc_context *outer)
{
	restore(outer);
}

SCI_UNCHECKED void sci_scope_fork(enum sci_fork_stage stage)
{
	if (stage == SCI_FORK_BEFORE)
		sci_lock_acquire(&lock);
	else
		sci_lock_release(&lock);
}
