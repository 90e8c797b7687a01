/* The stand-in for S3 against the client of the examples, and against one that does not sign. */
#include "support/cmocka.h"

#include "demo/s3_stand_in.h"
#include "s3/s3_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct s3_stand_in s3;

static int start(void **state)
{
	char url[64];

	(void)state;
	if (s3_stand_in_start(&s3, NULL) < 0)
		return -1;
	snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)s3.port);
	setenv("AWS_ENDPOINT_URL_S3", url, 1);
	setenv("AWS_ACCESS_KEY_ID", "test", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
	setenv("AWS_REGION", "us-east-1", 1);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	s3_stand_in_stop(&s3);
	return 0;
}

static void lists_buckets_and_counts(void **state)
{
	struct s3_buckets buckets;
	struct sc_error error;
	void *client;

	(void)state;
	assert_int_equal(s3_client_open(NULL, &client, &error), 0);
	for (int i = 0; i < 3; i++) {
		if (s3_client_list_buckets(client, 5000, &buckets, &error) < 0)
			fail_msg("%s", error.message);
		assert_int_equal(buckets.count, 3);
		assert_string_equal(buckets.names[1], "reports");
		s3_buckets_fini(&buckets);
	}
	s3_client_close(client);
	assert_int_equal(s3.counts->connections, 1);
	assert_int_equal(s3.counts->requests, 3);
}

static void expect(const char *request, const char *status_line, const char *words)
{
	struct sockaddr_in there = {
		.sin_family = AF_INET,
		.sin_port = htons(s3.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char answer[4096];
	size_t len = 0;
	ssize_t got;

	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof there), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while ((got = read(fd, answer + len, sizeof answer - 1 - len)) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	close(fd);
	if (strncmp(answer, status_line, strlen(status_line)) != 0 || !strstr(answer, words))
		fail_msg("%s", answer);
}

#define DIGITS_16 "0123456789abcdef"
#define SIGNED                                                                                     \
	"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, "        \
	"SignedHeaders=host;x-amz-date, Signature="
#define REST "X-Amz-Date: 20260101T000000Z\r\nHost: s3\r\nConnection: close\r\n\r\n"

static void refuses_what_is_not_signed(void **state)
{
	(void)state;
	expect("GET / HTTP/1.1\r\n" SIGNED DIGITS_16 DIGITS_16 DIGITS_16 DIGITS_16 "\r\n" REST,
		"HTTP/1.1 200 ", "<Name>uploads</Name>");
	expect("GET / HTTP/1.1\r\n" REST, "HTTP/1.1 403 ", "<Code>AccessDenied</Code>");
	expect("GET / HTTP/1.1\r\n" SIGNED DIGITS_16 "\r\n" REST, "HTTP/1.1 403 ", "AccessDenied");
	expect("GET / HTTP/1.1\r\nAuthorization: Bearer x\r\n" REST, "HTTP/1.1 403 ",
		"AccessDenied");
	expect("GET /bucket HTTP/1.1\r\n" REST, "HTTP/1.1 501 ", "NotImplemented");
	expect("DELETE / HTTP/1.1\r\n" REST, "HTTP/1.1 501 ", "NotImplemented");
	assert_int_equal(s3.counts->connections, 6);
	assert_int_equal(s3.counts->requests, 6);
}

static void is_gone_after_the_stop(void **state)
{
	pid_t pid = s3.pid;

	(void)state;
	assert_int_equal(kill(pid, 0), 0);
	s3_stand_in_stop(&s3);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_null(s3.counts);
	s3_stand_in_stop(&s3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_buckets_and_counts, start, stop),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_signed, start, stop),
		cmocka_unit_test_setup_teardown(is_gone_after_the_stop, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
