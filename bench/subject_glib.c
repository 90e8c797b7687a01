/* A hand-written cache: a GHashTable for lookups, a GQueue for the order of use, and a mutex around
 * both. */
#include "subject.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char key[BENCH_KEY_BYTES];
	char value[BENCH_VALUE_BYTES];
	GList link;
};

struct lru {
	pthread_mutex_t lock;
	GHashTable *table;
	GQueue order;
	guint max_entries;
};

static guint hash_key(gconstpointer key)
{
	guint hash = 2166136261u;

	for (const unsigned char *byte = key; byte < (const unsigned char *)key + BENCH_KEY_BYTES;
		byte++)
		hash = (hash ^ *byte) * 16777619u;
	return hash;
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, BENCH_KEY_BYTES) == 0;
}

/* The cache counts entries, so a bound in bytes is divided by the least size of an entry. */
static void *lru_open(const struct bench_capacity *capacity)
{
	struct lru *lru = calloc(1, sizeof *lru);

	if (!lru)
		return NULL;
	pthread_mutex_init(&lru->lock, NULL);
	lru->table = g_hash_table_new_full(hash_key, equal_keys, NULL, free);
	g_queue_init(&lru->order);
	lru->max_entries = (guint)(capacity->entries ? capacity->entries
						     : capacity->bytes / sizeof(struct entry));
	return lru;
}

static void lru_close(void *cache)
{
	struct lru *lru = cache;

	g_hash_table_destroy(lru->table);
	pthread_mutex_destroy(&lru->lock);
	free(lru);
}

static bool lru_get(void *cache, const char *key, char *value)
{
	struct lru *lru = cache;

	pthread_mutex_lock(&lru->lock);
	struct entry *entry = g_hash_table_lookup(lru->table, key);
	if (entry) {
		g_queue_unlink(&lru->order, &entry->link);
		g_queue_push_head_link(&lru->order, &entry->link);
		memcpy(value, entry->value, BENCH_VALUE_BYTES);
	}
	pthread_mutex_unlock(&lru->lock);
	return entry != NULL;
}

static struct entry *add(struct lru *lru, const char *key)
{
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		return NULL;
	memcpy(entry->key, key, BENCH_KEY_BYTES);
	entry->link.data = entry;
	if (g_hash_table_size(lru->table) >= lru->max_entries) {
		struct entry *victim = g_queue_pop_tail_link(&lru->order)->data;
		g_hash_table_remove(lru->table, victim->key);
	}
	g_hash_table_insert(lru->table, entry->key, entry);
	g_queue_push_head_link(&lru->order, &entry->link);
	return entry;
}

static void lru_put(void *cache, const char *key, const char *value)
{
	struct lru *lru = cache;

	pthread_mutex_lock(&lru->lock);
	struct entry *entry = g_hash_table_lookup(lru->table, key);
	if (!entry)
		entry = add(lru, key);
	if (entry)
		memcpy(entry->value, value, BENCH_VALUE_BYTES);
	pthread_mutex_unlock(&lru->lock);
}

const struct bench_subject bench_glib = { "glib", BENCH_SHARED, lru_open, lru_close, lru_get,
	lru_put };
