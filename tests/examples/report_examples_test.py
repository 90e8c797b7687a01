"""The functions that answer with reports, each as a process under a Runtime API: the answers, the
kept state, and the behaviour on errors."""

import collections
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from runtime_api import BUILD, PATIENCE_S, Environment, meter

COLD = "report_cold"
HOLDER = "class_level_holder"
CACHE = "explicit_cache"
MEMO = "memoised_function"
# The same in C++, where there was a compiler for it.
CXX = tuple(name + "_cxx" for name in (HOLDER, CACHE, MEMO) if (BUILD / (name + "_cxx")).exists())
ALL = (COLD, HOLDER, CACHE, MEMO, *CXX)
ALICE = {"user": "alice", "param": "2024"}
BOB = {"user": "bob", "param": "2023"}


def expected_report(database, user, param):
    """The report by its definition, from the entries themselves."""
    with sqlite3.connect(database) as db:
        entries = db.execute(
            "SELECT category, cents FROM entries JOIN users ON users.id = entries.user"
            " WHERE name = ? AND year = ?",
            (user, param),
        ).fetchall()
    by_category = collections.defaultdict(list)
    for category, cents in entries:
        by_category[category].append(cents)
    rows = [{"category": category, "count": len(amounts), "cents": sum(amounts)}
            for category, amounts in by_category.items()]
    rows.sort(key=lambda row: (-row["cents"], row["category"]))
    return {
        "user": user,
        "param": param,
        "rows": rows[:10],
        "total": sum(cents for _, cents in entries),
    }


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.seeded = pathlib.Path(cls.shared.name, "seeded.db")
        subprocess.run([BUILD / "reports_seed", cls.seeded, "200", "2", "40"], check=True)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.database = pathlib.Path(folder.name, "reports.db")
        self.meter = pathlib.Path(folder.name, "meter")
        shutil.copy(self.seeded, self.database)

    def start(self, program):
        return Environment(program, REPORTS_DB=str(self.database), REPORTS_METER=str(self.meter))

    def assert_error(self, answer, error_type, *words):
        self.assertEqual((answer.kind, answer.error_type), ("error", error_type), answer.body)
        self.assertEqual(answer.json()["errorType"], error_type)
        for word in words:
            self.assertIn(word, answer.json()["errorMessage"])

    def test_answers_are_right_and_the_same(self):
        expected = [
            expected_report(self.database, event["user"], event["param"]) for event in (ALICE, BOB)
        ]
        self.assertEqual(len(expected[0]["rows"]), 10)
        bodies = set()
        for program in ALL:
            with self.subTest(program), self.start(program) as function:
                for round in range(2):
                    answers = [function.invoke(ALICE), function.invoke(BOB)]
                    self.assertEqual([answer.kind for answer in answers], ["response"] * 2)
                    self.assertEqual([answer.json() for answer in answers], expected)
                    self.assertEqual(answers[0].content_type, "application/json")
                    bodies.add(answers[0].body + answers[1].body)
        self.assertEqual(len(bodies), 1)

    def test_what_is_kept(self):
        saved = {COLD: (20, 20), HOLDER: (1, 20), CACHE: (1, 2), MEMO: (1, 2)}
        saved.update({program: saved[program.removesuffix("_cxx")] for program in CXX})
        for program, counts in saved.items():
            with self.subTest(program):
                self.meter.unlink(missing_ok=True)
                with self.start(program) as function:
                    for round in range(10):
                        self.assertEqual(function.invoke(ALICE).json()["user"], "alice")
                        self.assertEqual(function.invoke(BOB).json()["user"], "bob")
                    self.assertEqual(meter(self.meter), counts)

    def test_each_environment_keeps_its_own(self):
        with self.start(CACHE) as one, self.start(CACHE) as other:
            for round in range(5):
                one.start_invocation(ALICE)
                other.start_invocation(ALICE)
                self.assertEqual(one.finish_invocation().body, other.finish_invocation().body)
        self.assertEqual(meter(self.meter), (2, 2))

    def test_figures_at_an_orderly_end(self):
        function = self.start(CACHE)
        self.addCleanup(function.close)
        for event in ALICE, ALICE, BOB, ALICE:
            self.assertEqual(function.invoke(event).kind, "response")
        function.process.terminate()
        self.assertEqual(function.process.wait(timeout=PATIENCE_S), 0)
        self.assertIn("explicit_cache: 2 hits, 2 misses, 2 entries\n", function.said())

    def test_keys_do_not_meet(self):
        with sqlite3.connect(self.database) as db:
            db.execute("INSERT INTO users VALUES (1000, 'a-b'), (1001, 'a')")
            db.execute(
                "INSERT INTO entries VALUES (1000, 'c', 0, 'rent', 1), (1001, 'b-c', 0, 'rent', 2)"
            )
        for program in set(ALL) - {COLD, HOLDER, HOLDER + "_cxx"}:
            with self.subTest(program), self.start(program) as function:
                self.assertEqual(function.invoke({"user": "a-b", "param": "c"}).json()["total"], 1)
                self.assertEqual(function.invoke({"user": "a", "param": "b-c"}).json()["total"], 2)

    def test_the_memo_keeps_the_last_128(self):
        with sqlite3.connect(self.database) as db:
            users = [name for name, in db.execute("SELECT name FROM users ORDER BY id LIMIT 129")]
        with self.start(MEMO) as function:
            for user in users[:128] + users[:128]:
                self.assertEqual(
                    function.invoke({"user": user, "param": "2024"}).json()["user"], user
                )
            self.assertEqual(meter(self.meter), (1, 128))
            function.invoke({"user": users[128], "param": "2024"})  # pushes out the first
            for user in users[1:129]:
                function.invoke({"user": user, "param": "2024"})
            self.assertEqual(meter(self.meter), (1, 129))
            function.invoke({"user": users[0], "param": "2024"})
            self.assertEqual(meter(self.meter), (1, 130))

    def test_bad_events(self):
        bad = {
            b"": "well-formed",
            b"{": "well-formed",
            b"\xff": "well-formed",
            b"[" * 100000: "well-formed",
            b'{"user":"a","user":"b","param":"1"}': "well-formed",
            b"[]": "object",
            b"null": "well-formed",
            b'{"param":"2024"}': "user is missing",
            b'{"user":7,"param":"2024"}': "user is not a text",
            b'{"user":null,"param":"2024"}': "user is not a text",
            b'{"user":"","param":"2024"}': "user is empty",
            b'{"user":"a\\u0000b","param":"2024"}': "well-formed",
            b'{"user":"alice"}': "param is missing",
            b'{"user":"alice","param":2024}': "param is not a text",
            b'{"user":"%s","param":"2024"}' % (b"x" * 201): "user is too long",
        }
        for program in ALL:
            with self.start(program) as function:
                for event, word in bad.items():
                    with self.subTest(program, event=event[:60]):
                        self.assert_error(function.invoke(event), "Function.BadRequest", word)
                self.assertEqual(function.invoke(ALICE).kind, "response")

    def test_unknown_users_and_empty_years(self):
        nobody = {"user": "nobody \N{EURO SIGN} '; --", "param": "2024"}
        for program in ALL:
            with self.subTest(program), self.start(program) as function:
                for round in range(2):
                    self.assert_error(
                        function.invoke(nobody), "Function.NoSuchUser", "no such user"
                    )
                    self.assertEqual(function.invoke({"user": "alice", "param": "1066"}).json(),
                                     {"user": "alice", "param": "1066", "rows": [], "total": 0})
                with sqlite3.connect(self.database) as db:
                    db.execute("INSERT OR IGNORE INTO users VALUES (1000, ?)", (nobody["user"],))
                self.assertEqual(
                    function.invoke(nobody).json()["user"], nobody["user"], "failures are not kept"
                )
                with sqlite3.connect(self.database) as db:
                    db.execute("DELETE FROM users WHERE id = 1000")

    def test_a_database_that_comes_late(self):
        for program in ALL:
            with self.subTest(program):
                self.database.unlink()
                with self.start(program) as function:
                    for round in range(2):
                        self.assert_error(function.invoke(ALICE), "Function.ReportsUnavailable",
                                          str(self.database), "unable to open")
                    shutil.copy(self.seeded, self.database)
                    self.assertEqual(function.invoke(ALICE).json()["user"], "alice")

    def test_a_database_that_breaks_and_is_put_back(self):
        for program in ALL:
            with self.subTest(program), self.start(program) as function:
                self.assertEqual(function.invoke(ALICE).kind, "response")
                self.database.write_bytes(b"no database " * 100000)
                for round in range(2):
                    self.assert_error(
                        function.invoke(BOB), "Function.ReportsUnavailable", "cannot read"
                    )
                self.database.unlink()
                shutil.copy(self.seeded, self.database)
                self.assertEqual(function.invoke(BOB).json()["user"], "bob")

    def test_a_locked_database_is_not_waited_for_past_the_deadline(self):
        for program in ALL:
            with self.subTest(program), self.start(program) as function:
                function.invoke({"user": "carol", "param": "2024"})
                writer = sqlite3.connect(self.database, isolation_level=None)
                try:
                    writer.execute("BEGIN EXCLUSIVE")
                    self.assert_error(
                        function.invoke(ALICE, timeout_ms=400),
                        "Function.ReportsUnavailable",
                        "locked",
                    )
                finally:
                    writer.close()
                self.assertEqual(function.invoke(ALICE).kind, "response")

    def test_no_database_named(self):
        for program in set(ALL) - {HOLDER, HOLDER + "_cxx"}:
            with self.subTest(program), Environment(program) as function:
                self.assert_error(
                    function.invoke(ALICE), "Function.ReportsUnavailable", "REPORTS_DB is not set"
                )
        function = Environment(HOLDER)
        self.addCleanup(function.close)
        answer = function.finish_invocation()
        self.assertEqual((answer.kind, answer.error_type), ("init", "Function.InitError"))
        self.assertIn("REPORTS_DB is not set", answer.json()["errorMessage"])
        self.assertEqual(function.finish_invocation().kind, "exit")
        self.assertNotEqual(function.process.returncode, 0)

    def test_a_meter_file_with_other_content(self):
        self.meter.write_bytes(b"a letter, not a meter")
        with self.start(COLD) as function:
            self.assert_error(function.invoke(ALICE), "Function.ReportsUnavailable", "meter")
        self.assertEqual(self.meter.read_bytes(), b"a letter, not a meter")

    def test_the_seed(self):
        twin = self.database.with_name("twin.db")
        subprocess.run([BUILD / "reports_seed", twin, "200", "2", "40"], check=True)
        self.assertEqual(twin.read_bytes(), self.seeded.read_bytes())
        for numbers in (
            ["0", "1", "1"],
            ["1", "0", "1"],
            ["1", "1", "x"],
            ["-1", "1", "1"],
            ["1", "1", "99999999"],
        ):
            run = subprocess.run(
                [BUILD / "reports_seed", twin, *numbers], stderr=subprocess.PIPE, text=True
            )
            self.assertEqual(run.returncode, 1)
            self.assertIn("can be made", run.stderr)
        missing = self.database.with_name("no folder") / "x.db"
        run = subprocess.run([BUILD / "reports_seed", missing], stderr=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 1)
        self.assertIn("unable to open", run.stderr)
        self.assertEqual(twin.read_bytes(), self.seeded.read_bytes())
        self.assertEqual(
            subprocess.run([BUILD / "reports_seed"], stderr=subprocess.PIPE).returncode, 2
        )


if __name__ == "__main__":
    unittest.main()
