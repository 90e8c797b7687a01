/* For the model of scopes: names of tenants, users and tags that look like each other's. */
#ifndef SCT_SCOPE_NAMES_H
#define SCT_SCOPE_NAMES_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>

enum { TENANTS = 3, USERS = 4, TAGS = 6 };

static inline const char *tenant_name(int tenant)
{
	static const char *const names[] = { NULL, "a", "ab", "b" };

	return names[tenant];
}

static inline const char *user_name(int user)
{
	static const char *const names[] = { NULL, "c", "bc", "b", "a" };

	return names[user];
}

static inline const char *tag_name(unsigned tag)
{
	static const char *const names[TAGS] = { "orders", "prices", "a", "b", "ab", "c" };

	return names[tag];
}

/* Whether all keys have one hash; then all digests are the same too. */
static inline bool has_one_hash(void)
{
	return sci_hash("a", 1, 1) == sci_hash("b", 1, 1);
}

#endif
