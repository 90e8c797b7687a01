/* libevent's HTTP server, one page of XML and two counters in memory that both processes see.
 *
 * The listening socket is made before the fork, so that a client can connect at once. A request
 * must have a signature (Signature Version 4), which is checked as far as possible without the
 * secret key, so that an example that does not sign fails here too. */
#include "demo/s3_stand_in.h"

#include "base/error.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNATURE_DIGITS 64

static const char buckets[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	"<Owner><ID>stand-in</ID></Owner><Buckets>"
	"<Bucket><Name>invoices</Name><CreationDate>2021-03-01T09:30:00.000Z</CreationDate></"
	"Bucket>"
	"<Bucket><Name>reports</Name><CreationDate>2022-11-17T14:05:12.000Z</CreationDate></Bucket>"
	"<Bucket><Name>uploads</Name><CreationDate>2024-06-30T00:00:00.000Z</CreationDate></Bucket>"
	"</Buckets></ListAllMyBucketsResult>";

static bool is_signed(struct evhttp_request *request)
{
	static const char scheme[] = "AWS4-HMAC-SHA256 Credential=", mark[] = "Signature=";
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *value = evhttp_find_header(headers, "Authorization");

	if (!value || strncmp(value, scheme, sizeof scheme - 1) != 0 ||
		!strstr(value, "SignedHeaders=") || !evhttp_find_header(headers, "X-Amz-Date"))
		return false;
	const char *signature = strstr(value, mark);
	return signature &&
		strspn(signature + sizeof mark - 1, "0123456789abcdef") == SIGNATURE_DIGITS;
}

static void answer(struct evhttp_request *request, int status, const char *reason, const char *code)
{
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
		"application/xml");
	if (body && code)
		evbuffer_add_printf(body,
			"<?xml version=\"1.0\" "
			"encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>",
			code, reason);
	else if (body)
		evbuffer_add_reference(body, buckets, sizeof buckets - 1, NULL, NULL);
	evhttp_send_reply(request, status, reason, body);
	if (body)
		evbuffer_free(body);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct s3_stand_in_counts *counts = arg;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));

	atomic_fetch_add(&counts->requests, 1);
	if (evhttp_request_get_command(request) != EVHTTP_REQ_GET || !path ||
		strcmp(path, "/") != 0)
		answer(request, 501, "Only ListBuckets is done here", "NotImplemented");
	else if (!is_signed(request))
		answer(request, 403, "The request is not signed", "AccessDenied");
	else
		answer(request, 200, "OK", NULL);
}

/* evhttp calls this for each connection that it accepts. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct s3_stand_in_counts *counts = arg;

	atomic_fetch_add(&counts->connections, 1);
	return bufferevent_socket_new(base, -1, 0);
}

static void serve(int listener, struct s3_stand_in_counts *counts)
{
	struct event_base *base = event_base_new();
	struct evhttp *server = base ? evhttp_new(base) : NULL;

	if (!server || evhttp_accept_socket(server, listener) < 0)
		return;
	evhttp_set_bevcb(server, on_connection, counts);
	evhttp_set_gencb(server, on_request, counts);
	event_base_dispatch(base);
}

static int make_listener(uint16_t *port)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(fd, SOMAXCONN) < 0 ||
		getsockname(fd, (struct sockaddr *)&here, &len) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(here.sin_port);
	return fd;
}

int s3_stand_in_start(struct s3_stand_in *s3, struct sc_error *error)
{
	*s3 = (struct s3_stand_in){ 0 };
	void *shared = mmap(NULL, sizeof *s3->counts, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return sci_error_set(error, SC_E_IO, errno, "no memory for the stand-in for S3");
	s3->counts = shared;

	pid_t parent = getpid();
	int listener = make_listener(&s3->port);
	pid_t pid = listener < 0 ? -1 : fork();
	if (pid == 0) {
		/* In a process group of its own, so that Ctrl-C does not reach it: its parent ends
		 * it. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			serve(listener, s3->counts);
		_exit(1);
	}
	int failure = errno;
	if (listener >= 0)
		close(listener);
	s3->pid = pid > 0 ? pid : 0;
	if (s3->pid)
		return 0;
	s3_stand_in_stop(s3);
	return sci_error_set(error, SC_E_IO, failure, "cannot start the stand-in for S3");
}

void s3_stand_in_stop(struct s3_stand_in *s3)
{
	if (s3->pid > 0) {
		kill(s3->pid, SIGKILL);
		waitpid(s3->pid, NULL, 0);
	}
	if (s3->counts)
		munmap(s3->counts, sizeof *s3->counts);
	*s3 = (struct s3_stand_in){ 0 };
}
