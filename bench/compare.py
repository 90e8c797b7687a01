"""The benchmark: scopecache, the limit and its peers, side by side in one run. `./dev bench` runs
it.

It makes the drivers ready, measures (rounds.py), and prints tables, or with --json a line for each
result as it comes. The results stay in results.jsonl in the build directory, and --docs writes the
tables and plots of docs/benchmarks.md from them."""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import signal
import sys

import dot_plot
import tables
from orders import Orders
from rounds import FULL, QUICK, Measurer
from subjects import SUBJECTS, Absent

TOP = pathlib.Path(__file__).resolve().parent.parent
TITLES = {"hit": "Hits", "mix": "Nine gets and a put", "insert": "Inserts",
          "memory": "Memory", "open": "Opening"}


def arguments():
    names = [subject.name for subject in SUBJECTS]
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__.split("\n", maxsplit=1)[0]
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, operations and sizes: a look"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON for each result")
    parser.add_argument(
        "--docs", action="store_true", help="renew the figures of docs/benchmarks.md"
    )
    parser.add_argument("--only", metavar="NAME,...", help="some of: " + ", ".join(names))
    parser.add_argument("--bench", metavar="NAME,...", help="some of: " + ", ".join(TITLES))
    parser.add_argument(
        "--from", dest="saved", metavar="FILE", help="measure nothing: show saved results"
    )
    parser.add_argument(
        "--operations", type=int, metavar="N", help="in a round, of those that are fast"
    )
    parser.add_argument(
        "--build-dir", type=pathlib.Path, default=TOP / "build/bench", help=argparse.SUPPRESS
    )
    chosen = parser.parse_args()
    chosen.only = chosen.only.split(",") if chosen.only else names
    chosen.bench = chosen.bench.split(",") if chosen.bench else list(TITLES)
    for name in chosen.only:
        if name not in names:
            parser.error(f"there is no subject {name}")
    for name in chosen.bench:
        if name not in TITLES:
            parser.error(f"there is no bench {name}")
    if chosen.docs and (chosen.quick or len(chosen.bench) < len(TITLES)):
        parser.error("--docs needs all figures")
    if chosen.operations is not None and not 100 <= chosen.operations <= 1 << 30:
        parser.error("--operations is a number from 100 to 2^30")
    return chosen


def plan_of(chosen):
    plan = QUICK if chosen.quick else FULL
    keys = {bench: plan.keys[bench] for bench in chosen.bench}
    if not chosen.operations:
        return dataclasses.replace(plan, keys=keys)
    # An insert has as many operations as keys.
    most = max(chosen.operations, 1000)
    return dataclasses.replace(
        plan,
        operations=chosen.operations,
        keys={
            bench: tuple(sorted({min(count, most) for count in counts}))
            for bench, counts in keys.items()
        },
    )


