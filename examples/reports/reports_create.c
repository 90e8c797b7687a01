/* A database of generated reports: the same numbers make the same bytes of reports on every
 * machine, so that tests know the answers and measurements can be repeated.
 *
 * It is written to a temporary file that is renamed to the path, so that the path never has a part
 * of a database. After a crash the temporary file is useless, so SQLite need not journal or
 * sync. */
#include "reports/reports.h"

#include <sqlite3.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char schema[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	"BEGIN;"
	"CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE entries (user INTEGER NOT NULL REFERENCES users, year TEXT NOT NULL,"
	" seq INTEGER NOT NULL, category TEXT NOT NULL, cents INTEGER NOT NULL,"
	" PRIMARY KEY (user, year, seq)) WITHOUT ROWID;";

/* More categories than a report has rows, so that its limit has something to cut. */
static const char *const categories[] = { "rent", "groceries", "travel", "energy", "insurance",
	"clothes", "books", "health", "phone", "gifts", "repairs", "concerts" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *reports_user_name(unsigned index, char name[REPORTS_NAME_BYTES])
{
	static const char *const first[] = { "alice", "bob", "carol", "dave", "erin", "frank",
		"grace", "heidi", "ivan", "judy", "kim", "liam", "mallory", "niaj", "olivia",
		"peggy", "quinn", "rupert", "sybil", "trent" };
	unsigned round = index / (unsigned)COUNT(first);
	const char *text = first[index % COUNT(first)];

	if (round == 0)
		snprintf(name, REPORTS_NAME_BYTES, "%s", text);
	else
		snprintf(name, REPORTS_NAME_BYTES, "%s-%u", text, round + 1);
	return name;
}

const char *reports_param_name(unsigned index, char name[REPORTS_NAME_BYTES])
{
	snprintf(name, REPORTS_NAME_BYTES, "%d", 2024 - (int)index);
	return name;
}

/* A small generator (in the form of splitmix64), because rand() differs between machines. */
static uint64_t next_number(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

struct writer {
	sqlite3_stmt *user, *entry;
	uint64_t random;
	unsigned params, rows;
};

static int write_year(struct writer *writer, unsigned user, unsigned param)
{
	char year[REPORTS_NAME_BYTES];
	unsigned spread = (unsigned)(next_number(&writer->random) % writer->rows);
	unsigned rows = writer->rows - writer->rows / 2 + spread;
	int rc = SQLITE_DONE;

	reports_param_name(param, year);
	for (unsigned seq = 0; seq < rows && rc == SQLITE_DONE; seq++) {
		uint64_t number = next_number(&writer->random);
		sqlite3_bind_int64(writer->entry, 1, user);
		sqlite3_bind_text(writer->entry, 2, year, -1, SQLITE_STATIC);
		sqlite3_bind_int64(writer->entry, 3, seq);
		sqlite3_bind_text(writer->entry, 4, categories[number % COUNT(categories)], -1,
			SQLITE_STATIC);
		sqlite3_bind_int64(writer->entry, 5, (sqlite3_int64)(100 + (number >> 32) % 20000));
		rc = sqlite3_step(writer->entry);
		sqlite3_reset(writer->entry);
	}
	return rc;
}

static int write_user(struct writer *writer, unsigned user)
{
	char name[REPORTS_NAME_BYTES];

	sqlite3_bind_int64(writer->user, 1, user);
	sqlite3_bind_text(writer->user, 2, reports_user_name(user, name), -1, SQLITE_STATIC);
	int rc = sqlite3_step(writer->user);
	sqlite3_reset(writer->user);
	/* Years are stored as text and kept in order, so the last param goes in first. */
	for (unsigned param = writer->params; param-- > 0 && rc == SQLITE_DONE;)
		rc = write_year(writer, user, param);
	return rc;
}

static int write_all(sqlite3 *db, unsigned users, unsigned params, unsigned rows)
{
	struct writer writer = { .params = params, .rows = rows };

	int rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "INSERT INTO users VALUES (?1, ?2)", -1, &writer.user,
			NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5)", -1,
			&writer.entry, NULL);
	rc = rc == SQLITE_OK ? SQLITE_DONE : rc;
	for (unsigned user = 0; user < users && rc == SQLITE_DONE; user++)
		rc = write_user(&writer, user);
	if (rc == SQLITE_DONE)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_finalize(writer.user);
	sqlite3_finalize(writer.entry);
	return rc;
}

int reports_create(const char *path, unsigned users, unsigned params, unsigned rows,
	struct sc_error *error)
{
	char building[4096];
	sqlite3 *db = NULL;

	/* 0 - 1 is the largest number. */
	if (users - 1 >= REPORTS_USERS_MAX || params - 1 >= REPORTS_PARAMS_MAX ||
		rows - 1 >= REPORTS_ROWS_MAX)
		return upstream_fail(error, SC_E_INVAL,
			"1 to %d users, 1 to %d params and 1 to %d rows can be made",
			REPORTS_USERS_MAX, REPORTS_PARAMS_MAX, REPORTS_ROWS_MAX);
	int len = snprintf(building, sizeof building, "%s.%ld.new", path, (long)getpid());
	if (len < 0 || (size_t)len >= sizeof building)
		return upstream_fail(error, SC_E_INVAL, "the path of the database is too long");
	unlink(building);
	int rc = sqlite3_open_v2(building, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (rc == SQLITE_OK)
		rc = write_all(db, users, params, rows);
	int result = 0;
	if (rc != SQLITE_OK)
		result = upstream_fail(error, rc == SQLITE_NOMEM ? SC_E_NOMEM : SC_E_IO,
			"cannot make %s: %s", path, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	sqlite3_close(db);
	if (result == 0 && rename(building, path) < 0)
		result = upstream_fail(error, SC_E_IO, "cannot make %s: %s", path, strerror(errno));
	if (result < 0)
		unlink(building);
	return result;
}
