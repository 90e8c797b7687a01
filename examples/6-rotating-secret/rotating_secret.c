/* Technique 6: a password that is rotated.
 *
 * What it is. The function logs in to a database with a password from a secret store, which it
 * keeps. When the database refuses it, sc_cache_reject() says so: the next fetch asks the store
 * again, and the function tries once more. So a rotation costs each environment one request to the
 * store, and no invocation fails.
 *
 * When to use it. For a password, a token, a key: what is valid until somebody changes it. No time
 * to live can tell when that is; the refusal does.
 *
 * Risks.
 * - A store that lags. If the database has the new password before the store, the store gives the
 *   refused one again. Fetches then fail with SC_E_REFUSED, and the store is asked again after
 *   `retry_after_ms` only, not by each invocation. Rotate so that the old password is still
 *   accepted until the store has the new one (two users in turn), and this never happens.
 * - Retries. One, with a new password: a database locks users out who are refused again and again.
 * - Connections. Most databases check a password when a connection is opened, so an open one hides
 *   the rotation; then it is the open that is refused, and the same few lines belong there. Here
 *   each request logs in.
 * - Copies. Who reads the memory of the process has the password. This function overwrites its own
 *   copies; libcurl keeps some that it does not overwrite.
 */
#include "service/service_client.h"

#include <scopecache/function.h>

#include <stdlib.h>
#include <string.h>

#define PASSWORD_BYTES_MAX 256
#define TRIES              2
#define UNAUTHORIZED       401

static struct service_client *http;
static struct sc_cache *passwords;

static long number_of(const char *variable, long preset)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : preset;
}

/* The loader: asks the store, SECRET_URL. */
static int load_password(struct sc_load *load, void *context)
{
	struct service_answer answer;
	struct sc_error error;

	(void)context;
	int rc = service_client_get(http,
		&(const struct service_request){ .service = "the secret store",
			.url = getenv("SECRET_URL"),
			.timeout_ms = sc_load_remaining_ms(load) },
		&answer, &error);
	if (rc < 0)
		return sc_load_fail(load, rc, "%s", error.message);
	if (answer.status != 200)
		return sc_load_fail(load, SC_E_IO, "the secret store answered %ld", answer.status);
	if (answer.len == 0 || answer.len > PASSWORD_BYTES_MAX || strlen(answer.body) != answer.len)
		return sc_load_fail(load, SC_E_PROTOCOL,
			"the secret store's answer is not a password of 1 to %d bytes",
			PASSWORD_BYTES_MAX);
	return sc_load_set_value(load, answer.body, answer.len);
}

/* It belongs to the function and to no tenant, hence shared. While the store is down, a password
 * that the database accepts is good for a day. */
static int init(void **state, struct sc_error *error)
{
	(void)state;
	int rc = service_client_open(&http, error);
	if (rc < 0)
		return rc;
	rc = sc_cache_open(&passwords,
		SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .shared = 1, .secret = 1,
			.loader = load_password, .ttl_ms = number_of("SECRET_TTL_MS", 900000),
			.stale_if_error_ms = 86400000,
			.retry_after_ms = number_of("SECRET_RETRY_MS", 1000)),
		error);
	if (rc < 0)
		service_client_close(http);
	return rc;
}

/* Ask the database, DATABASE_URL, as DATABASE_USER. */
static int ask_database(struct sc_invocation *inv, const struct sc_value *password,
	struct service_answer *answer, struct sc_error *error)
{
	char text[PASSWORD_BYTES_MAX + 1];

	memcpy(text, password->data, password->len);
	text[password->len] = '\0';
	int rc = service_client_get(http,
		&(const struct service_request){ .service = "the database",
			.url = getenv("DATABASE_URL"),
			.user = getenv("DATABASE_USER"),
			.password = text,
			.timeout_ms = sc_invocation_remaining_ms(inv) },
		answer, error);
	explicit_bzero(text, sizeof text);
	return rc;
}

static int fail_password(struct sc_invocation *inv, int rc, const struct sc_error *error)
{
	return sc_invocation_fail(inv, "Function.PasswordUnavailable", "%s",
		rc == SC_E_REFUSED ? "the secret store still has the password that was refused"
				   : error->message);
}

static int handle(struct sc_invocation *inv, void *state)
{
	struct service_answer answer = { .status = UNAUTHORIZED };
	struct sc_value password;
	struct sc_error error;

	(void)state;
	for (int tries = 0; tries < TRIES && answer.status == UNAUTHORIZED; tries++) {
		int rc = sc_cache_fetch(passwords, SC_KEY("database"), &password, &error);
		if (rc < 0)
			return fail_password(inv, rc, &error);
		uint64_t generation = password.generation;
		rc = ask_database(inv, &password, &answer, &error);
		sc_value_release(&password);
		if (rc < 0)
			return sc_invocation_fail(inv, "Function.DatabaseUnavailable", "%s",
				error.message);
		if (answer.status == UNAUTHORIZED)
			sc_cache_reject(passwords, SC_KEY("database"), generation);
	}
	if (answer.status != 200)
		return sc_invocation_fail(inv, "Function.DatabaseUnavailable",
			"the database answered %ld", answer.status);
	return sc_invocation_answer(inv, answer.body, answer.len, NULL);
}

static void fini(void *state)
{
	(void)state;
	sc_cache_close(passwords);
	service_client_close(http);
}

SC_LAMBDA_MAIN(init, handle, fini)
