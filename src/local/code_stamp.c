/* A stamp is the sum of a hash of each file's path, inode, size and time of change, so the order in which
 * a folder is read does not matter. The time of change, unlike that of modification, cannot be set back. */
#define _XOPEN_SOURCE 700
#include "local/code_stamp.h"

#include <ftw.h>
#include <stddef.h>
#include <sys/stat.h>

#define OPEN_FOLDERS 16

/* nftw() hands nothing on to its callback. */
static uint64_t sum;
static unsigned files;

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int add_file(const char *path, const struct stat *status, int type, struct FTW *where)
{
	const uint64_t facts[] = { (uint64_t)status->st_ino, (uint64_t)status->st_size,
		(uint64_t)status->st_ctim.tv_sec, (uint64_t)status->st_ctim.tv_nsec };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	(void)where;
	/* A folder changes with what is made in it, which may be a cache that the function writes. */
	if (type != FTW_F)
		return 0;
	for (; *path; path++)
		hash = mix(hash, path, 1);
	sum += mix(hash, facts, sizeof facts);
	return ++files >= SCI_CODE_FILES_MAX;
}

uint64_t sci_code_stamp(const char *path)
{
	sum = files = 0;
	nftw(path, add_file, OPEN_FOLDERS, 0);
	return sum;
}
