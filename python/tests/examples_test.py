"""The examples do what they say."""

import http.server
import importlib.util
import json
import os
import pathlib
import sqlite3
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

import scopecache
from scopecache import _core, _handler

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"


class Context:
    def get_remaining_time_in_millis(self):
        return 3000


class ExamplesTest(unittest.TestCase):
    def setUp(self):
        scopecache.clear_all()
        self.addCleanup(scopecache.clear_all)
        self.addCleanup(_handler.do_what_is_due)
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = os.path.join(self.folder, "reports.db")
        with sqlite3.connect(self.path) as database:
            database.execute("CREATE TABLE orders (id INTEGER, user, year, amount)")
            database.execute("INSERT INTO orders VALUES (1, 'ann', 2024, 5), (2, 'ann', 2024, 7)")
        database.close()
        self.enterContext(mock.patch.dict(os.environ, REPORTS_DB=self.path))

    def load(self, name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_global_variable(self):
        made = []
        class Client:
            def list_buckets(self):
                return {"Buckets": [{"Name": "one"}, {"Name": "two"}]}
        boto3 = types.ModuleType("boto3")
        boto3.client = lambda name: made.append(name) or Client()
        with mock.patch.dict(sys.modules, boto3=boto3):
            module = self.load("global_variable")
        self.assertEqual(made, [])
        for _ in range(3):
            self.assertEqual(module.handle({}, Context()), ["one", "two"])
        self.assertEqual(made, ["s3"])

    def test_class_level_holder(self):
        module = self.load("class_level_holder")
        self.addCleanup(lambda: module.reports.database().close())
        for _ in range(2):
            self.assertEqual(module.handle({"user": "ann", "year": 2024}, Context()),
                             {"user": "ann", "total": 12})
        self.assertEqual(module.handle({"user": "bob", "year": 2024}, Context())["total"], 0)
        self.assertIs(module.reports.database(), module.reports.database())

    def test_explicit_cache(self):
        module = self.load("explicit_cache")
        self.addCleanup(lambda: module.database().close())
        event = {"user": "ann", "year": 2024}
        first = module.handle(event, Context())
        self.assertEqual(first, {"orders": [(1, 5), (2, 7)]})
        with sqlite3.connect(self.path) as database:
            database.execute("INSERT INTO orders VALUES (3, 'ann', 2024, 1)")
        database.close()
        self.assertEqual(module.handle({**event, "changed": True}, Context()), first)
        self.assertEqual(len(module.handle(event, Context())["orders"]), 3)
        _core.advance_clock(61)
        module.handle(event, Context())
        self.assertEqual(module.rows.info().misses, 3)

    def test_memoised_function(self):
        asked, rates = [], {"EUR": 2.0}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                currency = self.path.rpartition("/")[2]
                asked.append(currency)
                status = 503 if rates is None else 200 if currency in rates else 404
                body = json.dumps({"rate": rates[currency]}).encode() if status == 200 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = "http://127.0.0.1:%d/rates/" % server.server_address[1]
        with mock.patch.dict(os.environ, RATES_URL=url):
            module = self.load("memoised_function")

        def invoke(currency):
            answer = module.handle({"amount": 10, "currency": currency}, Context())
            _handler.do_what_is_due()
            return answer
        for _ in range(2):
            self.assertEqual(invoke("EUR"), {"amount": 20})
            self.assertIn("error", invoke("ZZZ"))
        self.assertEqual(asked, ["EUR", "ZZZ"])
        rates["EUR"] = 3.0
        _core.advance_clock(41)
        self.assertEqual(invoke("EUR"), {"amount": 20})
        self.assertEqual(invoke("EUR"), {"amount": 30})
        rates = None
        _core.advance_clock(600)
        with self.assertLogs("scopecache", "WARNING"):
            self.assertEqual(invoke("EUR"), {"amount": 30})


if __name__ == "__main__":
    unittest.main()
