/* The database of reports: its content, its queries, and its behaviour on errors and without
 * memory. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "reports/reports.h"

#include <scopecache/hooks.h>

#include <jansson.h>
#include <sqlite3.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/reports_test.XXXXXX";
static char database[64], meter[64], scratch[64];

/* What 3 users, 2 params and about 6 rows make, now and on every machine. */
static const char bob_2024[] =
	"{\"user\":\"bob\",\"param\":\"2024\",\"rows\":["
	"{\"category\":\"rent\",\"count\":1,\"cents\":19812},"
	"{\"category\":\"insurance\",\"count\":1,\"cents\":18831},"
	"{\"category\":\"gifts\",\"count\":1,\"cents\":12448},"
	"{\"category\":\"travel\",\"count\":1,\"cents\":9076}],\"total\":60167}";

static int make_database(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(database, sizeof database, "%s/reports.db", folder);
	snprintf(scratch, sizeof scratch, "%s/scratch.db", folder);
	snprintf(meter, sizeof meter, "%s/meter", folder);
	return reports_create(database, 3, 2, 6, NULL);
}

static int remove_database(void **state)
{
	(void)state;
	unlink(database);
	unlink(scratch);
	unlink(meter);
	return rmdir(folder);
}

static void assert_report(void *db, const char *user, const char *param, const char *expected)
{
	struct sc_error error = { 0 };
	char *text;

	if (reports_query(db, user, param, SC_NO_DEADLINE, &text, &error) < 0)
		fail_msg("%s", error.message);
	assert_string_equal(text, expected);
	free(text);
}

static void a_report_is_the_same_everywhere(void **state)
{
	void *db;

	(void)state;
	assert_int_equal(reports_open(database, &db, NULL), 0);
	assert_report(db, "bob", "2024", bob_2024);
	assert_report(db, "bob", "1999",
		"{\"user\":\"bob\",\"param\":\"1999\",\"rows\":[],\"total\":0}");
	assert_report(db, "bob", "2024", bob_2024);
	reports_close(db);
}

static void nobody_is_not_an_empty_report(void **state)
{
	struct sc_error error = { 0 };
	char *text = database;
	void *db;

	(void)state;
	assert_int_equal(reports_open(database, &db, NULL), 0);
	assert_int_equal(reports_query(db, "trent", "2024", 1000, &text, &error),
		REPORTS_NO_SUCH_USER);
	assert_null(text);
	assert_int_equal(error.code, SC_E_FUNCTION);
	assert_int_equal(error.user_code, REPORTS_NO_SUCH_USER);
	assert_string_equal(error.message, "there is no such user");
	assert_report(db, "bob", "2024", bob_2024);
	reports_close(db);
}

