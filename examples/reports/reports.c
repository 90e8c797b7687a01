/* One connection to the database of reports, with one prepared statement.
 *
 * The open is expensive: it opens the file, reads its schema and compiles the statement. A query
 * then reads one range of an index. A connection has one statement, so one thread may use it at a
 * time. Every query ends with a reset: otherwise the statement would keep its read lock and block
 * every writer. */
#include "reports/reports.h"

#include <jansson.h>
#include <sqlite3.h>

#include <stdlib.h>

#define BUSY_MS_MAX       1000
#define TIME_TO_SAY_SO_MS 100

/* A known user without entries makes one row without a category; an unknown user makes no row. The
 * total is summed before the limit cuts. */
static const char question[] =
	"SELECT e.category, count(e.seq), sum(e.cents), sum(sum(e.cents)) OVER ()"
	" FROM users u LEFT JOIN entries e ON e.user = u.id AND e.year = ?2"
	" WHERE u.name = ?1 GROUP BY e.category ORDER BY 3 DESC, 1 LIMIT 10";

struct connection {
	sqlite3 *sqlite;
	sqlite3_stmt *statement;
	struct upstream_meter *meter;
};

/* The SC_E_* for a result of SQLite. */
static int fail(struct connection *db, int sqlite_rc, const char *what, struct sc_error *error)
{
	int primary = sqlite_rc & 0xff;

	if (primary == SQLITE_NOMEM)
		return upstream_fail(error, SC_E_NOMEM, "%s: out of memory", what);
	if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
		return upstream_fail(error, SC_E_DEADLINE, "%s: the database is locked", what);
	return upstream_fail(error, SC_E_IO, "%s: %s", what, sqlite3_errmsg(db->sqlite));
}

static int open_sqlite(struct connection *db, const char *path, struct sc_error *error)
{
	int rc = upstream_meter_open(&db->meter, "REPORTS_METER", error);
	if (rc < 0)
		return rc;
	rc = sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READONLY, NULL);
	if (rc != SQLITE_OK) {
		const char *text = db->sqlite ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(rc);
		return upstream_fail(error, rc == SQLITE_NOMEM ? SC_E_NOMEM : SC_E_IO,
			"cannot open the reports in %s: %s", path, text);
	}
	upstream_meter_add(db->meter, 1, 0);
	sqlite3_busy_timeout(db->sqlite, BUSY_MS_MAX);
	rc = sqlite3_prepare_v3(db->sqlite, question, sizeof question, SQLITE_PREPARE_PERSISTENT,
		&db->statement, NULL);
	return rc == SQLITE_OK ? 0 : fail(db, rc, "cannot read the reports' database", error);
}

int reports_open(void *path, void **db, struct sc_error *error)
{
	const char *file = path ? path : getenv("REPORTS_DB");

	*db = NULL;
	if (!file || !*file)
		return upstream_fail(error, SC_E_INVAL,
			"REPORTS_DB is not set: it names the database of reports");
	struct connection *made = calloc(1, sizeof *made);
	if (!made)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	int rc = open_sqlite(made, file, error);
	if (rc < 0)
		reports_close(made);
	else
		*db = made;
	return rc;
}

void reports_close(void *db)
{
	struct connection *connection = db;

	if (!connection)
		return;
	sqlite3_finalize(connection->statement);
	sqlite3_close(connection->sqlite);
	upstream_meter_close(connection->meter);
	free(connection);
}

/* Run the query, and add a row to the report for each row of its result; *found says whether the
 * user exists. Returns SQLITE_DONE at the end. */
static int read_rows(sqlite3_stmt *statement, json_t *report, int *found)
{
	json_t *rows = json_object_get(report, "rows");
	int64_t total = 0;
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		*found = 1;
		if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
			continue;
		total = sqlite3_column_int64(statement, 3);
		if (json_array_append_new(rows,
			    json_pack("{s:s, s:I, s:I}", "category",
				    (const char *)sqlite3_column_text(statement, 0), "count",
				    (json_int_t)sqlite3_column_int64(statement, 1), "cents",
				    (json_int_t)sqlite3_column_int64(statement, 2))) < 0)
			return SQLITE_NOMEM;
	}
	if (rc == SQLITE_DONE && json_object_set_new(report, "total", json_integer(total)) < 0)
		return SQLITE_NOMEM;
	return rc;
}

/* The report as text. Its size is measured first, because json_dumps() of jansson 2.14 silently
 * leaves out a key when it is out of memory. */
static char *write_report(const json_t *report)
{
	size_t len = json_dumpb(report, NULL, 0, JSON_COMPACT);
	char *text = len > 0 ? malloc(len + 1) : NULL;

	if (text && json_dumpb(report, text, len, JSON_COMPACT) != len) {
		free(text);
		return NULL;
	}
	if (text)
		text[len] = '\0';
	return text;
}

static void wait_at_most(struct connection *db, int64_t timeout_ms)
{
	int64_t busy_ms = timeout_ms - TIME_TO_SAY_SO_MS;

	if (busy_ms > BUSY_MS_MAX)
		busy_ms = BUSY_MS_MAX;
	sqlite3_busy_timeout(db->sqlite, busy_ms > 0 ? (int)busy_ms : 0);
}

int reports_query(void *db, const char *user, const char *param, int64_t timeout_ms, char **text,
	struct sc_error *error)
{
	struct connection *connection = db;
	sqlite3_stmt *statement = connection->statement;
	json_t *report = json_pack("{s:s, s:s, s:[]}", "user", user, "param", param, "rows");
	int found = 0;
	int result = 0;

	*text = NULL;
	upstream_meter_add(connection->meter, 0, 1);
	wait_at_most(connection, timeout_ms);
	int rc = sqlite3_bind_text(statement, 1, user, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 2, param, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = read_rows(statement, report, &found);
	if (rc != SQLITE_DONE)
		result = fail(connection, rc, "cannot read the report", error);
	else if (!found)
		result = upstream_fail(error, REPORTS_NO_SUCH_USER, "there is no such user");
	else if (!(*text = write_report(report)))
		result = upstream_fail(error, SC_E_NOMEM, "out of memory");
	json_decref(report);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}
