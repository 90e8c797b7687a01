/* Technique 7: several tenants, and their users.
 *
 * What it is. The profiles of users are kept in scopes. The runtime names the tenant, whose scope
 * the hooks enter; the handler enters the user's within it. The key says only what is asked for,
 * because the scope is a part of it that nobody can forget: what one user has loaded, no other user
 * and no other tenant finds. An erase forgets a user, or a tenant with all its users, at once.
 *
 * When to use it. Whenever a value depends on who asks.
 *
 * Two ways to run it.
 * - One environment for each tenant, as Lambda's tenant isolation mode has it: then set
 *   TENANT_ISOLATION=PER_TENANT, and the cache is strict. An environment that gets another tenant's
 *   invocation nevertheless refuses it.
 * - Environments that all tenants share. The caller names the tenant, so every caller must have
 *   authenticated it.
 *
 * Risks.
 * - Who asks. The event names the user here; a real function takes him from what was authenticated,
 *   and checks who may erase.
 * - Erase is for this environment. Others hold what they have loaded until its time to live ends:
 *   choose `ttl_ms` by how long erased data may still be answered. Erase at the source first, or
 *   the next fetch loads it again.
 * - Many users. The process remembers 1,024 scopes; beyond that the entries of the user who was
 *   entered least recently are lost.
 * - Data outside of caches. A global variable has no scope.
 */
#include "service/service_client.h"
#include "upstream/upstream_error.h"

#include <scopecache/function.h>

#include <jansson.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define USER_BYTES_MAX 200

static struct service_client *http;
static struct sc_cache *profiles;

/* Whose profile is asked for. */
struct whose {
	const char *tenant, *user;
};

static long number_of(const char *variable, long preset)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : preset;
}

/* The loader: asks the service, PROFILES_URL. */
static int load_profile(struct sc_load *load, void *context)
{
	const struct whose *whose = context;
	struct service_answer answer;
	struct sc_error error;

	int rc = service_client_get(http,
		&(const struct service_request){ .service = "the profile service",
			.url = getenv("PROFILES_URL"),
			.query = { { "tenant", whose->tenant }, { "user", whose->user } },
			.timeout_ms = sc_load_remaining_ms(load) },
		&answer, &error);
	if (rc < 0)
		return sc_load_fail(load, rc, "%s", error.message);
	if (answer.status == 404)
		return SC_E_ABSENT;
	if (answer.status != 200)
		return sc_load_fail(load, SC_E_IO, "the profile service answered %ld",
			answer.status);
	return sc_load_set_value(load, answer.body, answer.len);
}

static int init(void **state, struct sc_error *error)
{
	const char *isolation = getenv("TENANT_ISOLATION");
	const bool is_per_tenant = isolation && strcmp(isolation, "PER_TENANT") == 0;

	(void)state;
	if (isolation && *isolation && !is_per_tenant)
		return upstream_fail(error, SC_E_INVAL,
			"TENANT_ISOLATION is neither PER_TENANT nor empty");
	int rc = service_client_open(&http, error);
	if (rc < 0)
		return rc;
	rc = sc_cache_open(&profiles,
		SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .ttl_ms = number_of("PROFILE_TTL_MS", 60000),
			.strict = is_per_tenant),
		error);
	if (rc < 0)
		service_client_close(http);
	return rc;
}

static int fail_read(struct sc_invocation *inv, int rc, const struct sc_error *error)
{
	if (rc == SC_E_ABSENT)
		return sc_invocation_fail(inv, "Function.NoSuchUser", "there is no such user");
	if (rc == SC_E_SCOPE)
		return sc_invocation_fail(inv, "Function.WrongTenant",
			"this environment belongs to another tenant");
	return sc_invocation_fail(inv, "Function.ProfilesUnavailable", "%s",
		error->code ? error->message : sc_result_text(rc));
}

static int read_profile(struct sc_invocation *inv, struct whose whose)
{
	struct sc_error error = { 0 };
	struct sc_value profile = { 0 };
	struct sc_scope outer;

	int rc = sc_scope_enter(&outer, whose.user);
	if (rc == 0)
		rc = sc_cache_fetch_with(profiles, SC_KEY("profile"),
			SC_FETCH_OPTIONS(.loader = load_profile, .loader_context = &whose),
			&profile, &error);
	sc_scope_leave(&outer);
	rc = rc < 0 ? fail_read(inv, rc, &error)
		    : sc_invocation_answer(inv, profile.data, profile.len, NULL);
	sc_value_release(&profile);
	return rc;
}

/* Without a user: all users of the tenant. */
static int erase(struct sc_invocation *inv, struct whose whose)
{
	sc_scope_invalidate(whose.tenant, whose.user);
	return sc_invocation_printf(inv, "{\"erased\":\"%s\"}", whose.user ? "user" : "tenant");
}

static int refuse(struct sc_invocation *inv, const char *why)
{
	return sc_invocation_fail(inv, "Function.BadRequest",
		"%s; an event is {\"do\":\"read\",\"user\":\"alice\"}, or \"erase\" of a user, or "
		"without one of the tenant",
		why);
}

static int answer(struct sc_invocation *inv, const json_t *event)
{
	const json_t *name = json_object_get(event, "user");
	const char *what = json_string_value(json_object_get(event, "do"));
	const struct whose whose = { sc_invocation_tenant_id(inv), json_string_value(name) };
	const size_t len = json_string_length(name);

	if (!whose.tenant)
		return sc_invocation_fail(inv, "Function.NoTenant",
			"the invocation names no tenant");
	if (!what || (strcmp(what, "read") != 0 && strcmp(what, "erase") != 0))
		return refuse(inv, "do is neither read nor erase");
	if (name && (!whose.user || len == 0 || len > USER_BYTES_MAX))
		return refuse(inv, "user is not a text of 1 to 200 bytes");
	if (strcmp(what, "erase") == 0)
		return erase(inv, whose);
	if (!whose.user)
		return refuse(inv, "user is missing");
	return read_profile(inv, whose);
}

static int handle(struct sc_invocation *inv, void *state)
{
	size_t len;
	const void *bytes = sc_invocation_event(inv, &len);
	json_error_t at;

	(void)state;
	json_t *event = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &at);
	if (!event && json_error_code(&at) == json_error_out_of_memory)
		return sc_invocation_fail(inv, NULL, "out of memory");
	int rc = json_is_object(event) ? answer(inv, event)
				       : refuse(inv, "the event is not a JSON object");
	json_decref(event);
	return rc;
}

static void fini(void *state)
{
	(void)state;
	sc_cache_close(profiles);
	service_client_close(http);
}

SC_LAMBDA_MAIN(init, handle, fini)
