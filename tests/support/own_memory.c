/* Only pages that are present or swapped out are read, by /proc/self/pagemap: the others would
 * become present. What the search reads is a copy of what it searches, so it leaves out its own
 * buffer and wipes it. */
#include "support/own_memory.h"

#include "support/threads.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MASK          0xA5
#define PIECE         24u
#define STEP          8u
#define PIECES        ((SCT_SECRET_BYTES - PIECE) / STEP + 1)
#define MAPPING_MAX   (UINT64_C(4) << 30)
#define BLOCK_BYTES   ((size_t)1 << 18)
#define PAGES_AT_ONCE 512u
#define IS_USED       (UINT64_C(3) << 62) /* present, or in swap */

static unsigned char block[BLOCK_BYTES];
static char place[640];

_Static_assert(PIECES == SCT_SECRET_PIECES, "the header says how many there are");

void sct_secret_draw(struct sct_secret *secret)
{
	sct_check(getrandom(secret->masked, sizeof secret->masked, 0) == SCT_SECRET_BYTES);
}

/* Byte by byte, so that no copy is left in a large register. */
void sct_secret_reveal(const struct sct_secret *secret, void *plain, size_t len)
{
	volatile unsigned char *to = plain;

	for (size_t i = 0; i < len; i++)
		to[i] = secret->masked[i % SCT_SECRET_BYTES] ^ MASK;
}

void sct_secret_hide(void *plain, size_t len)
{
	volatile unsigned char *to = plain;

	for (size_t i = 0; i < len; i++)
		to[i] = 0;
}

bool sct_secret_is(const struct sct_secret *secret, const void *plain, size_t len)
{
	const volatile unsigned char *byte = plain;
	bool is_equal = true;

	for (size_t i = 0; i < len; i++)
		is_equal &= (byte[i] ^ MASK) == secret->masked[i % SCT_SECRET_BYTES];
	return is_equal;
}

struct search {
	const struct sct_secret *secret;
	int memory, pages;
	size_t page, pieces;
	char mapping[512];
	bool begins[UINT16_MAX + 1]; /* the first two bytes of a piece */
};

static unsigned two_bytes(const unsigned char *at)
{
	return (unsigned)at[0] | (unsigned)at[1] << 8;
}

static bool is_piece(const struct sct_secret *secret, const unsigned char *at)
{
	for (unsigned piece = 0; piece < PIECES; piece++) {
		const unsigned char *masked = secret->masked + (size_t)piece * STEP;
		unsigned equal = 0;
		while (equal < PIECE && (at[equal] ^ MASK) == masked[equal])
			equal++;
		if (equal == PIECE)
			return true;
	}
	return false;
}

static void search_block(struct search *search, uint64_t address, size_t len)
{
	for (size_t i = 0; i + PIECE <= len; i++) {
		if (!search->begins[two_bytes(block + i)] || !is_piece(search->secret, block + i))
			continue;
		if (search->pieces++ == 0)
			snprintf(place, sizeof place, "%#llx in %s",
				(unsigned long long)address + i, search->mapping);
	}
}

/* Search a span of used pages, less the block itself. Blocks overlap, so that no piece is cut. */
static void search_pages(struct search *search, uint64_t from, uint64_t end)
{
	uint64_t own = (uint64_t)(uintptr_t)block, own_end = own + sizeof block;

	if (from < own_end && end > own) {
		if (from < own)
			search_pages(search, from, own);
		if (end > own_end)
			search_pages(search, own_end, end);
		return;
	}
	while (from < end) {
		size_t wanted = end - from < sizeof block ? (size_t)(end - from) : sizeof block;
		ssize_t len = pread(search->memory, block, wanted, (off_t)from);
		/* What the kernel does not let us read has no secrets: [vvar]. */
		if (len <= 0)
			break;
		search_block(search, from, (size_t)len);
		from += (size_t)len == wanted && wanted == sizeof block ? wanted - PIECE + 1
									: (uint64_t)len;
	}
}

static void search_mapping(struct search *search, uint64_t from, uint64_t end)
{
	uint64_t pages[PAGES_AT_ONCE], used_from = 0;
	bool is_used = false;

	for (uint64_t at = from; at < end;) {
		off_t offset = (off_t)(at / search->page * sizeof pages[0]);
		ssize_t len = pread(search->pages, pages, sizeof pages, offset);
		if (len < (ssize_t)sizeof pages[0])
			break;
		for (size_t i = 0; i < (size_t)len / sizeof pages[0] && at < end;
			i++, at += search->page) {
			if (is_used && !(pages[i] & IS_USED))
				search_pages(search, used_from, at);
			if (!is_used && (pages[i] & IS_USED))
				used_from = at;
			is_used = pages[i] & IS_USED;
		}
	}
	if (is_used)
		search_pages(search, used_from, end);
}

static void set_beginnings(struct search *search)
{
	const unsigned char *masked = search->secret->masked;

	for (size_t at = 0; at + PIECE <= SCT_SECRET_BYTES; at += STEP)
		search->begins[(unsigned)(masked[at] ^ MASK) |
			(unsigned)(masked[at + 1] ^ MASK) << 8] = true;
}

/* Whether a line of /proc/self/maps or smaps begins a mapping; then *access is what follows. */
static bool begins_mapping(const char *line, uint64_t *from, uint64_t *end, const char **access)
{
	char *behind;

	*from = strtoull(line, &behind, 16);
	if (behind == line || *behind != '-')
		return false;
	const char *second = behind + 1;
	*end = strtoull(second, &behind, 16);
	*access = behind + 1;
	return behind > second && *behind == ' ';
}

size_t sct_secret_pieces(const struct sct_secret *secret)
{
	static struct search search;
	FILE *maps = fopen("/proc/self/maps", "re");
	const char *access;
	uint64_t from, end;

	memset(&search, 0, sizeof search);
	search.secret = secret;
	search.page = (size_t)sysconf(_SC_PAGESIZE);
	search.memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	search.pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	sct_check(maps && search.memory >= 0 && search.pages >= 0);
	set_beginnings(&search);
	place[0] = '\0';
	while (fgets(search.mapping, sizeof search.mapping, maps)) {
		sct_check(begins_mapping(search.mapping, &from, &end, &access));
		if (access[0] == 'r' && end - from <= MAPPING_MAX)
			search_mapping(&search, from, end);
	}
	close(search.pages);
	close(search.memory);
	fclose(maps);
	memset(block, 0, sizeof block);
	return search.pieces;
}

const char *sct_secret_place(void)
{
	return place;
}

bool sct_mapping_has_flag(const void *address, const char *flag)
{
	uint64_t at = (uint64_t)(uintptr_t)address;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	const char *access;
	uint64_t from, end;
	bool is_here = false, has = false;
	char line[1024], wanted[8];

	sct_check(smaps != NULL);
	snprintf(wanted, sizeof wanted, " %s ", flag);
	while (fgets(line, sizeof line, smaps)) {
		if (begins_mapping(line, &from, &end, &access))
			is_here = at >= from && at < end;
		else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, wanted) != NULL;
	}
	fclose(smaps);
	return has;
}
