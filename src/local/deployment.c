/* A bootstrap is checked when the server starts, so that a mistyped name is an error then and not
 * at the first invocation. It may still be removed later; the start of an environment handles that.
 *
 * In messages the path comes last: a message that is too long loses its end, and the advice must
 * stay. */
#include "local/deployment.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_file(const char *name, const char *path, struct sc_error *error)
{
	struct stat found;

	if (stat(path, &found) < 0 && errno == ENOENT)
		return sci_error_set(error, SC_E_INVAL, 0,
			"function %s: its bootstrap does not exist; build it, or mend the path: %s",
			name, path);
	if (stat(path, &found) < 0)
		return sci_error_set(error, SC_E_INVAL, errno,
			"function %s: its bootstrap cannot be used: %s", name, path);
	if (!S_ISREG(found.st_mode))
		return sci_error_set(error, SC_E_INVAL, 0,
			"function %s: its bootstrap is not a file; name an executable file: %s",
			name, path);
	if (access(path, X_OK) < 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"function %s: its bootstrap is not executable; chmod +x it: %s", name,
			path);
	return 0;
}

/* The absolute path of a file that need not exist, without resolving the file itself when it is
 * a link: its folder is where the link is. */
static char *absolute(const char *path, char **directory)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX], *resolved, *whole;

	if (slash && (size_t)(slash - path) >= sizeof folder)
		return NULL;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
		slash ? path : ".");
	resolved = realpath(folder, NULL);
	if (!resolved)
		return NULL;
	size_t size = strlen(resolved) + strlen(path) + 2;
	whole = malloc(size);
	if (!whole) {
		free(resolved);
		return NULL;
	}
	snprintf(whole, size, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
		slash ? slash + 1 : path);
	*directory = resolved;
	return whole;
}

static int find_bootstrap(struct sci_deployment *deployment, const char *given, bool watch,
	struct sc_error *error)
{
	struct stat found;
	char path[PATH_MAX];

	int is_folder = stat(given, &found) == 0 && S_ISDIR(found.st_mode);
	int len = snprintf(path, sizeof path, is_folder ? "%s/bootstrap" : "%s", given);
	if (len < 0 || (size_t)len >= sizeof path)
		return sci_error_set(error, SC_E_INVAL, 0,
			"function %s: the path of its bootstrap is too long", deployment->name);
	if (is_folder && access(path, F_OK) < 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"function %s: no file named bootstrap in the folder; name the file: %s",
			deployment->name, given);
	int rc = check_file(deployment->name, path, error);
	if (rc < 0)
		return rc;
	deployment->bootstrap = absolute(path, &deployment->directory);
	if (!deployment->bootstrap)
		return sci_error_set(error, SC_E_INVAL, errno,
			"function %s: its bootstrap cannot be used: %s", deployment->name, path);
	if (watch)
		deployment->watched =
			strdup(is_folder ? deployment->directory : deployment->bootstrap);
	return !watch || deployment->watched ? 0
					     : sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
}

static int make_arn(struct sci_deployment *deployment)
{
	const char *region = sci_environ_get(&deployment->environment, "AWS_REGION");
	const char *format = "arn:aws:lambda:%s:" SCI_ACCOUNT_ID ":function:%s";
	size_t size = strlen(format) + strlen(region) + strlen(deployment->name);

	deployment->arn = malloc(size);
	if (!deployment->arn)
		return SC_E_NOMEM;
	snprintf(deployment->arn, size, "arn:aws:lambda:%s:" SCI_ACCOUNT_ID ":function:%s", region,
		deployment->name);
	return 0;
}

static int check_variables(const struct sci_deployment_options *options, struct sc_error *error)
{
	for (size_t i = 0; i < options->environment_count; i++) {
		const char *equals = strchr(options->environment[i], '=');
		if (!equals || equals == options->environment[i])
			return sci_error_set(error, SC_E_INVAL, 0,
				"an environment variable is given as NAME=VALUE, not as: %s",
				options->environment[i]);
	}
	return 0;
}

int sci_deployment_init(struct sci_deployment *deployment,
	const struct sci_deployment_options *options, struct sc_error *error)
{
	if (sci_function_name_check(options->name, strlen(options->name)) < 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"a name is 1 to %d letters, digits, dashes and underscores, not: %s",
			SCI_NAME_MAX, options->name);
	snprintf(deployment->name, sizeof deployment->name, "%s", options->name);
	deployment->timeout_ms = options->timeout_ms;
	deployment->init_timeout_ms = options->init_timeout_ms;
	deployment->lifetimes = options->lifetimes;
	deployment->memory_mb = options->memory_mb;

	int rc = check_variables(options, error);
	if (rc < 0)
		return rc;
	rc = find_bootstrap(deployment, options->bootstrap, options->watch, error);
	if (rc < 0)
		return rc;
	struct sci_environ_facts facts = {
		.function_name = deployment->name,
		.directory = deployment->directory,
		.memory_mb = options->memory_mb,
		.extra = options->environment,
		.extra_count = options->environment_count,
	};
	if (sci_environ_fill(&deployment->environment, &facts) < 0 || make_arn(deployment) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	return 0;
}

void sci_deployment_fini(struct sci_deployment *deployment)
{
	sci_environ_fini(&deployment->environment);
	free(deployment->bootstrap);
	free(deployment->directory);
	free(deployment->watched);
	free(deployment->arn);
	*deployment = (struct sci_deployment){ 0 };
}
