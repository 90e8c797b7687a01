/* Two kinds of requests are refused by their heads.
 *
 * Ambiguous messages, which two HTTP parsers could read differently (RFC 9112, 6.3 and 5.1):
 * lengths that contradict each other, a length beside a transfer coding, a name with a space before
 * its colon. Such messages can smuggle a second request past a proxy, and libmicrohttpd accepts
 * them in every mode.
 *
 * Requests of web pages. A browser lets any page POST text to any address, the loopback
 * interface included, and sends the page's origin in Origin. A page whose own name resolves to this
 * address sends that name in Host. Programs send neither a foreign Origin nor a foreign Host. */
#include "local/http_admission.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct head {
	size_t bytes;
	unsigned lengths, codings, hosts, origins;
	const char *length, *coding, *host, *origin;
	bool malformed_name, malformed_value;
};

/* The characters of a header's name: RFC 9110, 5.6.2. */
static bool is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (const char *at = text; *at; at++)
		if (!((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
			    (*at >= 'A' && *at <= 'Z') || strchr(others, *at)))
			return false;
	return *text != '\0';
}

/* A bare carriage return ends the line for some parsers. */
bool sci_http_has_controls(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' && *at != '\t')
			return true;
	return false;
}

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *name,
	const char *value)
{
	struct head *head = arg;

	(void)kind;
	if (!value)
		value = "";
	head->bytes += strlen(name) + strlen(value);
	head->malformed_name |= !is_token(name);
	head->malformed_value |= sci_http_has_controls(value);
	if (strcasecmp(name, "Content-Length") == 0) {
		head->lengths++;
		head->length = value;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		head->codings++;
		head->coding = value;
	} else if (strcasecmp(name, "Host") == 0) {
		head->hosts++;
		head->host = value;
	} else if (strcasecmp(name, "Origin") == 0) {
		head->origins++;
		head->origin = value;
	}
	return MHD_YES;
}

static enum MHD_Result take_parameter(void *arg, enum MHD_ValueKind kind, const char *name,
	const char *value)
{
	struct head *head = arg;

	(void)kind;
	head->bytes += strlen(name) + (value ? strlen(value) : 0);
	return MHD_YES;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static struct sci_refusal check_framing(const struct head *head)
{
	if (head->malformed_name)
		return (struct sci_refusal){ 400, "A header's name is not a token" };
	if (head->malformed_value)
		return (struct sci_refusal){ 400, "A header's value has control characters" };
	if (head->lengths > 1)
		return (struct sci_refusal){ 400, "There is more than one Content-Length" };
	if (head->lengths > 0 && head->codings > 0)
		return (struct sci_refusal){ 400,
			"There are both a Content-Length and a Transfer-Encoding" };
	if (head->codings > 1 || (head->codings == 1 && strcasecmp(head->coding, "chunked") != 0))
		return (struct sci_refusal){ 400, "The only Transfer-Encoding is chunked" };
	if (head->lengths > 0 && !is_number(head->length))
		return (struct sci_refusal){ 400, "The Content-Length is not a number" };
	if (head->hosts > 1)
		return (struct sci_refusal){ 400, "There is more than one Host" };
	return (struct sci_refusal){ 0 };
}

/* The length of a Host without its port. */
static size_t without_port(const char *host)
{
	const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;

	return bracket ? (size_t)(bracket + 1 - host) : strcspn(host, ":");
}

static bool is_numeric(const char *name)
{
	struct in6_addr address;
	size_t len = strlen(name);
	char bare[64];

	if (inet_pton(AF_INET, name, &address) == 1)
		return true;
	if (len < 2 || len >= sizeof bare || name[0] != '[' || name[len - 1] != ']')
		return false;
	snprintf(bare, sizeof bare, "%.*s", (int)len - 2, name + 1);
	return inet_pton(AF_INET6, bare, &address) == 1;
}

bool sci_http_host_is_local(const char *host, const char *own)
{
	static const char local[] = "localhost";
	size_t len = without_port(host), tail = sizeof local - 1;
	char name[256];

	if (host[len] != '\0' && (host[len] != ':' || !is_number(host + len + 1)))
		return false;
	if (len == 0 || len >= sizeof name)
		return false;
	snprintf(name, sizeof name, "%.*s", (int)len, host);
	if (is_numeric(name) || (own && strcasecmp(name, own) == 0))
		return true;
	/* Browsers resolve these names themselves, without a name server. */
	if (len < tail || strcasecmp(name + len - tail, local) != 0)
		return false;
	return len == tail || name[len - tail - 1] == '.';
}

bool sci_http_origin_is_allowed(const struct sci_http_admission *admission, const char *origin)
{
	for (size_t i = 0; i < admission->origin_count; i++)
		if (strcmp(admission->origins[i], "*") == 0 ||
			strcasecmp(admission->origins[i], origin) == 0)
			return true;
	return false;
}

static struct sci_refusal check_sender(const struct sci_http_admission *admission,
	const struct head *head)
{
	/* HTTP/1.0 has no Host, and no browser speaks it. */
	if (head->host && !admission->any_host &&
		!sci_http_host_is_local(head->host, admission->host))
		return (struct sci_refusal){ 403,
			"The request is for another host: name this one by its address, or as "
			"localhost; --allow-remote accepts every name" };
	if (head->origins > 1 ||
		(head->origin && !sci_http_origin_is_allowed(admission, head->origin)))
		return (struct sci_refusal){ 403,
			"The request comes from a web page; --allow-origin accepts those of an "
			"origin" };
	return (struct sci_refusal){ 0 };
}

struct sci_refusal sci_http_admission_check(const struct sci_http_admission *admission,
	struct MHD_Connection *connection, const char *path)
{
	struct head head = { .bytes = strlen(path) };

	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_parameter, &head);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, &head);
	struct sci_refusal refusal = check_framing(&head);
	if (refusal.status == 0 && head.bytes > admission->max_head_bytes)
		refusal = (struct sci_refusal){ 431,
			"The path and the headers of the request are too large" };
	if (refusal.status == 0)
		refusal = check_sender(admission, &head);
	if (refusal.status == 0 && head.length &&
		strtoull(head.length, NULL, 10) > admission->max_announced_bytes)
		refusal = (struct sci_refusal){ 413, "The body is too large" };
	return refusal;
}
