"""The password that is rotated: under load on the local Lambda no invocation fails, and each
environment asks the secret store once more."""

import base64
import collections
import concurrent.futures
import itertools
import pathlib
import sys
import threading
import unittest

from runtime_api import BUILD, PATIENCE_S, Environment
from stand_in_server import StandIn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
from local_server import Local, eventually  # pylint: disable=wrong-import-position

PROGRAM = "rotating_secret"
ENVIRONMENTS = 4
CALLS = 200  # by each of as many callers as environments
USER = "reader"
ROWS = b'{"rows":3}'
NEVER_MS = "3600000"


class Services:
    """A database and the secret store that has its password, which are rotated at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = self.secret = b"first \xe2\x82\xac:1"
        self.store_status = self.database_status = 200
        self.asked = collections.Counter()  # requests to the store, by environment
        self.accepted_by = collections.Counter()  # logins, by environment
        self.refused_by = collections.Counter()
        self.gathering = None  # a barrier: logins wait until all environments are here
        self.rotate_at = 0  # after so many logins

    def rotate(self, secret):
        self.accepted = self.secret = secret

    def answer(self, path, _query, headers):
        who = headers["User-Agent"]
        if path == "/secret":
            with self.lock:
                self.asked[who] += 1
                return self.store_status, self.secret
        assert path == "/database", path
        with self.lock:
            login = base64.b64encode(USER.encode() + b":" + self.accepted).decode()
            if headers["Authorization"] != "Basic " + login:
                self.refused_by[who] += 1
                return 401, b"no"
            self.accepted_by[who] += 1
            if self.accepted_by.total() == self.rotate_at:
                self.rotate(b"second")
            gathering, status = self.gathering, self.database_status
        if gathering:
            gathering.wait(PATIENCE_S)
        return status, ROWS


class RotatingSecret(unittest.TestCase):
    def setUp(self):
        self.services = Services()
        self.stand_in = StandIn(self.services.answer)
        self.addCleanup(self.stand_in.close)
        self.variables = {
            "SECRET_URL": self.stand_in.url("/secret"),
            "DATABASE_URL": self.stand_in.url("/database"),
            "DATABASE_USER": USER,
            "NO_PROXY": "*",
        }

    def start(self, **variables):
        return Environment(PROGRAM, **{**self.variables, **variables})

    def assert_error(self, answer, error_type, message):
        self.assertEqual((answer.kind, answer.error_type), ("error", error_type), answer.body)
        self.assertEqual(answer.json()["errorMessage"], message)

    def assert_counts(self, asked, accepted, refused):
        services = self.services
        self.assertEqual((services.asked.total(), services.accepted_by.total(),
                          services.refused_by.total()), (asked, accepted, refused))

    def test_rotated_under_load(self):
        services = self.services

        def call(local, times):
            for _ in range(times):
                answer = local.invoke(PROGRAM, {})
                self.assertEqual((answer.status, answer.failed, answer.body), (200, False, ROWS))

        def gather(pool, local):
            """One call in each environment, all at once."""
            services.gathering = threading.Barrier(ENVIRONMENTS)
            list(pool.map(call, itertools.repeat(local, ENVIRONMENTS), itertools.repeat(1)))
            services.gathering = None

        with concurrent.futures.ThreadPoolExecutor(ENVIRONMENTS) as pool, Local(
            "--max-environments", str(ENVIRONMENTS), "--timeout", "60", env=self.variables,
            **{PROGRAM: BUILD / PROGRAM},
        ) as local:
            gather(pool, local)
            local.settle()
            self.assertEqual(len(services.asked), ENVIRONMENTS)
            self.assertEqual(set(services.asked.values()), {1})
            services.rotate_at = ENVIRONMENTS + ENVIRONMENTS * CALLS // 2
            list(pool.map(call, itertools.repeat(local, ENVIRONMENTS), itertools.repeat(CALLS)))
            local.settle()
            gather(pool, local)
            self.assertEqual(len(local.environments()), ENVIRONMENTS)
        self.assertEqual(services.accepted, b"second")
        self.assertEqual(len(services.asked), ENVIRONMENTS)
        self.assertEqual(set(services.asked.values()), {2})
        self.assertEqual(services.refused_by, {who: 1 for who in services.asked})
        self.assertEqual(services.accepted_by.total(), ENVIRONMENTS * (CALLS + 2))

    def test_a_store_that_lags_is_asked_once(self):
        services = self.services
        with self.start(SECRET_RETRY_MS=NEVER_MS) as function:
            self.assertEqual(function.invoke({}).body, ROWS)
            services.accepted = b"second"
            for _ in range(10):
                self.assert_error(function.invoke({}), "Function.PasswordUnavailable",
                                  "the secret store still has the password that was refused")
            self.assert_counts(asked=2, accepted=1, refused=1)

    def test_a_store_that_lags_is_asked_again_later(self):
        services = self.services
        with self.start(SECRET_RETRY_MS="10") as function:
            self.assertEqual(function.invoke({}).body, ROWS)
            services.accepted = b"second"
            self.assertEqual(function.invoke({}).kind, "error")
            services.secret = b"second"
            eventually(lambda: function.invoke({}).body == ROWS, "the new password")
            self.assert_counts(asked=3, accepted=2, refused=1)

    def test_a_new_password_that_is_refused_too(self):
        services = self.services
        with self.start() as function:
            self.assertEqual(function.invoke({}).body, ROWS)
            services.accepted, services.secret = b"second", b"third"
            self.assert_error(function.invoke({}), "Function.DatabaseUnavailable",
                              "the database answered 401")
            self.assert_counts(asked=2, accepted=1, refused=2)

    def test_a_store_that_is_down_is_noticed_by_a_new_environment_only(self):
        services = self.services
        with self.start(SECRET_TTL_MS="1", SECRET_RETRY_MS="1") as function:
            self.assertEqual(function.invoke({}).body, ROWS)
            services.store_status = 503
            # Its time to live is over sooner or later, and then it is served stale.
            eventually(lambda: function.invoke({}).body == ROWS and services.asked.total() > 1,
                       "a request to the store that is down")
            self.assertEqual(function.invoke({}).body, ROWS)
        with self.start(SECRET_RETRY_MS=NEVER_MS) as function:
            self.assert_error(function.invoke({}), "Function.PasswordUnavailable",
                              "the secret store answered 503")

    def test_what_is_no_password(self):
        for secret in b"", b"x" * 257, b"a\0b":
            with self.subTest(secret[:3]), self.start() as function:
                self.services.rotate(secret)
                self.assert_error(function.invoke({}), "Function.PasswordUnavailable",
                                  "the secret store's answer is not a password of 1 to 256 bytes")
        self.services.rotate(b"x" * 256)
        with self.start() as function:
            self.assertEqual(function.invoke({}).body, ROWS)

    def test_an_answer_that_is_too_large(self):
        self.services.rotate(b"x" * 65537)
        with self.start() as function:
            self.assert_error(function.invoke({}), "Function.PasswordUnavailable",
                              "the answer of the secret store has over 65536 bytes")

    def test_a_database_that_fails(self):
        self.services.database_status = 500
        with self.start() as function:
            for _ in range(2):
                self.assert_error(function.invoke({}), "Function.DatabaseUnavailable",
                                  "the database answered 500")
            self.assert_counts(asked=1, accepted=2, refused=0)

    def test_a_database_that_does_not_answer_in_time(self):
        services = self.services
        with self.start() as function:
            self.assertEqual(function.invoke({}).body, ROWS)
            services.gathering = threading.Barrier(2)
            self.addCleanup(services.gathering.abort)
            self.assert_error(function.invoke({}, timeout_ms=1500), "Function.DatabaseUnavailable",
                              "the database did not answer in time")
            services.gathering = None
            self.assertEqual(function.invoke({}).body, ROWS)

    def test_services_that_are_not_set(self):
        cases = (
            ({"SECRET_URL": ""}, "Password", "the URL of the secret store is neither"),
            ({"SECRET_URL": "file:///etc/hostname"}, "Password", "the URL of the secret store is"),
            ({"SECRET_URL": "http://127.0.0.1:1/"}, "Password", "the secret store could not be"),
            ({"DATABASE_URL": "http://["}, "Database", "the URL of the database is neither"),
        )
        for variables, what, message in cases:
            with self.subTest(variables), self.start(**variables) as function:
                answer = function.invoke({})
                self.assertEqual(answer.error_type, f"Function.{what}Unavailable")
                self.assertIn(message, answer.json()["errorMessage"])
        self.variables.pop("SECRET_URL")
        with self.start() as function:
            self.assert_error(function.invoke({}), "Function.PasswordUnavailable",
                              "the URL of the secret store is not set")


if __name__ == "__main__":
    unittest.main()
