"""`scopecache replay` on the command line: its options, output and exit status."""

import json
import os
import pathlib
import re
import subprocess
import unittest
import xml.etree.ElementTree

from replay_traces import COMMAND, ReplayCase, u32

MANUAL = pathlib.Path(os.environ["SC_SOURCE_DIR"], "docs/man/scopecache-replay.1").read_text(
    encoding="utf-8"
)
SVG = "{http://www.w3.org/2000/svg}"
# The type of each member of a result.
MEMBERS = {
    "trace": str,
    "policy": str,
    "bound": bool,
    "max_entries": (int, type(None)),
    "max_bytes": (int, type(None)),
    "keys": int,
    "requests": int,
    "requested_bytes": (int, type(None)),
    "hits": int,
    "hit_bytes": (int, type(None)),
    "hit_ratio": float,
    "byte_hit_ratio": (float, type(None)),
    "requested_cost": (int, type(None)),
    "saved_cost": (int, type(None)),
    "cost_saved_ratio": (float, type(None)),
    "evictions": (int, type(None)),
    "rejected": (int, type(None)),
    "skipped_lines": int,
}


def section(name):
    return re.search(rf"^\.SH {name}\n(.*?)^\.SH", MANUAL, re.MULTILINE | re.DOTALL)[1]


class Usage(ReplayCase):
    TRACE = ("-", "--format=u32", "--max-entries=10")

    def test_what_is_missing(self):
        self.refuses("which trace?", "--format=u32", "--max-entries=10")
        self.refuses("1000 traces at most", *["a"] * 1001, "--format=u32", "--max-entries=10")
        self.refuses("what is the format of the traces?", "-", "--max-entries=10")
        self.refuses("how large are the caches?", "-", "--format=u32")

    def test_numbers(self):
        for option, bad in (
            (
                "--max-entries",
                ("0", "", "x", "-1", "1x", "1K", "1,", ",1", "1,,2", "100000001", "9" * 30),
            ),
            (
                "--max-bytes",
                ("16383", "15K", "17G", "1T", "K", "1KK", "1k", "9" * 30, "99999999999999G"),
            ),
            ("--entry-bytes", ("0", "2G", "x")),
            ("--concurrency", ("0", "1025", "2K", "x")),
            ("--column", ("0", "10001", "key")),
            ("--size-column", ("0", "-1")),
            ("--cost-column", ("0", "-1")),
        ):
            for number in bad:
                with self.subTest(option=option, number=number):
                    self.refuses(f"{option} takes", "-", "--format=csv", f"{option}={number}")
        self.refuses("--max-entries takes 64 numbers at most", "-", "--format=u32",
                     "--max-entries=" + ",".join(map(str, range(1, 66))))

    def test_names(self):
        self.refuses(
            "--format is u32, text, csv or oracleGeneral, not \"json\"",
            "-",
            "--format=json",
            "--max-entries=10",
        )
        for name in "arc", "", "lru,", "LRU":
            self.refuses("there is no policy", *self.TRACE, "--policy", name)
        self.refuses("--policy names lru twice", *self.TRACE, "--policy=lru,opt,lru")

    def test_options_that_make_no_sense_together(self):
        self.refuses("one --max-entries or one --max-bytes", *self.TRACE, "--max-bytes=1M")
        self.refuses("one --max-entries or one --max-bytes", *self.TRACE, "--max-entries=11")
        self.refuses("--max-bytes needs sizes", "-", "--format=u32", "--max-bytes=1M")
        self.refuses("--max-bytes needs sizes", "-", "--format=text", "--max-bytes=1M")
        for option in "--sizes=x", "--costs=x":
            self.refuses(
                "--sizes and --costs go with --format u32",
                "-",
                "--format=text",
                "--max-entries=1",
                option,
            )
        for option in "--column=1", "--size-column=2", "--cost-column=2", "--header":
            self.refuses("go with --format csv", *self.TRACE, option)
        for option in "--sizes=x", "--costs=x":
            self.refuses(
                "--sizes and --costs are for one trace; there are 2",
                "a",
                "b",
                "--format=u32",
                "--max-entries=1",
                option,
            )
        self.refuses("--entry-bytes goes with --max-bytes", *self.TRACE, "--entry-bytes=10")
        self.refuses("standard input can be read only once", "-", *self.TRACE)
        self.refuses("standard input can be read only once", *self.TRACE, "--sizes=-")
        self.refuses(
            "standard input can be read only once", "a", *self.TRACE[1:], "--sizes=-", "--costs=-"
        )

    def test_help_and_manual_name_the_same_options(self):
        done = self.replay("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"Usage: scopecache replay", done.stdout)
        helped = set(re.findall(r"^ +(?:-\w, )? *--([a-z-]+)", done.stdout.decode(), re.MULTILINE))
        documented = set(
            re.findall(r"^\.TP\n\.BR? .*?\\-\\-([a-z\\-]+)", section("OPTIONS"), re.MULTILINE)
        )
        self.assertEqual(
            helped - {"help", "usage"}, {name.replace("\\", "") for name in documented}
        )


class Figures(ReplayCase):
    KEYS = [1, 2, 1, 3, 1, 2]
    SIZES = [10, 20, 10, 30, 10, 20]

    def setUp(self):
        super().setUp()
        self.trace = self.file("trace", u32(self.KEYS))
        self.sizes = self.file("sizes", u32(self.SIZES))

    def test_json(self):
        for arguments in (("--max-entries=2,3",), ("--max-entries=2,3", "--sizes", self.sizes),
                          ("--max-bytes=16K,1M", "--sizes", self.sizes)):
            results = self.results(
                self.trace, "--format=u32", "--policy=opt,lru,adaptive", *arguments
            )
            self.assertEqual(
                [result["policy"] for result in results], ["opt", "lru", "adaptive"] * 2
            )
            for result in results:
                self.assertEqual(list(result), list(MEMBERS))
                for name, value in result.items():
                    self.assertIsInstance(value, MEMBERS[name], name)
                self.assertEqual(result["max_entries"] is None, result["max_bytes"] is not None)
                self.assertEqual(result["requested_bytes"], 100 if len(arguments) > 1 else None)

    def test_the_members_are_documented(self):
        tags = re.findall(r"^\.TP\n\.BR? (.*)", section("FIGURES"), re.MULTILINE)
        self.assertEqual(
            {name for tag in tags for name in re.findall(r"[a-z_]+", tag)}, set(MEMBERS)
        )

    def test_names_that_are_not_text(self):
        path = os.fsencode(self.folder) + b'/"\xff\n\\'
        with open(path, "wb") as file:
            file.write(u32([1]))
        result, = self.results(os.fsdecode(path), "--format=u32", "--max-entries=1", "--policy=lru")
        self.assertTrue(result["trace"].endswith('/"\ufffd\n\\'))

    def test_tables(self):
        done = self.replay(
            self.trace, self.trace, "--format=u32", "--max-entries=2,1000", "--policy=lru,opt"
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        table = [line.split() for line in done.stdout.decode().split("\n\n")[0].splitlines()]
        self.assertEqual(
            table[1], "max entries policy hits hit ratio byte hit ratio evictions".split()
        )
        self.assertEqual(table[2:], [["2", "lru", "2", "33.33", "%", "-", "2"],
                                     ["2", "opt", "3", "50.00", "%", "-", "0"],
                                     ["1,000", "lru", "3", "50.00", "%", "-", "0"],
                                     ["1,000", "opt", "3", "50.00", "%", "-", "0"]])
        self.assertEqual(done.stdout.decode().count(f"{self.trace}: 6 requests, 3 keys\n"), 2)

    def test_tables_of_bytes(self):
        sizes = self.file("sizes", u32([10, 20, 10, 99_999, 10, 20]))
        done = self.replay(
            self.trace, "--format=u32", "--max-bytes=16K", "--sizes", sizes, "--policy=lru,opt"
        )
        head, names, lru, opt = done.stdout.decode().splitlines()
        self.assertTrue(head.endswith(": 6 requests, 3 keys, 100,069 bytes"), head)
        self.assertTrue(names.endswith("evictions      too large"), names)
        self.assertEqual(lru.split(), ["16,384", "lru", "3", "50.00", "%", "0.04", "%", "0", "1"])
        self.assertEqual(
            opt.split(), ["16,384", "opt,", "at", "most", "3", "50.00", "%", "0.04", "%", "-", "-"]
        )

    def test_a_table_is_printed_before_the_next_trace_is_read(self):
        done = self.replay(self.trace, "/no/trace", "--format=u32", "--max-entries=2")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"6 requests", done.stdout)
        self.assertIn(b"cannot open /no/trace", done.stderr)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_output_that_cannot_be_written(self):
        for options in (), ("--json",):
            with open("/dev/full", "wb") as full:
                done = subprocess.run(
                    [COMMAND, "replay", self.trace, "--format=u32", "--max-entries=1", *options],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=60,
                    check=False,
                )
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"cannot write standard output: No space left", done.stderr)


