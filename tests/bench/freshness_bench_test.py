"""A quick run of the scenario of freshness. Its times have no meaning, but its counts have: who
waits for the source, what an outage costs, and how often the source is asked."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SC_BUILD_DIR", SOURCE / "build/bench")).resolve()
sys.path.insert(0, str(SOURCE / "bench"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import freshness  # noqa: E402

STALE = ("foreground", "after")


def run(*words, build_dir=BUILD):
    return subprocess.run(
        [sys.executable, "-B", SOURCE / "bench/freshness.py", "--build-dir", build_dir, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)


class Scenario(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = run("--quick", "--json")
        assert done.returncode == 0, done.stderr
        cls.found = json.loads(done.stdout)

    def test_calls_that_arrive(self):
        cases = {(row["arrivals"], row["environments"], row["strategy"])
                 for row in self.found["runs"]}
        self.assertEqual(len(cases), len(self.found["runs"]))
        self.assertEqual(cases, {(pattern, limit, strategy) for pattern in freshness.PATTERNS
                                 for limit in freshness.LIMITS
                                 for strategy in freshness.STRATEGIES})
        for row in self.found["runs"]:
            with self.subTest(row=row):
                self.assertEqual(row["errors"], 0)
                self.assertEqual(row["calls"], len(freshness.arrivals(
                    row["arrivals"], freshness.QUICK.seconds)))
                self.assertGreaterEqual(row["age_p50_ms"], 0)
                self.assertLessEqual(row["age_p50_ms"], row["age_p99_ms"])
                self.assertLessEqual(row["p50_ms"], row["p99_ms"])
                if row["strategy"] == "nothing":
                    self.assertEqual(row["loads"], row["calls"])
                else:
                    self.assertLessEqual(row["loads"], row["calls"])
                if row["environments"] == "one environment":
                    self.assertEqual(row["cold_starts"], 0)

    def test_who_finds_the_environment_idle(self):
        rows = {row["strategy"]: row for row in self.found["idle"]}
        self.assertEqual(set(rows), set(freshness.STRATEGIES))
        self.assertEqual(rows["nothing"]["waited"], rows["nothing"]["calls"])
        for strategy in ("ttl", "foreground"):
            self.assertEqual(rows[strategy]["waited"], rows[strategy]["loads"])
            self.assertGreater(rows[strategy]["waited"], 1)
        # The first, because there is nothing yet.
        self.assertEqual(rows["after"]["waited"], 1)
        self.assertGreater(rows["after"]["loads"], 1)

    def test_an_hour_without_the_source(self):
        for strategy in freshness.STRATEGIES:
            rows = [row for row in self.found["outage"] if row["strategy"] == strategy]
            self.assertEqual([row["minute"] for row in rows], list(range(90)))
            self.assertEqual(sum(row["down"] for row in rows), 60)
            down = [row for row in rows if row["down"]]
            asked = sum(row["loads"] for row in down)
            self.assertEqual([row["errors"] for row in rows if not row["down"]][:15], [0] * 15)
            if strategy in STALE:
                self.assertEqual(sum(row["errors"] for row in rows), 0)
                self.assertGreaterEqual(down[-1]["age_most_s"], 3500)
                self.assertLess(rows[-1]["age_most_s"], 120)
                # The source is left alone more and more.
                self.assertGreater(asked, 10)
                self.assertLess(asked, 60)
            else:
                self.assertEqual([row["errors"] for row in down][1:],
                                 [row["calls"] for row in down][1:])
                self.assertEqual(rows[-1]["errors"], 0)

    def test_the_plots(self):
        try:
            import freshness_plots  # pylint: disable=import-outside-toplevel
            plots = freshness_plots.plots(freshness.medians(self.found["runs"]),
                                          self.found["outage"], freshness.STRATEGIES)
        except ImportError as reason:
            self.skipTest(str(reason))
        self.assertEqual(set(plots), {"latency", "age", "loads", "cold_starts", "outage"})
        for text in plots.values():
            xml.etree.ElementTree.fromstring(text)
            self.assertIn("after the answer", text)


class Usage(unittest.TestCase):
    def test_what_is_missing_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("--quick", build_dir=folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{folder}/scopecache", done.stderr)

    def test_options_have_bounds(self):
        for words in (["--runs", "0"], ["--runs", "x"], ["--docs", "--quick"], ["more"]):
            self.assertEqual(run(*words).returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
