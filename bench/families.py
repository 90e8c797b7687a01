"""Where eviction policies break: the hit ratios of the adaptive policy, LRU, Caffeine and Belady.

Each stream (streams.py) is of one kind, and is replayed through caches of many sizes. Hash seeds
differ from run to run, so each stream is replayed several times, and the median counts. A cell is
under its bar if the adaptive policy has

    loop     less than 0.8 times the optimum, or 2 points less than a smaller cache has
    recent   a point less than LRU
    shift    a point less than LRU
    mixed    less than LRU

--docs writes the table and the plot of docs/policy.md; `before` there is the policy before the
current one, from docs/benchmarks/families_before.csv."""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import orders
import streams
import subjects
import svg_figure
import tables

TOP = pathlib.Path(__file__).resolve().parent.parent
BEFORE = TOP / "docs/benchmarks/families_before.csv"
OURS, LRU, BELADY, CAFFEINE = "adaptive", "lru", "opt", "caffeine"
SHOWN = {"before": "before", OURS: "scopecache", LRU: "LRU", CAFFEINE: "Caffeine", BELADY: "Belady"}


def replayed(program, trace, sizes):
    """Hit ratios in per cent, by policy and size."""
    done = subprocess.run([program, "replay", trace, "--format", "u32", "--json",
                           "--max-entries", ",".join(map(str, sizes)),
                           "--policy", ",".join((OURS, LRU, BELADY))],
                          stdout=subprocess.PIPE, check=True)
    return {(row["policy"], row["max_entries"]): 100 * row["hit_ratio"]
            for row in json.loads(done.stdout)["results"]}


def of_caffeine(java, trace, sizes):
    """The same of Caffeine; empty without Java."""
    if not java:
        return {}
    done = subprocess.run([*java, trace, *map(str, sizes)], stdout=subprocess.PIPE, text=True,
                          check=True)
    ratios = map(float, done.stdout.split())
    return {(CAFFEINE, size): 100 * ratio for size, ratio in zip(sizes, ratios, strict=True)}


def medians(runs):
    return {cell: statistics.median(run[cell] for run in runs) for cell in runs[0]}


def measured(program, java, runs):
    """For each stream its name and sizes, and the hit ratios."""
    with tempfile.TemporaryDirectory(prefix="scopecache-families-") as folder:
        for name, stream, sizes in streams.streams():
            trace = pathlib.Path(folder) / "stream"
            trace.write_bytes(orders.packed(stream))
            found = medians([replayed(program, trace, sizes) for _ in range(runs)])
            yield name, sizes, {**found, **of_caffeine(java, trace, sizes)}


def is_under_bar(name, found, sizes, size):
    ours, lru, belady = (found[policy, size] for policy in (OURS, LRU, BELADY))
    if name.startswith("loop"):
        best = max((found[OURS, smaller] for smaller in sizes if smaller < size), default=0)
        return ours < 0.8 * belady or ours < best - 2
    return ours < lru - (0 if name == "mixed" else 1)


def with_before(results):
    rows = csv.DictReader(BEFORE.read_text("ascii").splitlines())
    before = {(row["stream"], int(row["entries"])): float(row["hit_ratio"]) for row in rows}
    for name, sizes, found in results:
        yield name, sizes, {**found, **{("before", size): before[name, size] for size in sizes}}


def table(results):
    policies = [policy for policy in SHOWN
                if any((policy, sizes[0]) in found for _, sizes, found in results)]
    rows = [["stream, entries", *(SHOWN[policy] for policy in policies), ""]]
    for name, sizes, found in results:
        for size in sizes:
            mark = "under its bar" if is_under_bar(name, found, sizes, size) else ""
            ratios = (f"{found[policy, size]:.1f}" for policy in policies)
            rows.append([f"{name}, {size:,}", *ratios, mark])
    return rows


def brief(rows):
    """A selection of the rows, for a page."""
    some = ("loop 100, 70", "loop 100, 75", "loop 100, 90", "loop 10000, 7,000",
            "loop 10000, 7,500", "loop 10000, 9,000", "recent 20 x2, 20", "recent 20 x2, 30",
            "recent 20 x3, 30", "recent 20 x3, 40", "recent 250 x2, 250", "recent 250 x2, 500",
            "shift, 128", "shift, 512", "mixed, 64", "mixed, 512")
    return [row[:-1] for row in rows if row[0] in some or row[0] == rows[0][0]]


def plot(results, path):
    """A panel for each stream: hit ratio by size."""
    styles = {"before": ("#8c959f", "--"), OURS: ("#0b69b7", "-"), LRU: ("#c2500a", ":"),
              CAFFEINE: ("#1a7f37", "-."), BELADY: ("#24292f", (0, (1, 3)))}
    lines = -(-len(results) // 3)
    figure, panels = svg_figure.pyplot().subplots(lines, 3, figsize=(11, 3 * lines))
    for panel, (name, sizes, found) in zip(panels.flat, results, strict=True):
        for policy, (colour, line) in styles.items():
            if (policy, sizes[0]) in found:
                panel.plot(sizes, [found[policy, size] for size in sizes], color=colour,
                           linestyle=line, label=SHOWN[policy],
                           linewidth=2.2 if policy == OURS else 1.4)
        panel.set_title(name, fontsize=10)
        panel.set_ylim(0, 100)
        panel.set_xscale("log" if sizes[-1] > 4 * sizes[0] else "linear")
        panel.grid(color="#e4e7eb", linewidth=0.6)
    figure.supxlabel("entries")
    figure.supylabel("hit ratio, per cent")
    figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="upper center",
                  ncol=len(styles), frameon=False)
    figure.tight_layout(rect=(0.02, 0.02, 1, 0.97))
    path.write_text(svg_figure.text_of(figure), "utf-8")


def java_of(build_dir):
    try:
        folder, log = subjects.copied("java", build_dir)
        subjects.java_classes(folder, log)
        return ["java", "-cp", f"{folder}/classes:{folder}/lib/*", "HitRatio"]
    except subjects.Absent as reason:
        print(f"skipped: caffeine: {reason}", file=sys.stderr)
        return None


def main():
    parser = argparse.ArgumentParser(prog="./dev bench families",
                                     description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=3, metavar="N",
                        help="replay each stream N times (default 3)")
    parser.add_argument("--docs", action="store_true",
                        help="renew the figures of docs/policy.md, from nine runs")
    parser.add_argument("--save", metavar="FILE", help="write our hit ratios into a CSV file")
    parser.add_argument("--program", default=TOP / "build/release/scopecache",
                        help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not 1 <= chosen.runs <= 1_000:
        parser.error("--runs is a number from 1 to 1,000")
    java = java_of(TOP / "build/bench")
    results = list(measured(chosen.program, java, 9 if chosen.docs else chosen.runs))
    rows = table(results)
    print(tables.as_text(rows))
    under = sum(bool(row[-1]) for row in rows[1:])
    print(f"\n{under} of {len(rows) - 1} cells under their bar")
    if chosen.save:
        lines = [f"{name},{size},{found[OURS, size]:.2f}\n"
                 for name, sizes, found in results for size in sizes]
        pathlib.Path(chosen.save).write_text("stream,entries,hit_ratio\n" + "".join(lines), "ascii")
    if chosen.docs:
        results = list(with_before(results))
        page = TOP / "docs/policy.md"
        figures = {"families": tables.as_markdown(brief(table(results)))}
        page.write_text(tables.renew(page.read_text("utf-8"), figures), "utf-8")
        plot(results, TOP / "docs/benchmarks/families.svg")


if __name__ == "__main__":
    main()
