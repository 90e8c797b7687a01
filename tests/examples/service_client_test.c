/* The client of services without memory, at each allocation of libcurl and of the client, when the
 * service answers and when it refuses connections. Its requests and its failures are tested with
 * the functions that use it. */
#include "support/allocation.h"
#include "support/cmocka.h"
#include "support/scripted_server.h"

#include "service/service_client.h"

#include <curl/curl.h>

#include <stdio.h>
#include <string.h>

static char url[64];

/* The result of one request, 0 or the failure that `error` has. */
static int ask(struct sc_error *error, bool *is_right)
{
	const struct service_request request = {
		.service = "the service",
		.url = url,
		.user = "user",
		.password = "password",
		.query = { { "tenant", "a&b" }, { "user", "c=d e" } },
		.timeout_ms = 5000,
	};
	struct service_client *client;
	struct service_answer answer;

	*is_right = false;
	int rc = service_client_open(&client, error);
	if (rc == 0)
		rc = service_client_get(client, &request, &answer, error);
	if (rc == 0)
		*is_right =
			answer.status == 200 && answer.len == 4 && strcmp(answer.body, "here") == 0;
	service_client_close(client);
	return rc;
}

static void ask_without_memory(void *expected)
{
	struct sc_error error = { 0 };
	bool is_right;

	int rc = ask(&error, &is_right);
	if (rc == SC_E_NOMEM) {
		assert_true(sct_allocation_failed());
	} else {
		/* libcurl does not name each lack of memory. */
		assert_true(rc == *(int *)expected || (rc < 0 && sct_allocation_failed()));
		assert_int_equal(is_right, rc == 0);
	}
	assert_int_equal(error.code, rc);
}

static void out_of_memory(void **state)
{
	const struct sct_reply replies[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere", .times = 10000 },
	};
	struct sct_scripted_server server = { .gets = SCT_REPLIES(replies) };
	int expected = 0;

	(void)state;
	sct_scripted_server_start(&server);
	snprintf(url, sizeof url, "http://%s/path", server.address);
	ask_without_memory(&expected); /* what the C library allocates once is not counted */
	assert_int_equal(server.gets.times, 1);
	sct_fail_each_allocation(ask_without_memory, &expected);
	sct_scripted_server_stop(&server);
	assert_non_null(strstr(server.requests[0].head,
		"GET /path?tenant=a%26b&user=c%3dd+e HTTP/1.1\r\n"));
	assert_non_null(
		strstr(server.requests[0].head, "Authorization: Basic dXNlcjpwYXNzd29yZA=="));
}

static void out_of_memory_and_refused(void **state)
{
	char address[32];
	int expected = SC_E_IO;

	(void)state;
	sct_dead_address(address);
	snprintf(url, sizeof url, "http://%s/", address);
	ask_without_memory(&expected);
	sct_fail_each_allocation(ask_without_memory, &expected);
}

/* What one request has is not in the next. */
static void requests_are_alone(void **state)
{
	const struct sct_reply replies[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlonger", .times = 1 },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", .times = 1 },
	};
	struct sct_scripted_server server = { .gets = SCT_REPLIES(replies) };
	struct service_request request = { .service = "the service",
		.url = url,
		.timeout_ms = 5000 };
	struct service_client *client;
	struct service_answer answer;

	(void)state;
	sct_scripted_server_start(&server);
	snprintf(url, sizeof url, "http://%s/", server.address);
	assert_int_equal(service_client_open(&client, NULL), 0);
	request.user = "user";
	request.password = "password";
	assert_int_equal(service_client_get(client, &request, &answer, NULL), 0);
	assert_string_equal(answer.body, "longer");
	const char *earlier = answer.body;
	request.user = request.password = NULL;
	assert_int_equal(service_client_get(client, &request, &answer, NULL), 0);
	assert_int_equal(answer.status, 404);
	assert_int_equal(answer.len, 0);
	assert_memory_equal(earlier, "\0\0\0\0\0\0", 6);
	service_client_close(client);
	sct_scripted_server_stop(&server);
	assert_int_equal(server.request_count, 2);
	assert_int_equal(server.connection_count, 1);
	assert_null(strstr(server.requests[1].head, "Authorization"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(out_of_memory_and_refused),
		cmocka_unit_test(requests_are_alone),
	};

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, strdup, calloc) !=
		CURLE_OK)
		return 1;
	setenv("NO_PROXY", "*", 1);
	int failures = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failures;
}
