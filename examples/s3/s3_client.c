/* One libcurl handle, set up once: the handle keeps the connection (and the TLS session) for the
 * next request. libcurl signs the request (AWS's signature version 4, over the headers too).
 *
 * A kept connection may be closed when it is used again, above all after a freeze of the process;
 * libcurl detects that and makes a new one.
 *
 * S3's answers are not trusted: their size is bounded, redirects are not followed, and messages
 * contain only the status and a code of letters, digits and dots. */
#include "s3/s3_client.h"

#include "upstream/upstream_error.h"
#include "upstream/upstream_meter.h"

#include <scopecache/hooks.h>

#include <curl/curl.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_BYTES_MAX  (4 << 20)
#define CONNECT_MS_MAX    2000
#define TIMEOUT_MS_MAX    10000
#define TIME_TO_SAY_SO_MS 100

/* S3 requires this header, the digest of an empty body, and libcurl signs only headers that it
 * sends. */
#define EMPTY_BODY_HEADER                                                                          \
	"x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_client {
	CURL *curl;
	struct curl_slist *headers;
	struct upstream_meter *meter;
	char *answer; /* reused from request to request */
	size_t answer_len, answer_capacity;
	int answer_failure;
	char curl_error[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

/* libcurl must not be initialised by two threads at once; it stays initialised until the process
 * ends. */
static void start_curl(void)
{
	curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static const char *environment(const char *name, const char *other)
{
	const char *value = getenv(name);

	if ((!value || !*value) && other)
		value = getenv(other);
	return value && *value ? value : NULL;
}

/* Store S3's answer, up to a bound; libcurl fails the request when less than all is taken. */
static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
	struct s3_client *client = context;
	size_t len = size * count, capacity = client->answer_capacity;

	if (len > ANSWER_BYTES_MAX - client->answer_len) {
		client->answer_failure = SC_E_TOO_LARGE;
		return 0;
	}
	while (capacity < client->answer_len + len)
		capacity = capacity ? capacity * 2 : 4096;
	char *answer = capacity > client->answer_capacity ? realloc(client->answer, capacity)
							  : client->answer;
	if (!answer) {
		client->answer_failure = SC_E_NOMEM;
		return 0;
	}
	client->answer = answer;
	client->answer_capacity = capacity;
	memcpy(answer + client->answer_len, data, len);
	client->answer_len += len;
	return len;
}

/* The region becomes part of a host name and of the signature. */
static int read_region(const char **region, struct sc_error *error)
{
	*region = environment("AWS_REGION", "AWS_DEFAULT_REGION");
	if (*region && strlen(*region) <= 32 &&
		strspn(*region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(*region))
		return 0;
	return upstream_fail(error, SC_E_INVAL, "AWS_REGION is %s",
		*region ? "not a region" : "not set");
}

static int set_address(struct s3_client *client, const char *region, struct sc_error *error)
{
	const char *endpoint = environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
	char own[96], url[2048];

	if (!endpoint) {
		const char *top =
			strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
		snprintf(own, sizeof own, "https://s3.%s.%s", region, top);
		endpoint = own;
	}
	size_t len = strlen(endpoint);
	if (len + 2 > sizeof url)
		return upstream_fail(error, SC_E_INVAL, "the endpoint URL is too long");
	snprintf(url, sizeof url, "%s%s", endpoint, endpoint[len - 1] == '/' ? "" : "/");
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return upstream_fail(error, SC_E_INVAL,
			"the endpoint URL is neither https nor http");
	if (curl_easy_setopt(client->curl, CURLOPT_URL, url) != CURLE_OK)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	return 0;
}

static int add_header(struct s3_client *client, const char *header, struct sc_error *error)
{
	struct curl_slist *headers = curl_slist_append(client->headers, header);

	if (!headers)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	client->headers = headers;
	return 0;
}

static int set_signature(struct s3_client *client, const char *region, struct sc_error *error)
{
	const char *id = environment("AWS_ACCESS_KEY_ID", NULL);
	const char *secret = environment("AWS_SECRET_ACCESS_KEY", NULL);
	const char *token = environment("AWS_SESSION_TOKEN", NULL);
	char scheme[64], token_header[8192];

	if (!id || !secret)
		return upstream_fail(error, SC_E_INVAL,
			"AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set");
	snprintf(scheme, sizeof scheme, "aws:amz:%s:s3", region);
	if (curl_easy_setopt(client->curl, CURLOPT_AWS_SIGV4, scheme) != CURLE_OK ||
		curl_easy_setopt(client->curl, CURLOPT_USERNAME, id) != CURLE_OK ||
		curl_easy_setopt(client->curl, CURLOPT_PASSWORD, secret) != CURLE_OK)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	int rc = add_header(client, EMPTY_BODY_HEADER, error);
	if (rc < 0 || !token)
		return rc;
	int len = snprintf(token_header, sizeof token_header, "x-amz-security-token: %s", token);
	if (len < 0 || (size_t)len >= sizeof token_header || strpbrk(token, "\r\n"))
		return upstream_fail(error, SC_E_INVAL, "AWS_SESSION_TOKEN is not a session token");
	return add_header(client, token_header, error);
}

static int set_up(struct s3_client *client, struct sc_error *error)
{
	const char *region;

	int rc = read_region(&region, error);
	if (rc == 0)
		rc = upstream_meter_open(&client->meter, "S3_METER", error);
	if (rc < 0)
		return rc;
	pthread_once(&curl_once, start_curl);
	client->curl = curl_started == CURLE_OK ? curl_easy_init() : NULL;
	if (!client->curl)
		return upstream_fail(error, SC_E_NOMEM, "libcurl could not be started");
	rc = set_address(client, region, error);
	if (rc == 0)
		rc = set_signature(client, region, error);
	if (rc < 0)
		return rc;
	const char *bundle = environment("AWS_CA_BUNDLE", NULL);
	if (bundle && curl_easy_setopt(client->curl, CURLOPT_CAINFO, bundle) != CURLE_OK)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->curl_error);
	curl_easy_setopt(client->curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	return 0;
}

int s3_client_open(void *unused, void **client, struct sc_error *error)
{
	(void)unused;
	*client = NULL;
	struct s3_client *made = calloc(1, sizeof *made);
	if (!made)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	int rc = set_up(made, error);
	if (rc < 0)
		s3_client_close(made);
	else
		*client = made;
	return rc;
}

void s3_client_close(void *client)
{
	struct s3_client *s3 = client;

	if (!s3)
		return;
	curl_easy_cleanup(s3->curl);
	curl_slist_free_all(s3->headers);
	upstream_meter_close(s3->meter);
	free(s3->answer);
	free(s3);
}

static int fail_transfer(struct s3_client *client, CURLcode code, struct sc_error *error)
{
	const char *text = client->curl_error[0] ? client->curl_error : curl_easy_strerror(code);

	if (client->answer_failure)
		return upstream_fail(error, client->answer_failure, "S3's answer: %s",
			sc_result_text(client->answer_failure));
	if (code == CURLE_OUT_OF_MEMORY)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	if (code == CURLE_OPERATION_TIMEDOUT)
		return upstream_fail(error, SC_E_DEADLINE, "S3 did not answer in time: %s", text);
	return upstream_fail(error, SC_E_IO, "S3 could not be asked: %s", text);
}

static int fail_status(struct s3_client *client, long status, struct sc_error *error)
{
	char code[S3_TEXT_MAX + 1];

	s3_answer_error_code(client->answer, client->answer_len, code);
	int rc = upstream_fail(error, SC_E_IO, "S3 answered %ld%s%s", status, *code ? " " : "",
		code);
	if (error)
		error->http_status = (int32_t)status;
	return rc;
}

int s3_client_list_buckets(void *client, int64_t timeout_ms, struct s3_buckets *buckets,
	struct sc_error *error)
{
	struct s3_client *s3 = client;
	long status = 0, connections = 0;

	memset(buckets, 0, sizeof *buckets);
	if (timeout_ms <= TIME_TO_SAY_SO_MS)
		return upstream_fail(error, SC_E_DEADLINE, "there is no time left to ask S3");
	timeout_ms -= TIME_TO_SAY_SO_MS;
	long limit_ms = timeout_ms < TIMEOUT_MS_MAX ? (long)timeout_ms : TIMEOUT_MS_MAX;
	curl_easy_setopt(s3->curl, CURLOPT_TIMEOUT_MS, limit_ms);
	curl_easy_setopt(s3->curl, CURLOPT_CONNECTTIMEOUT_MS,
		limit_ms < CONNECT_MS_MAX ? limit_ms : (long)CONNECT_MS_MAX);
	s3->answer_len = 0;
	s3->answer_failure = 0;
	s3->curl_error[0] = '\0';

	CURLcode code = curl_easy_perform(s3->curl);
	curl_easy_getinfo(s3->curl, CURLINFO_NUM_CONNECTS, &connections);
	upstream_meter_add(s3->meter, (uint64_t)connections, 1);
	if (code != CURLE_OK)
		return fail_transfer(s3, code, error);
	curl_easy_getinfo(s3->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return fail_status(s3, status, error);
	return s3_answer_buckets(s3->answer, s3->answer_len, buckets, error);
}
