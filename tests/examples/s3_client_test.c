/* The S3 client when memory is out, at every point that libcurl and we allocate at. What it sends
 * and what it makes of answers is tested against servers, in Python. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "s3/s3_client.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port that is bound and does not listen: connecting to it is refused. */
static int refuse_at(char *url, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
	return fd;
}

static void ask(void *arg)
{
	struct sc_error error = { 0 };
	struct s3_buckets buckets;
	void *client;

	(void)arg;
	int rc = s3_client_open(NULL, &client, &error);
	if (rc == 0) {
		rc = s3_client_list_buckets(client, 5000, &buckets, &error);
		assert_int_equal(buckets.count, 0);
	}
	assert_true(rc == SC_E_IO || rc == SC_E_NOMEM);
	assert_int_equal(error.code, rc);
	if (rc == SC_E_NOMEM)
		assert_true(sct_allocation_failed());
	s3_client_close(client);
}

static void out_of_memory(void **state)
{
	char url[64];

	(void)state;
	int fd = refuse_at(url, sizeof url);
	setenv("AWS_ENDPOINT_URL_S3", url, 1);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_SESSION_TOKEN", "token", 1);
	setenv("AWS_REGION", "eu-west-1", 1);
	ask(NULL); /* what the C library allocates once is not counted */
	sct_fail_each_allocation(ask, NULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(out_of_memory) };

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, strdup, calloc) !=
		CURLE_OK)
		return 1;
	int failures = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failures;
}
