"""State that belongs to one handler, in an object that is made once and handed to no one else.

Before, with nothing kept:

    def handle(event, context):
        database = sqlite3.connect(os.environ["REPORTS_DB"])    # at each invocation
        ...

The holder's method is the handler. What it holds is opened on first use, so a test makes a holder
of its own, with a database of its own.
"""

import os
import sqlite3

import scopecache


class Reports:
    def __init__(self, path):
        self.database = scopecache.resource(lambda: sqlite3.connect(path))

    def total(self, user, year):
        query = "SELECT sum(amount) FROM orders WHERE user = ? AND year = ?"
        return self.database().execute(query, (user, year)).fetchone()[0] or 0

    def handle(self, event, context):
        return {"user": event["user"], "total": self.total(event["user"], event["year"])}


reports = Reports(os.environ.get("REPORTS_DB", "reports.db"))
handle = scopecache.handler(reports.handle)
