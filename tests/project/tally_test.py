"""The count on the last line of ./dev test: what real output of cmocka, unittest and others comes
to."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
from xml.sax.saxutils import escape

from repository import SOURCE

TALLY = SOURCE / "tests/support/tally.py"

CMOCKA = """[==========] Running 3 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
[  SKIPPED ] b
[ RUN      ] c
[       OK ] c
[==========] 3 test(s) run.
[  PASSED  ] 2 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] b
"""

CMOCKA_FAILED = """[==========] Running 3 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
[  FAILED  ] b
[ RUN      ] c
Could not run test: Test setup failed
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] b
"""

CMOCKA_CRASHED = """[==========] Running 4 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
Segmentation fault
"""

UNITTEST = """test_a (__main__.T.test_a) ... ok
test_b (__main__.T.test_b) ... skipped 'no network'

----------------------------------------------------------------------
Ran 2 tests in 0.001s

OK (skipped=1)
"""

UNITTEST_FAILED = """Ran 5 tests in 0.001s

FAILED (failures=1, errors=1, skipped=1)
"""


def junit(*tests):
    """`tests`: name, status, inner element, output."""
    return "<testsuite>" + "".join(
        f'<testcase name="{name}" time="0.1" status="{status}">{inner}'
        f"<system-out>{escape(output)}</system-out></testcase>"
        for name, status, inner, output in tests) + "</testsuite>"


class Tally(unittest.TestCase):
    def tally(self, *tests, checks=""):
        with tempfile.TemporaryDirectory() as folder:
            if tests or not checks:
                pathlib.Path(folder, "asan.xml").write_text(junit(*tests), encoding="utf-8")
            pathlib.Path(folder, "checks").write_text(checks, encoding="utf-8")
            run = subprocess.run([sys.executable, "-B", TALLY, folder], stdout=subprocess.PIPE,
                                 text=True, check=False)
            self.assertTrue(pathlib.Path(folder, "counted").exists())
        return run.returncode, run.stdout.splitlines()[-1], run.stdout

    def test_cmocka_counts_cases(self):
        status, last, output = self.tally(("p", "run", "", CMOCKA))
        self.assertEqual((status, last), (0, "2 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped asan: p b\n", output)

    def test_cmocka_counts_failed_set_up(self):
        status, last, output = self.tally(("p", "fail", "", CMOCKA_FAILED))
        self.assertEqual((status, last), (1, "1 passed, 2 failed"))
        self.assertIn("FAILED asan: p", output)
        self.assertIn("Test setup failed", output)

    def test_a_crash_fails_what_did_not_run(self):
        self.assertEqual(
            self.tally(("p", "fail", "", CMOCKA_CRASHED))[:2], (1, "1 passed, 3 failed")
        )

    def test_ctest_has_the_last_word(self):
        # A leak found at exit, a time-out: all cases passed, the program did not.
        self.assertEqual(self.tally(("p", "fail", "", CMOCKA))[:2],
                         (1, "2 passed, 1 failed, 1 skipped"))

    def test_unittest_counts_cases(self):
        status, last, output = self.tally(("p", "run", "", UNITTEST))
        self.assertEqual((status, last), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped asan: p test_b skipped 'no network'\n", output)
        self.assertEqual(self.tally(("p", "fail", "", UNITTEST_FAILED))[:2],
                         (1, "2 passed, 2 failed, 1 skipped"))

    def test_other_programs_count_as_one(self):
        self.assertEqual(
            self.tally(("p", "run", "", "5 inputs replayed"))[:2], (0, "1 passed, 0 failed")
        )
        self.assertEqual(self.tally(("p", "fail", "", ""))[:2], (1, "0 passed, 1 failed"))

    def test_skipped_and_missing_programs(self):
        skipped = ("p", "notrun", '<skipped message="SKIP_RETURN_CODE=77"/>', "")
        missing = ("q", "notrun", '<skipped message="Unable to find executable"/>', "")
        self.assertEqual(self.tally(skipped, ("r", "run", "", ""))[:2],
                         (0, "1 passed, 0 failed, 1 skipped"))
        self.assertEqual(self.tally(missing)[:2], (1, "0 passed, 1 failed"))

    def test_nothing_ran_is_a_failure(self):
        self.assertEqual(self.tally()[:2], (1, "0 passed, 1 failed"))

    def test_a_check_that_is_skipped_is_named(self):
        status, last, output = self.tally(
            checks="passed lint format\nskipped port to musl: no packages\n"
        )
        self.assertEqual((status, last), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped port to musl: no packages\n", output)

    def test_checks_count(self):
        status, last, output = self.tally(checks="passed lint format\nfailed build of tsan\n")
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))
        self.assertIn("FAILED build of tsan", output)


if __name__ == "__main__":
    unittest.main()
