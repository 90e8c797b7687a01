/* Lambda's variables are of three kinds: reserved ones, which override the user's; defaults, which
 * the user may override; and credentials, which are placeholders and set only when the user has
 * none of any kind, so that SDKs that insist on signing can sign for a local endpoint.
 *
 * Every change searches the whole list, which is fast enough for about a hundred variables that
 * are set once per function. */
#include "local/process_environ.h"

#include "local/process_options.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static char **find(const struct sci_environ *list, const char *name, size_t len)
{
	for (size_t i = 0; i < list->count; i++)
		if (name_length(list->entries[i]) == len &&
			memcmp(list->entries[i], name, len) == 0)
			return &list->entries[i];
	return NULL;
}

static int reserve_one(struct sci_environ *list)
{
	if (list->count + 1 < list->capacity)
		return 0;
	size_t capacity = list->capacity ? list->capacity * 2 : 64;
	char **entries = realloc(list->entries, capacity * sizeof *entries);
	if (!entries)
		return SC_E_NOMEM;
	list->entries = entries;
	list->capacity = capacity;
	return 0;
}

/* Consumes `entry`, also on failure. */
static int put_owned(struct sci_environ *list, char *entry)
{
	char **old = entry ? find(list, entry, name_length(entry)) : NULL;

	if (old) {
		free(*old);
		*old = entry;
		return 0;
	}
	if (!entry || reserve_one(list) < 0) {
		free(entry);
		return SC_E_NOMEM;
	}
	list->entries[list->count++] = entry;
	list->entries[list->count] = NULL;
	return 0;
}

int sci_environ_put(struct sci_environ *list, const char *entry)
{
	return put_owned(list, strdup(entry));
}

int sci_environ_set(struct sci_environ *list, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *entry = malloc(size);

	if (entry)
		snprintf(entry, size, "%s=%s", name, value);
	return put_owned(list, entry);
}

const char *sci_environ_get(const struct sci_environ *list, const char *name)
{
	size_t len = strlen(name);
	char **entry = find(list, name, len);

	return entry && (*entry)[len] == '=' ? *entry + len + 1 : NULL;
}

int sci_environ_default(struct sci_environ *list, const char *name, const char *value)
{
	const char *present = sci_environ_get(list, name);

	return present && *present ? 0 : sci_environ_set(list, name, value);
}

int sci_environ_copy(struct sci_environ *list, const struct sci_environ *from)
{
	list->entries = calloc(from->count + 1, sizeof *list->entries);
	if (!list->entries)
		return SC_E_NOMEM;
	list->capacity = from->count + 1;
	for (; list->count < from->count; list->count++) {
		list->entries[list->count] = strdup(from->entries[list->count]);
		if (!list->entries[list->count])
			return SC_E_NOMEM;
	}
	return 0;
}

int sci_environ_copy_for(struct sci_environ *list, const struct sci_environ *from, const char *id,
	uint16_t port)
{
	char address[32], stream[80], day[16], telemetry[8];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(day, sizeof day, "%Y/%m/%d", &utc);
	snprintf(stream, sizeof stream, "%s/[$LATEST]%s", day, id);
	snprintf(address, sizeof address, "127.0.0.1:%u", port);
	snprintf(telemetry, sizeof telemetry, "%d", SCI_TELEMETRY_FD);
	if (sci_environ_copy(list, from) < 0 ||
		sci_environ_set(list, "AWS_LAMBDA_RUNTIME_API", address) < 0 ||
		sci_environ_set(list, "AWS_LAMBDA_LOG_STREAM_NAME", stream) < 0 ||
		sci_environ_set(list, "_LAMBDA_TELEMETRY_LOG_FD", telemetry) < 0)
		return SC_E_NOMEM;
	return 0;
}

void sci_environ_fini(struct sci_environ *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i]);
	free(list->entries);
	*list = (struct sci_environ){ 0 };
}

/* Variables of our own process that must not reach a function. */
static bool is_ours(const char *entry)
{
	static const char *const names[] = { "_X_AMZN_TRACE_ID", "TZ", "AWS_EXECUTION_ENV",
		"TMPDIR" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (name_length(entry) == strlen(names[i]) &&
			memcmp(entry, names[i], name_length(entry)) == 0)
			return true;
	return false;
}

static bool has_credentials_file(const char *variable, const char *name)
{
	const char *home = getenv("HOME"), *named = getenv(variable);
	char path[4096];

	if (named)
		return true;
	snprintf(path, sizeof path, "%s/.aws/%s", home ? home : "", name);
	return home && access(path, R_OK) == 0;
}

static bool has_credentials(const struct sci_environ *list)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID", "AWS_PROFILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (sci_environ_get(list, names[i]))
			return true;
	return has_credentials_file("AWS_SHARED_CREDENTIALS_FILE", "credentials") ||
		has_credentials_file("AWS_CONFIG_FILE", "config");
}

/* Set both variables of the region to the value of one of them; AWS_REGION wins. */
static int fill_regions(struct sci_environ *list)
{
	if (sci_environ_default(list, "AWS_DEFAULT_REGION", "us-east-1") < 0)
		return SC_E_NOMEM;
	if (sci_environ_default(list, "AWS_REGION", sci_environ_get(list, "AWS_DEFAULT_REGION")) <
		0)
		return SC_E_NOMEM;
	return sci_environ_set(list, "AWS_DEFAULT_REGION", sci_environ_get(list, "AWS_REGION"));
}

static int fill_defaults(struct sci_environ *list)
{
	if (fill_regions(list) < 0 || sci_environ_default(list, "TZ", ":UTC") < 0 ||
		sci_environ_default(list, "LANG", "en_US.UTF-8") < 0 ||
		sci_environ_default(list, "_HANDLER", "function.handler") < 0)
		return SC_E_NOMEM;
	return 0;
}

static int fill_credentials(struct sci_environ *list)
{
	if (has_credentials(list))
		return 0;
	if (sci_environ_set(list, "AWS_ACCESS_KEY_ID", "local") < 0 ||
		sci_environ_set(list, "AWS_SECRET_ACCESS_KEY", "local") < 0 ||
		sci_environ_set(list, "AWS_SESSION_TOKEN", "local") < 0)
		return SC_E_NOMEM;
	return 0;
}

static int fill_reserved(struct sci_environ *list, const struct sci_environ_facts *facts)
{
	char memory[16], group[128];

	snprintf(memory, sizeof memory, "%d", facts->memory_mb);
	snprintf(group, sizeof group, "/aws/lambda/%s", facts->function_name);
	const char *const reserved[][2] = {
		{ "AWS_LAMBDA_FUNCTION_NAME", facts->function_name },
		{ "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory },
		{ "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST" },
		{ "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand" },
		{ "AWS_LAMBDA_LOG_GROUP_NAME", group },
		{ "LAMBDA_TASK_ROOT", facts->directory },
	};
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (sci_environ_set(list, reserved[i][0], reserved[i][1]) < 0)
			return SC_E_NOMEM;
	return 0;
}

int sci_environ_fill(struct sci_environ *list, const struct sci_environ_facts *facts)
{
	for (char **entry = environ; entry && *entry; entry++)
		if (!is_ours(*entry) && sci_environ_put(list, *entry) < 0)
			return SC_E_NOMEM;
	for (size_t i = 0; i < facts->extra_count; i++)
		if (sci_environ_put(list, facts->extra[i]) < 0)
			return SC_E_NOMEM;
	if (fill_defaults(list) < 0 || fill_credentials(list) < 0)
		return SC_E_NOMEM;
	return fill_reserved(list, facts);
}
