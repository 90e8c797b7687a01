/* Users' reports in a SQLite database: the upstream of the examples.
 *
 *	void *db;
 *	char *report;
 *	if (reports_open(NULL, &db, &error) == 0) {
 *		if (reports_query(db, "alice", "2024", 1000, &report, &error) == 0) {
 *			puts(report);
 *			free(report);
 *		}
 *		reports_close(db);
 *	}
 *
 * A report is JSON text: what a user spent in a year, the ten largest categories first (amounts in
 * cents), and the total of all categories:
 *	{"user":"alice","param":"2024","rows":[{"category":"gifts","count":4,"cents":46264},...],
 *	 "total":193194}
 *
 * When the environment's REPORTS_METER names a file, opens and queries are counted in it: read them
 * with upstream_meter_read().
 */
#ifndef REPORTS_H
#define REPORTS_H

#include "upstream/upstream_error.h"
#include "upstream/upstream_meter.h"

#include <scopecache/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one failure that is the caller's fault. */
#define REPORTS_NO_SUCH_USER UPSTREAM_OWN_CODES

/* Open the database for reading, and prepare the statement; an opener for sc_resource.
 *
 * `path` is a text, or NULL for the path that the environment's REPORTS_DB names.
 *
 * returns  0 with *db set; SC_E_INVAL when there is no path, SC_E_IO when the file is missing or is
 *          not such a database, or SC_E_NOMEM, with the cause in `error` and *db NULL.
 * owns     the caller owns the connection: reports_close().
 * threads  any; the connection may be used by one thread at a time. */
int reports_open(void *path, void **db, struct sc_error *error);

/* Close a connection; NULL is allowed. */
void reports_close(void *db);

/* Query the report of `user` for the year `param`. A year without entries makes an empty report.
 *
 * If a writer has locked the database, this waits for at most a second, and at most `timeout_ms`
 * less a tenth of a second, so that there is time to report it.
 *
 * returns  0 with *text set; otherwise *text is NULL and the cause in `error`:
 *          REPORTS_NO_SUCH_USER; SC_E_DEADLINE when a writer did not finish in time; SC_E_IO when
 *          the database fails, after which the connection may be broken; SC_E_NOMEM.
 * owns     the caller owns the text: free(). */
int reports_query(void *db, const char *user, const char *param, int64_t timeout_ms, char **text,
	struct sc_error *error);

/* Make a database with `users` users, who have about `rows` entries in each of `params` years. The
 * same numbers make the same reports on every machine. The complete file replaces an earlier one at
 * `path`.
 *
 * returns  0; SC_E_INVAL for a number that is 0 or above its bound below; SC_E_IO; SC_E_NOMEM. */
int reports_create(const char *path, unsigned users, unsigned params, unsigned rows,
	struct sc_error *error);

#define REPORTS_USERS_MAX  100000
#define REPORTS_PARAMS_MAX 1000
#define REPORTS_ROWS_MAX   10000
#define REPORTS_NAME_BYTES 24

/* The names of the users and params of reports_create(), counted from 0: "alice", "bob", ... and
 * "2024", "2023", ... . Written into `name`, which is returned. */
const char *reports_user_name(unsigned index, char name[REPORTS_NAME_BYTES]);
const char *reports_param_name(unsigned index, char name[REPORTS_NAME_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
