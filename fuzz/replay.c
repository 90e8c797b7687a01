/* Runs a fuzz target without a fuzzer on each file of the given folders, in the order of their
 * names. Each input is in a block of exactly its size, so that AddressSanitizer detects the first
 * byte that is read past its end. A folder without inputs is a failure, because it would test
 * nothing. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 4096

static int replay_stream(FILE *file, const char *path)
{
	long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;

	if (size < 0 || fseek(file, 0, SEEK_SET) != 0) {
		perror(path);
		return -1;
	}
	/* malloc(0) may return NULL, which libFuzzer passes for an empty input too. */
	uint8_t *data = malloc((size_t)size);
	if (size > 0 && (!data || fread(data, 1, (size_t)size, file) != (size_t)size)) {
		fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		return -1;
	}
	/* The name is printed first, so that it is known when the target ends the process. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 0;
}

static int replay_file(const char *folder, const char *name)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return -1;
	}
	int rc = replay_stream(file, path);
	fclose(file);
	return rc;
}

/* Returns the number of inputs replayed, or -1. */
static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int replayed = 0, rc = 0;

	int count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0) {
		perror(folder);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		if (rc == 0 && entries[i]->d_name[0] != '.') {
			rc = replay_file(folder, entries[i]->d_name);
			replayed++;
		}
		free(entries[i]);
	}
	free(entries);
	return rc == 0 ? replayed : -1;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int replayed = replay_folder(argv[i]);
		if (replayed < 0)
			return EXIT_FAILURE;
		total += replayed;
	}
	printf("%d inputs replayed\n", total);
	return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
