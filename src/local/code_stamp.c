/* A stamp is the sum of a hash of each file's path, inode, size and time of change, so the order
 * in which a folder is read does not matter. The time of change, unlike that of modification,
 * cannot be set back. */
#define _XOPEN_SOURCE 700
#include "local/code_stamp.h"

#include <ftw.h>
#include <sys/stat.h>

#define OPEN_FOLDERS 16

/* nftw() passes no argument to its callback. */
static uint64_t sum;
static unsigned files;

/* FNV-1a, by words. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * UINT64_C(0x100000001b3);
}

static int add_file(const char *path, const struct stat *status, int type, struct FTW *where)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	(void)where;
	/* The times of a folder change with each file made in it, such as a cache that the
	 * function writes. */
	if (type != FTW_F)
		return 0;
	for (; *path; path++)
		hash = mix(hash, (unsigned char)*path);
	hash = mix(hash, (uint64_t)status->st_ino);
	hash = mix(hash, (uint64_t)status->st_size);
	hash = mix(hash, (uint64_t)status->st_ctim.tv_sec);
	sum += mix(hash, (uint64_t)status->st_ctim.tv_nsec);
	return ++files >= SCI_CODE_FILES_MAX;
}

uint64_t sci_code_stamp(const char *path)
{
	sum = files = 0;
	nftw(path, add_file, OPEN_FOLDERS, 0);
	return sum;
}
