/* One libcurl handle, set up once: it keeps connections for the next requests, and makes a new one
 * when the service has closed a kept one, as it may during a freeze of the process.
 *
 * An answer may be a secret. So its buffer is a part of the client, where nothing copies it when it
 * grows, and it is wiped before the next answer and at the end. */
#include "service/service_client.h"

#include "upstream/upstream_error.h"

#include <curl/curl.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS_MAX    2000
#define TIMEOUT_MS_MAX    10000
#define TIME_TO_SAY_SO_MS 100

struct service_client {
	CURL *curl;
	size_t len;
	bool too_large;
	char body[SERVICE_ANSWER_BYTES_MAX + 1];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

static void start_curl(void)
{
	curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* libcurl fails the request when less than all is taken. */
static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
	struct service_client *client = context;
	size_t len = size * count;

	client->too_large = len > SERVICE_ANSWER_BYTES_MAX - client->len;
	if (client->too_large)
		return 0;
	memcpy(client->body + client->len, data, len);
	client->len += len;
	return len;
}

static void wipe_answer(struct service_client *client)
{
	explicit_bzero(client->body, client->len);
	client->len = 0;
}

int service_client_open(struct service_client **client, struct sc_error *error)
{
	const char *environment = getenv("AWS_LAMBDA_LOG_STREAM_NAME");

	*client = NULL;
	pthread_once(&curl_once, start_curl);
	struct service_client *made = calloc(1, sizeof *made);
	if (made)
		made->curl = curl_started == CURLE_OK ? curl_easy_init() : NULL;
	if (!made || !made->curl ||
		curl_easy_setopt(made->curl, CURLOPT_USERAGENT,
			environment ? environment : "scopecache-example") != CURLE_OK) {
		service_client_close(made);
		return upstream_fail(error, SC_E_NOMEM, "libcurl could not be started");
	}
	curl_easy_setopt(made->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(made->curl, CURLOPT_WRITEDATA, made);
	curl_easy_setopt(made->curl, CURLOPT_NOSIGNAL, 1L);
	*client = made;
	return 0;
}

void service_client_close(struct service_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	wipe_answer(client);
	free(client);
}

/* Add `name`=`value` to the query of `url`. */
static CURLUcode add_query(CURLU *url, const char *name, const char *value)
{
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	size_t size = strlen(name) + 1 + strlen(value) + 1;
	char *pair = malloc(size);

	if (pair) {
		snprintf(pair, size, "%s=%s", name, value);
		code = curl_url_set(url, CURLUPART_QUERY, pair,
			CURLU_APPENDQUERY | CURLU_URLENCODE);
	}
	free(pair);
	return code;
}

static CURLUcode read_url(CURLU *url, const struct service_request *request)
{
	CURLUcode code = CURLUE_MALFORMED_INPUT;

	if (request->url &&
		(strncmp(request->url, "http://", 7) == 0 ||
			strncmp(request->url, "https://", 8) == 0))
		code = curl_url_set(url, CURLUPART_URL, request->url, 0);
	for (size_t i = 0; code == CURLUE_OK && i < SERVICE_QUERY_MAX; i++)
		if (request->query[i].name)
			code = add_query(url, request->query[i].name, request->query[i].value);
	return code;
}

/* The request's parts in libcurl, which has its own copies of the texts. */
static int set_request(struct service_client *client, const struct service_request *request,
	struct sc_error *error)
{
	int64_t left_ms = request->timeout_ms - TIME_TO_SAY_SO_MS;
	long limit_ms = left_ms < TIMEOUT_MS_MAX ? (long)left_ms : TIMEOUT_MS_MAX;
	CURLU *url = curl_url();
	char *text = NULL;

	CURLUcode code = url ? read_url(url, request) : CURLUE_OUT_OF_MEMORY;
	if (code == CURLUE_OK)
		code = curl_url_get(url, CURLUPART_URL, &text, 0);
	curl_url_cleanup(url);
	if (code != CURLUE_OK && code != CURLUE_OUT_OF_MEMORY)
		return upstream_fail(error, SC_E_INVAL, "the URL of %s is %s", request->service,
			request->url ? "neither http nor https, or not well-formed" : "not set");
	if (code != CURLUE_OK || curl_easy_setopt(client->curl, CURLOPT_URL, text) != CURLE_OK ||
		curl_easy_setopt(client->curl, CURLOPT_USERNAME, request->user) != CURLE_OK ||
		curl_easy_setopt(client->curl, CURLOPT_PASSWORD, request->password) != CURLE_OK) {
		curl_free(text);
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	}
	curl_free(text);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, limit_ms);
	curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS,
		limit_ms < CONNECT_MS_MAX ? limit_ms : (long)CONNECT_MS_MAX);
	return 0;
}

static int fail_transfer(const struct service_client *client, const char *service, CURLcode code,
	struct sc_error *error)
{
	if (client->too_large)
		return upstream_fail(error, SC_E_TOO_LARGE, "the answer of %s has over %d bytes",
			service, SERVICE_ANSWER_BYTES_MAX);
	if (code == CURLE_OUT_OF_MEMORY)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	if (code == CURLE_OPERATION_TIMEDOUT)
		return upstream_fail(error, SC_E_DEADLINE, "%s did not answer in time", service);
	return upstream_fail(error, SC_E_IO, "%s could not be asked: %s", service,
		curl_easy_strerror(code));
}

int service_client_get(struct service_client *client, const struct service_request *request,
	struct service_answer *answer, struct sc_error *error)
{
	memset(answer, 0, sizeof *answer);
	wipe_answer(client);
	client->too_large = false;
	if (request->timeout_ms <= TIME_TO_SAY_SO_MS)
		return upstream_fail(error, SC_E_DEADLINE, "there is no time left to ask %s",
			request->service);
	int rc = set_request(client, request, error);
	if (rc < 0)
		return rc;
	CURLcode code = curl_easy_perform(client->curl);
	curl_easy_setopt(client->curl, CURLOPT_PASSWORD, NULL);
	if (code != CURLE_OK)
		return fail_transfer(client, request->service, code, error);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	client->body[client->len] = '\0';
	answer->body = client->body;
	answer->len = client->len;
	return 0;
}