static void what_cannot_be_opened_says_why(void **state)
{
	struct sc_error error = { 0 };
	void *db = database;

	(void)state;
	assert_int_equal(reports_open(scratch, &db, &error), SC_E_IO);
	assert_null(db);
	assert_non_null(strstr(error.message, scratch));
	assert_int_equal(reports_open(folder, &db, &error), SC_E_IO);
	unsetenv("REPORTS_DB");
	assert_int_equal(reports_open(NULL, &db, &error), SC_E_INVAL);
	assert_non_null(strstr(error.message, "REPORTS_DB"));

	FILE *file = fopen(scratch, "w");
	assert_non_null(file);
	for (int i = 0; i < 5000; i++)
		fputs("no database", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(reports_open(scratch, &db, &error), SC_E_IO);
	assert_non_null(strstr(error.message, "not a database"));
	/* An empty file is a database, but not this one. */
	assert_int_equal(truncate(scratch, 0), 0);
	assert_int_equal(reports_open(scratch, &db, &error), SC_E_IO);
	assert_non_null(strstr(error.message, "no such table"));
	unlink(scratch);
}

static void a_total_that_no_number_holds_is_an_error(void **state)
{
	struct sc_error error = { 0 };
	sqlite3 *writer;
	char *text;
	void *db;

	(void)state;
	assert_int_equal(reports_create(scratch, 1, 1, 1, NULL), 0);
	assert_int_equal(sqlite3_open(scratch, &writer), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(writer,
			"INSERT INTO entries VALUES (0, '2024', 7, 'rent', 9223372036854775807),"
			" (0, '2024', 8, 'rent', 9223372036854775807)",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(writer);
	assert_int_equal(reports_open(scratch, &db, NULL), 0);
	assert_int_equal(reports_query(db, "alice", "2024", 1000, &text, &error), SC_E_IO);
	assert_non_null(strstr(error.message, "overflow"));
	assert_null(text);
	reports_close(db);
	unlink(scratch);
}

static void a_question_leaves_no_lock_behind(void **state)
{
	sqlite3 *writer;
	char *text;
	void *db;

	(void)state;
	assert_int_equal(reports_open(database, &db, NULL), 0);
	assert_report(db, "bob", "2024", bob_2024);
	assert_int_equal(sqlite3_open(database, &writer), SQLITE_OK);
	assert_int_equal(sqlite3_exec(writer, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(reports_query(db, "bob", "2024", 0, &text, NULL), SC_E_DEADLINE);
	assert_int_equal(reports_query(db, "bob", "2024", INT64_MIN + 1000, &text, NULL),
		SC_E_DEADLINE);
	assert_int_equal(sqlite3_exec(writer, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(writer);
	assert_report(db, "bob", "2024", bob_2024);
	reports_close(db);
}

static void numbers_past_their_bounds_are_refused(void **state)
{
	static const unsigned wrong[][3] = { { 0, 1, 1 }, { 1, 0, 1 }, { 1, 1, 0 },
		{ REPORTS_USERS_MAX + 1, 1, 1 }, { 1, REPORTS_PARAMS_MAX + 1, 1 },
		{ 1, 1, REPORTS_ROWS_MAX + 1 }, { UINT_MAX, 1, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(
			reports_create(scratch, wrong[i][0], wrong[i][1], wrong[i][2], NULL),
			SC_E_INVAL);
	assert_int_equal(access(scratch, F_OK), -1);
}

static void names_are_all_different(void **state)
{
	char name[REPORTS_NAME_BYTES];

	(void)state;
	assert_string_equal(reports_user_name(0, name), "alice");
	assert_string_equal(reports_user_name(19, name), "trent");
	assert_string_equal(reports_user_name(20, name), "alice-2");
	assert_string_equal(reports_user_name(REPORTS_USERS_MAX - 1, name), "trent-5000");
	assert_string_equal(reports_param_name(0, name), "2024");
	assert_string_equal(reports_param_name(REPORTS_PARAMS_MAX - 1, name), "1025");
}

static void the_meter_counts(void **state)
{
	struct upstream_meter now;
	char *text;
	void *db;

	(void)state;
	assert_int_equal(upstream_meter_read(meter, &now, NULL), SC_E_IO);
	setenv("REPORTS_METER", meter, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(reports_open(database, &db, NULL), 0);
		for (int j = 0; j < 4; j++) {
			assert_int_equal(reports_query(db, "alice", "2023", 1000, &text, NULL), 0);
			free(text);
		}
		reports_close(db);
	}
	assert_int_equal(upstream_meter_read(meter, &now, NULL), 0);
	assert_int_equal(now.opens, 3);
	assert_int_equal(now.queries, 12);
	setenv("REPORTS_METER", database, 1);
	assert_int_equal(reports_open(database, &db, NULL), SC_E_IO);
	unsetenv("REPORTS_METER");
	assert_int_equal(upstream_meter_read(database, &now, NULL), SC_E_IO);
}

/* ---- Out of memory: SQLite and jansson allocate through the wrapped functions, too ---- */

struct block {
	int size;
	_Alignas(16) char bytes[];
};

static void *sqlite_malloc(int size)
{
	struct block *block = malloc(sizeof *block + (size_t)size);

	if (!block)
		return NULL;
	block->size = size;
	return block->bytes;
}

static struct block *block_of(void *bytes)
{
	return (struct block *)(void *)((char *)bytes - offsetof(struct block, bytes));
}

static void sqlite_free(void *bytes)
{
	free(bytes ? block_of(bytes) : NULL);
}

static void *sqlite_realloc(void *bytes, int size)
{
	struct block *block = realloc(block_of(bytes), sizeof *block + (size_t)size);

	if (!block)
		return NULL;
	block->size = size;
	return block->bytes;
}

static int sqlite_size(void *bytes)
{
	return bytes ? block_of(bytes)->size : 0;
}

static int sqlite_roundup(int size)
{
	return (size + 7) & ~7;
}

static int sqlite_memory_init(void *unused)
{
	(void)unused;
	return SQLITE_OK;
}

static void sqlite_memory_shutdown(void *unused)
{
	(void)unused;
}

static void assert_out_of_memory(int rc, const struct sc_error *error)
{
	assert_int_equal(rc, SC_E_NOMEM);
	assert_int_equal(error->code, SC_E_NOMEM);
	assert_true(sct_allocation_failed());
}

static void query_without_memory(void *arg)
{
	struct sc_error error = { 0 };
	char *text = NULL;
	void *db;

	(void)arg;
	int rc = reports_open(database, &db, &error);
	if (rc < 0) {
		assert_out_of_memory(rc, &error);
		return;
	}
	rc = reports_query(db, "bob", "2024", 1000, &text, &error);
	reports_close(db);
	if (rc < 0) {
		assert_out_of_memory(rc, &error);
		assert_null(text);
		return;
	}
	assert_string_equal(text, bob_2024);
	free(text);
}

static void create_without_memory(void *arg)
{
	(void)arg;
	unlink(scratch);
	int rc = reports_create(scratch, 1, 1, 2, NULL);
	if (rc < 0) {
		assert_int_equal(rc, SC_E_NOMEM);
		assert_true(sct_allocation_failed());
	}
	assert_int_equal(access(scratch, F_OK), rc < 0 ? -1 : 0);
}

static void out_of_memory(void **state)
{
	static const sqlite3_mem_methods methods = { sqlite_malloc, sqlite_free, sqlite_realloc,
		sqlite_size, sqlite_roundup, sqlite_memory_init, sqlite_memory_shutdown, NULL };

	(void)state;
	assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	assert_int_equal(sqlite3_initialize(), SQLITE_OK);
	json_set_alloc_funcs(malloc, free);
	sct_fail_each_allocation(query_without_memory, NULL);
	sct_fail_each_allocation(create_without_memory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_the_same_everywhere),
		cmocka_unit_test(nobody_is_not_an_empty_report),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(a_total_that_no_number_holds_is_an_error),
		cmocka_unit_test(a_question_leaves_no_lock_behind),
		cmocka_unit_test(numbers_past_their_bounds_are_refused),
		cmocka_unit_test(names_are_all_different),
		cmocka_unit_test(the_meter_counts),
		cmocka_unit_test(out_of_memory),
	};
	return cmocka_run_group_tests(tests, make_database, remove_database);
}
