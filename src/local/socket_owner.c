/* The kernel tells the inode of a TCP socket of this machine by its addresses (sock_diag(7)),
 * and /proc the inodes of the sockets that a process has open. Both together give the
 * owner of a connection. It is looked up once for each connection; a process may pass it on later.
 * A socket that its process has closed has no inode, although bytes that were sent can still be
 * read. */
#define _GNU_SOURCE
#include "local/socket_owner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An environment may have more processes; the result is then UNCERTAIN. */
#define DESCENDANTS_MAX 1024

enum found { OTHERS, OURS, UNCERTAIN };

/* ---- The inode. ---- */

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 socket;
};

static ssize_t query_kernel(const struct request *request, void *answer, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	ssize_t got = -1;

	if (fd < 0)
		return -1;
	if (send(fd, request, sizeof *request, 0) == (ssize_t)sizeof *request)
		got = recv(fd, answer, size, MSG_DONTWAIT);
	close(fd);
	return got;
}

/* Returns the inode of the socket at `from` that is connected to `port` of 127.0.0.1; 0 when the
 * system does not tell, or no process has it any more. */
static ino_t inode_of(const struct sockaddr_in *from, uint16_t port)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof request,
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST },
		.socket = { .sdiag_family = AF_INET,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = ~0U,
			.id = { .idiag_sport = from->sin_port,
				.idiag_dport = htons(port),
				.idiag_src = { from->sin_addr.s_addr },
				.idiag_dst = { htonl(INADDR_LOOPBACK) },
				.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
	};
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} answer;

	ssize_t got = query_kernel(&request, &answer, sizeof answer);
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) ||
		answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return 0;
	return ((const struct inet_diag_msg *)NLMSG_DATA(&answer.header))->idiag_inode;
}

/* ---- The process. ---- */

static enum found search_links(DIR *folder, const char *wanted)
{
	struct dirent *entry;
	char target[64];

	while ((entry = readdir(folder))) {
		ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
		if (len > 0 && (target[len] = '\0', strcmp(target, wanted) == 0))
			return OURS;
	}
	return OTHERS;
}

/* Whether the process has the socket open. */
static enum found search_process(pid_t pid, const char *wanted)
{
	char path[48];

	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	DIR *folder = opendir(path);
	if (!folder)
		return errno == ENOENT || errno == ESRCH ? OTHERS : UNCERTAIN;
	enum found found = search_links(folder, wanted);
	closedir(folder);
	return found;
}

struct descendants {
	size_t count;
	pid_t pids[DESCENDANTS_MAX];
};

/* Add the children of one thread of a process. Returns false when the list is full. */
static bool add_children_of(struct descendants *list, pid_t pid, const char *thread)
{
	char path[80], word[24];
	bool fits = true;

	snprintf(path, sizeof path, "/proc/%ld/task/%.20s/children", (long)pid, thread);
	FILE *children = fopen(path, "re");
	while (children && fits && fscanf(children, "%23s", word) == 1) {
		fits = list->count < DESCENDANTS_MAX;
		if (fits)
			list->pids[list->count++] = (pid_t)strtol(word, NULL, 10);
	}
	if (children)
		fclose(children);
	return fits;
}

static bool add_children(struct descendants *list, pid_t pid)
{
	char path[48];
	struct dirent *entry;
	bool fits = true;

	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	DIR *threads = opendir(path);
	while (threads && fits && (entry = readdir(threads)))
		if (entry->d_name[0] != '.')
			fits = add_children_of(list, pid, entry->d_name);
	if (threads)
		closedir(threads);
	return fits;
}

/* Search the process itself first, which nearly always has the socket. */
static enum found search_descendants(pid_t first, pid_t ancestor, const char *wanted)
{
	static struct descendants list; /* not on the stack, for its size; there is one thread */
	enum found worst = search_process(first, wanted);

	if (worst == OURS || access("/proc/self/task", X_OK) < 0)
		return worst == OURS ? OURS : UNCERTAIN;
	list.count = 0;
	if (!add_children(&list, ancestor))
		return UNCERTAIN;
	for (size_t i = 0; i < list.count; i++) {
		enum found found = search_process(list.pids[i], wanted);
		if (found == OURS)
			return OURS;
		if (found == UNCERTAIN || !add_children(&list, list.pids[i]))
			worst = UNCERTAIN;
	}
	return worst;
}

enum sci_socket_owner sci_socket_owner_of(const struct sci_peer *peer, uint16_t port, pid_t first,
	pid_t ancestor)
{
	struct sockaddr_in address;
	char wanted[48];

	if (peer->len < sizeof address || !sci_socket_owner_is_known())
		return SCI_SOCKET_OURS;
	memcpy(&address, &peer->address, sizeof address);
	ino_t inode = inode_of(&address, port);
	snprintf(wanted, sizeof wanted, "socket:[%lu]", (unsigned long)inode);
	if (inode != 0 && search_descendants(first, ancestor, wanted) != OTHERS)
		return SCI_SOCKET_OURS;
	/* Its owner may have exited during the search. */
	return inode != 0 && inode_of(&address, port) != 0 ? SCI_SOCKET_OTHERS : SCI_SOCKET_CLOSED;
}

static bool try_once(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char wanted[48];
	bool known = false;

	int listening = sci_socket_listen("127.0.0.1", 0, NULL);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listening >= 0 && fd >= 0) {
		address.sin_port = htons(sci_socket_port(listening));
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
			uint16_t port = ntohs(address.sin_port);
			address.sin_port = htons(sci_socket_port(fd));
			ino_t inode = inode_of(&address, port);
			snprintf(wanted, sizeof wanted, "socket:[%lu]", (unsigned long)inode);
			known = inode != 0 && search_process(getpid(), wanted) == OURS;
		}
	}
	if (fd >= 0)
		close(fd);
	if (listening >= 0)
		close(listening);
	return known;
}

bool sci_socket_owner_is_known(void)
{
	static int known = -1;

	if (known < 0)
		known = try_once();
	return known;
}
