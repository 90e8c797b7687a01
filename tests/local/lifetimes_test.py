"""Environments end after a time of idleness and at an age, in order and between two invocations."""

import json
import os
import re
import signal
import time
import unittest

from local_server import Local, eventually, one_of_several


class Lifetimes(unittest.TestCase):
    def ask(self, local, seconds=0):
        answer = local.invoke(event={"do": "sleep", "seconds": seconds})
        self.assertFalse(answer.failed, answer.body)
        return answer.json()

    def test_without_limits_they_stay(self):
        with Local(odd="odd.py") as local:
            self.ask(local)
            environment = local.environments()[0]
            self.assertEqual((environment["max_age_ms"], environment["max_idle_ms"]), (0, 0))

    def test_idle_for_too_long(self):
        with Local("--max-idle", "0.3", odd="odd.py") as local:
            first = self.ask(local)
            self.assertEqual(local.environments()[0]["max_idle_ms"], 300)
            eventually(lambda: not local.environments(), "its end")
            idle = re.search(
                r"function odd: an environment is recycled, which was idle for ([0-9.]+) s",
                local.log,
            )
            self.assertGreaterEqual(float(idle[1]), 0.28)
            second = self.ask(local)
            self.assertNotEqual(first["id"], second["id"])
            self.assertEqual(second["count"], 1)
            function = local.function()
            self.assertEqual((function["cold_starts"], function["crashes"]), (2, 0))

    def test_its_own_tmp_goes_with_it(self):
        with Local("--max-idle", "0.3", odd="odd.py") as local:
            if "refuses namespaces" in local.log:
                self.skipTest("this system refuses namespaces")
            for _ in range(2):
                answer = local.invoke(event={"do": "files", "name": "mine"})
                self.assertFalse(answer.failed, answer.body)
                self.assertNotIn("mine", answer.json()["before"])
                eventually(lambda: not local.environments(), "its end")

    def test_one_that_is_used_is_not_idle(self):
        with Local("--max-idle", "2", odd="odd.py") as local:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                self.ask(local)
                local.settle()
                time.sleep(0.05)
            # A loaded machine may let it wait for so long all the same.
            if "recycled" not in local.log:
                self.assertEqual(local.function()["cold_starts"], 1)

    def test_too_old_under_load(self):
        with Local("--max-age", "0.5", odd="odd.py") as local:
            ids, end = set(), time.monotonic() + 20
            while len(ids) < 3 and time.monotonic() < end:
                ids.add(self.ask(local)["id"])
            self.assertEqual(len(ids), 3)
            ages = re.findall(r"is recycled, which has the age of ([0-9.]+) seconds", local.log)
            self.assertGreaterEqual(len(ages), 2)
            for age in ages:
                self.assertGreaterEqual(float(age), 0.48)
            self.assertEqual(local.function()["crashes"], 0)

    def test_too_old_while_idle(self):
        with Local("--max-age", "0.5", odd="odd.py") as local:
            self.ask(local)
            eventually(lambda: not local.environments(), "its end")
            self.assertIn("has the age of", local.log)

    def test_no_invocation_is_interrupted(self):
        with Local("--max-age", "0.3", "--max-idle", "0.1", odd="odd.py") as local:
            self.assertEqual(self.ask(local, seconds=1)["count"], 1)
            eventually(lambda: not local.environments(), "its end")

    def test_the_end_is_in_order(self):
        script = "SCRIPT=" + json.dumps([{"register": "one"}])
        with Local(
            "--strict-shutdown", "--max-idle", "0.2", "--env", script, extended="extended.py"
        ) as local:

            def recycle():
                self.assertFalse(local.invoke("extended", {}).failed)
                eventually(lambda: not local.environments(), "its end")
                return "asked to end\nended\n" in local.log

            one_of_several(recycle, "an end in order")

    def test_limits_of_one_function(self):
        with Local(
            "--max-idle", "60", "--max-age", "a:70", "--max-idle", "b:80", a="odd.py", b="odd.py"
        ) as local:
            for name in "ab":
                local.invoke(name, {"do": "sleep", "seconds": 0})
            self.assertEqual(
                {
                    one["function"]: (one["max_idle_ms"], one["max_age_ms"])
                    for one in local.environments()
                },
                {"a": (60000, 70000), "b": (80000, 0)},
            )

    def draws(self, *options):
        """The limits of four environments, in the order of their starts."""
        limits = ("--max-idle", "100-200", "--max-age", "300-400")
        with Local(*limits, *options, odd="odd.py") as local:
            drawn = []
            for _ in range(4):
                self.ask(local)
                local.settle()
                one = local.environments()[0]
                drawn.append((one["max_idle_ms"], one["max_age_ms"]))
                os.kill(one["pid"], signal.SIGKILL)
                eventually(lambda: not local.environments(), "its end")
            return drawn

    def test_draws(self):
        one, same = (self.draws("--seed", "7") for _ in range(2))
        self.assertEqual(one, same)
        self.assertGreater(len(set(one)), 1)
        for idle, age in one:
            self.assertTrue(100000 <= idle <= 200000 and 300000 <= age <= 400000, (idle, age))
        self.assertNotEqual(one, self.draws("--seed", "8"))
        self.assertNotEqual(self.draws(), self.draws())


if __name__ == "__main__":
    unittest.main()
