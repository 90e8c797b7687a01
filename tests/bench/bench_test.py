"""A quick run of the benchmark with the subjects of this build tests the drivers' protocol and the
reports. Its figures have no meaning."""

import array
import importlib.util
import json
import os
import pathlib
import re
import shutil
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
import dot_plot  # noqa: E402
import orders  # noqa: E402
import rounds  # noqa: E402
import subjects  # noqa: E402
import tables  # noqa: E402

SPEED_FIELDS = {
    "bench",
    "subject",
    "about",
    "keys",
    "threads",
    "ns_per_op",
    "ratio_to_limit",
    "ns_least",
    "ns_most",
    "cpu_ns_per_op",
    "faults_per_op",
    "rounds",
    "operations",
}


class Folder(unittest.TestCase):
    """A build directory that holds the driver and nothing else."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scopecache-bench-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "cache_driver").symlink_to(BUILD / "cache_driver")

    def bench(self, *words, path=None):
        environment = {**os.environ, "PATH": path or os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-B", SOURCE / "bench/compare.py", "--build-dir", self.folder, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done


class QuickRun(Folder):
    def test_json(self):
        done = self.bench(
            "--quick", "--json", "--operations", "1000", "--only", "limit,scopecache,glib"
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("processors", lines[0]["machine"])
        results = [line for line in lines if "bench" in line]
        glib = {"glib"} if "skipped: glib" not in done.stderr else set()
        self.assertEqual({result["subject"] for result in results}, {"limit", "scopecache"} | glib)
        self.assertEqual(
            {result["bench"] for result in results}, {"hit", "mix", "insert", "memory", "open"}
        )
        for result in results:
            with self.subTest(result=result):
                self.check(result)
        self.assertEqual([json.loads(line) for line in
                          (self.folder / "quick.jsonl").read_text("utf-8").splitlines()],
                         [line for line in lines if "skipped" not in line])

    def check(self, result):
        if result["bench"] in tables.SPEED:
            self.assertLessEqual(SPEED_FIELDS, set(result))
            self.assertGreater(result["ns_per_op"], 0)
            self.assertGreater(result["cpu_ns_per_op"], 0)
            self.assertLessEqual(result["ns_least"], result["ns_per_op"])
            self.assertLessEqual(result["ns_per_op"], result["ns_most"])
            self.assertEqual(result["rounds"], 3)
            self.assertEqual(result["operations"] % 1000, 0, "whole passes")
            self.assertGreater(result["operations"], 1000, "a pass alone is too short")
            self.assertIn(result["threads"], (1, 2))
            if result["subject"] == "limit":
                self.assertEqual(result["ratio_to_limit"], 1)
        if result["bench"] == "hit":
            self.assertEqual(result["hit_ratio"], 1, "what fits is kept")
        elif result["bench"] == "mix" and result["subject"] != "limit":
            self.assertGreater(result["hit_ratio"], 0.1)
            self.assertLess(result["hit_ratio"], 0.9, "the cache holds a tenth of the keys")
        elif result["bench"] == "insert" and result["threads"] == 1:
            # The key and value alone take 80 bytes; a page holds no more than 51 of them.
            self.assertGreater(result["faults_per_op"], 1 / 52, "memory is new in each pass")
        elif result["bench"] == "memory":
            self.assertEqual(result["entries"], 1000)
            self.assertGreater(result["bytes_per_entry"], 80, "what the key and value take alone")
        elif result["bench"] == "open":
            self.assertGreater(result["open_us"], 0)

    def test_tables(self):
        done = self.bench("--quick", "--operations", "1000", "--only", "limit,scopecache")
        for title in ("Hits", "Inserts", "Memory", "Opening"):
            self.assertIn(f"\n{title}\n", done.stdout)
        self.assertEqual(len(re.findall(r"^limit ", done.stdout, re.MULTILINE)), 5)
        again = self.bench("--from", self.folder / "quick.jsonl")
        self.assertIn(done.stdout.split("Opening\n")[1], again.stdout)

    def test_absent_peers_are_named(self):
        (self.folder / "empty").mkdir()
        done = self.bench(
            "--quick",
            "--operations",
            "100",
            "--only",
            "limit,moka,caffeine,otter,memcached,redis",
            path=str(self.folder / "empty"),
        )
        for name, program in (("moka", "cargo"), ("caffeine", "mvn"), ("otter", "go"),
                              ("memcached", "memcached"), ("redis", "redis-server")):
            self.assertRegex(
                done.stderr, rf"(?m)^skipped: {name}: there is no {program} on PATH \("
            )
        self.assertIn("limit", done.stdout)

    def test_servers(self):
        there = [name for name, program in (("memcached", "memcached"), ("redis", "redis-server"))
                 if shutil.which(program)]
        if not there:
            self.skipTest("there is neither memcached nor redis-server")
        done = self.bench("--quick", "--json", "--operations", "100", "--only", ",".join(there))
        results = [json.loads(line) for line in done.stdout.splitlines()]
        hits = [result for result in results if result.get("bench") == "hit"]
        self.assertEqual({result["subject"] for result in hits}, set(there), done.stderr)
        self.assertEqual({result["hit_ratio"] for result in hits}, {1})

    def test_a_subject_that_does_not_exist(self):
        done = subprocess.run(
            [sys.executable, "-B", SOURCE / "bench/compare.py", "--only", "nothing"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("no subject nothing", done.stderr)


class Lines(Folder):
    def drive(self, subject, *lines):
        done = subprocess.run(
            [BUILD / "cache_driver", subject],
            input="".join(f"{line}\n" for line in lines),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()

    def test_a_driver_obeys_its_commands(self):
        made = orders.Orders(self.folder)
        answers = self.drive(
            "scopecache",
            f"keys {made.keys(50)}",
            f"orders {made.orders('hit', 50, 70)}",
            "open 50 0 2",
            "fill",
            "run 2 70 1",
            "run 1 10 3",
            "settle",
        )
        self.assertTrue(answers[0].startswith("ready "))
        self.assertEqual(answers[1:3] + answers[4:5], ["ok 50", "ok 70", "ok 50"])
        self.assertEqual([answer.split()[2] for answer in answers[5:7]], ["70", "30"])
        self.assertEqual(answers[7], "ok")

    def test_a_driver_in_another_language_does_the_same(self):
        made = orders.Orders(self.folder)
        lines = [
            f"keys {made.keys(50)}",
            f"orders {made.orders('hit', 50, 70)}",
            "open 50 0 2",
            "fill",
            "run 2 70 3",
            "open 50 0 2",
            "run 1 70 1",
            "settle",
            "run 1 71 1",
            "dance",
        ]
        done = subprocess.run(
            [sys.executable, "-B", SOURCE / "bench/peers/python/python_driver.py", "functools"],
            input="\n".join(lines),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        answers = done.stdout.splitlines()
        self.assertTrue(answers[0].startswith("ready functools"))
        self.assertEqual(answers[1:3] + answers[4:5], ["ok 50", "ok 70", "ok 50"])
        self.assertEqual(answers[5].split()[2], "210")
        self.assertEqual(answers[7].split()[2], "0", "a new cache has nothing of the one before")
        self.assertEqual([answer.split()[0] for answer in answers[8:]], ["ok", "error", "error"])

    def test_threads_that_write_have_a_limit_each(self):
        made = orders.Orders(self.folder)
        keys, hits, mix = made.keys(50), made.orders("hit", 50, 70), made.orders("mix", 50, 70)
        answers = self.drive(
            "limit",
            f"keys {keys}",
            f"orders {hits}",
            "open 50 0 2",
            "fill",
            "run 2 70 2",
            f"orders {mix}",
            "run 2 70 1",
            "open 50 0 2",
            "fill",
            "run 2 70 1",
        )
        self.assertEqual(answers[5].split()[2], "140", "both read the one that is there")
        self.assertEqual(answers[7], "error run needs a cache opened for as many threads")
        self.assertEqual(answers[10].split()[2], "63", "each has all keys")

    def test_impossible_commands_are_errors(self):
        made = orders.Orders(self.folder)
        beyond = self.folder / "beyond"
        beyond.write_bytes(orders.packed([7, 50]))
        answers = self.drive(
            "limit",
            "fill",
            "run 1 1 1",
            "dance",
            "open 1 0 9",
            f"keys {made.keys(50)}",
            f"orders {beyond}",
            "keys /nowhere",
            "orders /nowhere",
        )
        self.assertEqual([answer.split()[0] for answer in answers[1:]],
                         ["error"] * 4 + ["ok"] + ["error"] * 3)
        self.assertEqual(self.drive("nothing"), ["error no such subject in this build"])

    def test_orders_have_their_distribution(self):
        numbers = array.array("I")
        numbers.frombytes(orders.packed(orders.orders("mix", 100, 5000)))
        puts = [number for number in numbers if number & orders.PUT]
        self.assertEqual((len(numbers), len(puts)), (5000, 500))
        indices = [number & ~orders.PUT for number in numbers]
        self.assertLess(max(indices), 100)
        often = max(indices.count(index) for index in set(indices))
        # The first of 100 ranks has 1 / (1 + 1/2^0.99 + ...), a little under a fifth.
        self.assertTrue(0.16 < often / 5000 < 0.22, often)
        self.assertEqual(len(set(orders.keys(100)[i:i + 16] for i in range(0, 1600, 16))), 100)


class Rounds(unittest.TestCase):
    def test_fast_subjects_repeat_passes(self):
        def passes(*times):
            return rounds.enough_passes([{"total_ns": ns} for ns in times])
        self.assertEqual(passes(3 * rounds.LEAST_NS), 1)
        self.assertEqual(
            passes(rounds.LEAST_NS, rounds.LEAST_NS // 4), 4, "the fastest is warmed up"
        )
        self.assertEqual(passes(rounds.LEAST_NS // 7 - 1), 8)
        self.assertEqual(passes(0), rounds.MOST_PASSES)

    def test_the_limit_has_no_spare_slots(self):
        limit, *_ = [subject for subject in subjects.SUBJECTS if not subject.evicts]
        peer, *_ = [subject for subject in subjects.SUBJECTS if subject.evicts]
        self.assertEqual(
            [rounds.capacity("insert", limit, 1001, threads) for threads in (1, 2)], [1001, 501]
        )
        self.assertEqual(rounds.capacity("mix", limit, 1000, 1), 1000)
        self.assertEqual(rounds.capacity("mix", peer, 1000, 1), 100)
        self.assertGreater(rounds.capacity("insert", peer, 1000, 2), 1000)


class Pictures(unittest.TestCase):
    RESULTS = [
        {
            "bench": "hit",
            "subject": name,
            "about": name,
            "keys": 1000,
            "threads": threads,
            "ns_per_op": ns * threads,
            "ratio_to_limit": ns / 10,
            "hit_ratio": 1,
        }
        for name, ns in (("limit", 10.0), ("scopecache", 15.0), ("moka", 45.0), ("glib", 60.0))
        for threads in (1, 2)
    ]

    def test_reading_names_the_fastest_peer(self):
        rows = tables.reading(self.RESULTS)
        self.assertEqual(
            rows[1], ["hit, 1,000 keys, 1 thread", "15.0", "1.5", "moka", "45.0", "3.0"]
        )
        self.assertEqual(len(rows), 3)

    def test_a_table_has_columns_for_hits_and_faults(self):
        results = [
            {
                "bench": "insert",
                "subject": "glib",
                "keys": 1000,
                "threads": 1,
                "ns_per_op": 150.0,
                "faults_per_op": 0.0312,
            },
            {"bench": "insert", "subject": "old", "keys": 1000, "threads": 1, "ns_per_op": 150.0},
        ]
        rows = tables.table(results, "insert")
        self.assertEqual(rows[0][2], "page faults in 1,000, 1,000 keys")
        self.assertEqual([row[2] for row in rows[1:]], ["31.2", tables.NOTHING])

    def test_a_page_is_renewed(self):
        page = "a\n<!-- figures: hit -->\nold\n<!-- end -->\nb\n"
        new = tables.renew(page, {"hit": "new"})
        self.assertEqual(new, "a\n<!-- figures: hit -->\nnew\n<!-- end -->\nb\n")
        self.assertEqual(tables.renew(new, {"hit": "new"}), new)

    def test_the_page_has_a_section_for_each_table(self):
        page = (SOURCE / "docs/benchmarks.md").read_text("utf-8")
        names = re.findall(r"<!-- figures: (\w+) -->", page)
        self.assertEqual(
            sorted(names),
            sorted(["machine", "versions", "reading", "hit", "mix", "insert", "memory", "open"]),
        )

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "there is no matplotlib")
    def test_a_plot_is_one_document(self):
        def plot():
            return dot_plot.plot("A & B", [("one", [("x<y", [1.5, None]), ("z", [900.0, 20.0])])],
                                 ("first", "second"), "ns", "z")
        text = plot()
        root = xml.etree.ElementTree.fromstring(text)
        self.assertTrue(root.tag.endswith("svg"))
        texts = ["".join(element.itertext()).strip() for element in root.iter()
                 if element.tag.endswith("}text")]
        for expected in ("A & B", "one", "x<y", "z", "first", "second", "ns (log scale)"):
            self.assertIn(expected, texts)
        self.assertNotIn("<script", text)
        self.assertNotRegex(text, r"(href|src)=.https?:")
        self.assertEqual(text, plot())


if __name__ == "__main__":
    unittest.main()