class Plot(ReplayCase):
    def plot(self, *arguments):
        path = self.folder / "plot.svg"
        done = self.replay("--format=u32", "--plot", path, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return xml.etree.ElementTree.parse(path).getroot()

    def test_a_curve_for_each_policy_in_a_panel_for_each_trace(self):
        traces = [
            self.file(name, u32([1, 2, 3, 1, 2, 3, 1])) for name in ("one", "two", "a<&>b\x01")
        ]
        svg = self.plot(*traces, "--max-entries=3,1,2", "--policy=adaptive,lru,opt")
        panels = svg.findall(f"{SVG}g")
        self.assertEqual([panel.find(f"{SVG}text[@class='name']").text for panel in panels],
                         ["one", "two", "a<&>b\ufffd"])
        for panel in panels:
            curves = panel.findall(f"{SVG}polyline")
            self.assertEqual(
                {curve.get("class") for curve in curves}, {"curve p0", "curve p1", "curve p2"}
            )
            for curve in curves:
                points = [
                    tuple(map(float, point.split(","))) for point in curve.get("points").split()
                ]
                self.assertEqual(len(points), 3)
                self.assertEqual([x for x, _ in points], sorted(x for x, _ in points))
                self.assertEqual(
                    [points[0][0], points[-1][0]], [0, 432], "from one end of the axis to the other"
                )
                self.assertTrue(all(0 <= y <= 240 for _, y in points), points)
                self.assertGreater(points[0][1], -1)
                self.assertLess(
                    points[0][1], points[-1][1], "a larger cache misses less, further down"
                )
        tips = [title.text for title in panels[0].iter(f"{SVG}title")]
        self.assertIn("lru, 3 entries: 42.86 % missed", tips)
        self.assertEqual(len(tips), 9)
        self.assertEqual(
            [text.text for text in svg.findall(f"{SVG}text")], ["adaptive", "lru", "opt"]
        )

    def test_nothing_from_outside(self):
        svg = self.plot(self.file("trace", u32([1, 1])), "--max-entries=5")
        text = xml.etree.ElementTree.tostring(svg, encoding="unicode")
        self.assertEqual(re.findall(r"https?://[^\"]+", text), ["http://www.w3.org/2000/svg"])
        self.assertNotIn("href", text)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_bytes(self):
        trace, sizes = self.file("trace", u32([1, 1])), self.file("sizes", u32([5, 5]))
        svg = self.plot(trace, "--sizes", sizes, "--max-bytes=16K,1M", "--policy=opt")
        texts = [text.text for text in svg.iter(f"{SVG}text")]
        self.assertIn("opt (bound)", texts)
        self.assertIn("1 MiB", texts)
        self.assertIn(
            "opt, 16 KiB: 50.00 % missed", [title.text for title in svg.iter(f"{SVG}title")]
        )

    def test_where_it_cannot_be_written(self):
        trace = self.file("trace", u32([1]))
        self.refuses(
            "cannot write /no/plot.svg: No such file",
            trace,
            "--format=u32",
            "--max-entries=1",
            "--plot=/no/plot.svg",
        )
        self.refuses(
            "cannot write",
            trace,
            "--format=u32",
            "--max-entries=1",
            "--plot",
            self.folder,
            status=1,
        )

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_what_cannot_be_written(self):
        self.refuses(
            "cannot write /dev/full: No space left",
            self.file("trace", u32([1])),
            "--format=u32",
            "--max-entries=1",
            "--plot=/dev/full",
            status=1,
        )

    def test_with_json(self):
        done = self.replay(
            self.file("trace", u32([1])),
            "--format=u32",
            "--max-entries=1",
            "--json",
            "--plot",
            self.folder / "plot.svg",
        )
        self.assertEqual(len(json.loads(done.stdout)["results"]), 2)
        self.assertTrue((self.folder / "plot.svg").read_text(encoding="utf-8").endswith("</svg>\n"))


if __name__ == "__main__":
    unittest.main()
