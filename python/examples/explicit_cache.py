"""An explicit cache: what is stored, under which key, and for how long, is said where it is used.

Before, with a dict that grows until the function runs out of memory, and whose values never end:

    rows = {}

    def handle(event, context):
        key = event["user"] + "-" + str(event["year"])      # ("a-1", 2) and ("a", "1-2") meet
        if key not in rows:
            rows[key] = load(event["user"], event["year"])
        return rows[key]

A key is a tuple of parts. The cache holds at most a tenth of the function's memory, each value for
a minute. When many threads ask for a key that is not there, one of them loads it.
"""

import os
import sqlite3

import scopecache

rows = scopecache.Cache(max_bytes="10%", ttl="1m")


@scopecache.resource
def database():
    return sqlite3.connect(os.environ.get("REPORTS_DB", "reports.db"), check_same_thread=False)


def load(user, year):
    query = "SELECT id, amount FROM orders WHERE user = ? AND year = ? ORDER BY id"
    return database().execute(query, (user, year)).fetchall()


@scopecache.handler
def handle(event, context):
    user, year = event["user"], event["year"]
    found = rows.get_or_load((user, year), lambda: load(user, year))
    if event.get("changed"):
        # The next invocation loads it again.
        rows.pop((user, year), None)
    return {"orders": found}