def machine():
    cpu = next((line.partition(":")[2].strip() for line in
                pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
                if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    huge = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    pages = (
        huge.read_text("ascii").partition("[")[2].partition("]")[0]
        if huge.exists()
        else "not there"
    )
    return (f"{cpu}, {len(os.sched_getaffinity(0))} processors, {memory / 2 ** 30:.0f} GiB, "
            f"Linux {platform.release().partition('-')[0]}, transparent huge pages: {pages}")


class Screen:
    """Results go to standard output, progress and skipped measurements to standard error."""

    def __init__(self, as_json):
        self.json = as_json
        self.results, self.said = [], set()
        self.live = sys.stderr.isatty()

    def step(self, text):
        if self.live:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self):
        self.step("")

    def tell(self, result):
        self.results.append(result)
        if self.json:
            self.clear()
            print(json.dumps(result), flush=True)

    def skip(self, subject, what, reason):
        """Each reason is printed once."""
        text = f"skipped: {subject}" + (f", {what}" if what else "") + f": {reason}"
        if text not in self.said:
            self.said.add(text)
            self.clear()
            print(text, file=sys.stderr, flush=True)
            if self.json:
                print(json.dumps({"skipped": subject, "what": what, "reason": reason}), flush=True)

    def show(self, title, rows):
        if not self.json and len(rows) > 1:
            self.clear()
            print(f"\n{title}\n{tables.as_text(rows)}", flush=True)


def ready(chosen, screen):
    made, there = {}, []
    for subject in SUBJECTS:
        if subject.name in chosen.only:
            screen.step(f"making {subject.name} ready")
            try:
                subject.prepare(made, chosen.build_dir)
                there.append(subject)
            except Absent as reason:
                screen.skip(subject.name, "", str(reason))
    return there


def measure(chosen, screen):
    there = ready(chosen, screen)
    log = chosen.build_dir / "drivers.log"
    log.unlink(missing_ok=True)
    plan = plan_of(chosen)
    screen.tell({"machine": machine(), "rounds": plan.rounds})
    measurer = Measurer(
        plan, there, Orders(chosen.build_dir / "orders"), log, screen.tell, screen.skip, screen.step
    )
    for bench, keys in measurer.all():
        part = [result for result in screen.results
                if result.get("bench") == bench and result["keys"] == keys]
        screen.show(TITLES[bench], tables.table(part, bench))
    screen.clear()
    name = "quick.jsonl" if chosen.quick else "results.jsonl"
    lines = "".join(json.dumps(result) + "\n" for result in screen.results)
    (chosen.build_dir / name).write_text(lines, "utf-8")


def panels(results, benches, series):
    """For dot_plot: a panel for each bench and number of keys; `series(result)` is a column and a
    value. Servers are left out: they take so much longer that the other dots would fall
    together."""
    servers = {subject.name for subject in SUBJECTS if subject.server}
    results = [result for result in results if result["subject"] not in servers]
    for bench in benches:
        for keys in sorted({result["keys"] for result in results if result["bench"] == bench}):
            rows = {}
            for result in results:
                if result["bench"] == bench and result["keys"] == keys:
                    column, value = series(result)
                    rows.setdefault(result["subject"], {})[column] = value
            yield (f"{TITLES[bench]}: {keys:,} keys",
                   [(name, [values.get(0), values.get(1)]) for name, values in rows.items()])


def plots(results):
    def speed(result):
        return result["threads"] - 1, result["ns_per_op"]

    def memory(result):
        return 0, result["bytes_per_entry"]

    for name, title, benches, series, names, unit in (
            ("hits.svg", "Time of a hit", ("hit",), speed, ("1 thread", "2 threads"), "ns"),
            ("changes.svg", "Time of a mix and of an insert", ("mix", "insert"), speed,
             ("1 thread", "2 threads"), "ns"),
            ("memory.svg", "Memory of an entry", ("memory",), memory, ("",), "bytes")):
        yield name, dot_plot.plot(
            title, list(panels(results, benches, series)), names, unit, tables.OURS
        )


def write_docs(results):
    about, *results = results
    page = TOP / "docs/benchmarks.md"
    figures = {bench: tables.as_markdown(tables.table(results, bench)) for bench in TITLES}
    figures["reading"] = tables.as_markdown(tables.reading(results))
    figures["versions"] = tables.as_markdown(tables.versions(results))
    figures["machine"] = f"{about['machine']}. Medians of {about['rounds']} rounds."
    page.write_text(tables.renew(page.read_text("utf-8"), figures), "utf-8")
    folder = TOP / "docs/benchmarks"
    folder.mkdir(exist_ok=True)
    for name, text in plots(results):
        (folder / name).write_text(text, "utf-8")


def main():
    # However this process ends, the processes that it started end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    chosen = arguments()
    screen = Screen(chosen.json)
    if chosen.saved:
        lines = pathlib.Path(chosen.saved).read_text("utf-8").splitlines()
        for line in lines:
            screen.tell(json.loads(line))
        for bench, title in TITLES.items():
            screen.show(title, tables.table(screen.results[1:], bench))
    else:
        measure(chosen, screen)
    screen.show("Ours and the fastest peer", tables.reading(screen.results[1:]))
    if chosen.docs:
        write_docs(screen.results)


if __name__ == "__main__":
    main()
