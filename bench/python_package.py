"""The Python package side by side with functools, cachetools and cachebox, and for coroutines with
async-lru and aiocache: `./dev bench python`.

Every figure is the median of rounds that take turns, and a ratio to functools.lru_cache of the same
run, or to a plain await of a coroutine. The hit ratios are compared with those of `scopecache
replay`, which looks up the same keys in a cache of the C library.

	python_package.py [--quick] [--json] [--trace FILE.u32 --entries N,...]"""

import argparse
import asyncio
import datetime
import functools
import itertools
import json
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import timeit

import aiocache
import async_lru
import cachebox
import cachetools
import scopecache

SOURCE = pathlib.Path(__file__).resolve().parents[1]
REPLAY = SOURCE / "build/release/scopecache"

# The longest time that each call may take, as a ratio to functools.lru_cache.
CALLS = {"f(1)": 0.80, 'f("user","param")': 0.60, 'f(user="a")': 0.40, "o.m(1)": 0.75}
CALLS_WITH_TTL = {"f(1)": 1.0, 'f("user","param")': 0.75, 'f(user="a")': 0.5}
AWAIT = 0.80
MISS = 2.5
ENTRY_BYTES = 180
IMPORT_MS = 0.5
POINTS = 0.2


def cachetools_lru(function):
    return cachetools.cached(cachetools.LRUCache(128))(function)


def cachetools_ttl(function):
    return cachetools.cached(cachetools.TTLCache(128, 60))(function)


def cachebox_lru(function):
    return cachebox.cached(cachebox.LRUCache(128), copy_level=0)(function)


DECORATORS = {
    "functools": functools.lru_cache(128),
    "cached": scopecache.cached,
    "cached with a ttl": scopecache.cached(ttl=60),
    "scopecache.lru_cache": scopecache.lru_cache(128),
    "cachetools LRU": cachetools_lru,
    "cachetools TTL": cachetools_ttl,
    "cachebox LRU": cachebox_lru,
}


def subject(decorator):
    """The functions to call, each with an argument that it was called with before."""
    def one(a):
        return a

    def two(a, b):
        return a

    def named(*, user):
        return user

    class Owner:
        @decorator
        def m(self, a):
            return a

    owner = Owner()
    functions = {
        "f(1)": decorator(one),
        'f("user","param")': decorator(two),
        'f(user="a")': decorator(named),
    }
    names = {call: {"f": function} for call, function in functions.items()}
    names["o.m(1)"] = {"o": owner}
    return names


def hits(rounds, number):
    """Nanoseconds of a hit, by decorator and call."""
    timers = {
        (name, call): timeit.Timer(call, globals=names)
        for name, decorator in DECORATORS.items()
        for call, names in subject(decorator).items()
    }
    taken = {key: [] for key in timers}
    for _ in range(rounds):
        for key, timer in timers.items():
            taken[key].append(timer.timeit(number) / number * 1e9)
    return {key: statistics.median(times) for key, times in taken.items()}


def misses(rounds, number):
    """Nanoseconds of a call with a new argument, which evicts an entry."""
    functions = {name: decorator(lambda a: a) for name, decorator in DECORATORS.items()}
    taken = {name: [] for name in functions}
    argument = itertools.count(1000)
    for _ in range(rounds):
        for name, function in functions.items():
            arguments = list(itertools.islice(argument, number))
            begin = time.perf_counter()
            for one in arguments:
                function(one)
            taken[name].append((time.perf_counter() - begin) / number * 1e9)
    return {name: statistics.median(times) for name, times in taken.items()}


async def plain(a):
    return a


COROUTINES = {
    "not cached": plain,
    "cached": scopecache.cached(plain),
    "cached with a ttl": scopecache.cached(ttl=60)(plain),
    "async-lru": async_lru.alru_cache(maxsize=128)(plain),
    "aiocache": aiocache.cached(ttl=60)(plain),
}


def awaits(rounds, number):
    """Nanoseconds of `await f(1)`, all but the plain one of a value that is there."""
    async def run(function):
        begin = time.perf_counter()
        for _ in range(number):
            await function(1)
        return (time.perf_counter() - begin) / number * 1e9

    async def main():
        taken = {name: [] for name in COROUTINES}
        for function in COROUTINES.values():
            await function(1)
        for _ in range(rounds):
            for name, function in COROUTINES.items():
                taken[name].append(await run(function))
        return {name: statistics.median(times) for name, times in taken.items()}

    return asyncio.run(main())


def in_a_process(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


MEMORY = """
import functools, sys, gc
import cachebox, cachetools, scopecache
name, count = sys.argv[1], int(sys.argv[2])
decorator = {"functools": functools.lru_cache(count), "cached": scopecache.cached(maxsize=count),
    "cached with max_bytes": scopecache.cached(max_bytes="1GB"),
    "scopecache.lru_cache": scopecache.lru_cache(count),
    "cachetools LRU": cachetools.cached(cachetools.LRUCache(count)),
    "cachebox LRU": cachebox.cached(cachebox.LRUCache(count), copy_level=0)}[name]
keys, value = list(range(1000, 1000 + count)), object()
caches = [decorator(lambda key: value) for _ in range(max(1, 50000 // count))]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
gc.collect()
before = resident()
for cache in caches:
    for key in keys:
        cache(key)
print((resident() - before) / count / len(caches))
"""

IMPORT = """
import datetime, functools, json, operator, sys, threading, time, weakref
before = set(sys.modules)
begin = time.perf_counter()
import scopecache
print((time.perf_counter() - begin) * 1e3, *sorted(set(sys.modules) - before))
"""

SEVEN_HUNDRED = """
import scopecache
def mapped():
    return int(open("/proc/self/statm").read().split()[0]) * 4096
before = mapped()
caches = [scopecache.cached(lambda key: key) for _ in range(700)]
made = mapped()
for cache in caches:
    for key in range(128):
        cache(key)
print(made - before, mapped() - before)
"""


def zipf_with_scans(random_, requests):
    weights = list(itertools.accumulate(1 / rank ** 0.9 for rank in range(1, 20001)))
    keys = random_.choices(range(20000), cum_weights=weights, k=requests)
    return [20000 + i // 4 % 5000 if i % 4 == 0 else key for i, key in enumerate(keys)]


def zipf_that_shifts(random_, requests):
    weights = list(itertools.accumulate(1 / rank for rank in range(1, 10001)))
    keys = random_.choices(range(10000), cum_weights=weights, k=requests)
    return [(key + i // (requests // 10) * 777) % 30000 for i, key in enumerate(keys)]


def traces(requests):
    """Streams that reward frequency, recency, or neither; the same in every run."""
    random_ = random.Random(12)
    return {"Zipf with scans": zipf_with_scans(random_, requests),
            "Zipf that shifts": zipf_that_shifts(random_, requests),
            "a loop": [i % 3000 for i in range(requests)]}


def hit_ratio(keys, entries):
    function = scopecache.cached(maxsize=entries)(lambda key: key)
    for key in keys:
        function(key)
    info = function.cache_info()
    return 100 * info.hits / (info.hits + info.misses)


def replayed_ratio(path, entries):
    done = subprocess.run(
        [REPLAY, "replay", "-f", "u32", "-n", str(entries), "-p", "adaptive", "--json", path],
        check=True,
        capture_output=True,
        text=True,
    )
    return 100 * json.loads(done.stdout)["results"][0]["hit_ratio"]


def hit_ratios(named_traces, sizes):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "trace.u32")
        for name, keys in named_traces.items():
            path.write_bytes(struct.pack(f"<{len(keys)}I", *keys))
            rows += [
                (name, size, hit_ratio(keys, size), replayed_ratio(path, size)) for size in sizes
            ]
    return rows


class Report:
    """The report: lines of text, or the same figures as JSON. `failed` counts exceeded bars."""

    def __init__(self):
        self.figures, self.failed = [], 0

    def line(self, what, value, bar=None, unit=""):
        kept = bar is None or value <= bar
        self.failed += not kept
        self.figures.append({"what": what, "value": value, "bar": bar, "unit": unit, "kept": kept})

    def print(self, as_json):
        if as_json:
            print(json.dumps({"date": str(datetime.date.today()), "python": sys.version.split()[0],
                              "figures": self.figures}, indent=1))
            return
        for row in self.figures:
            bar = (
                ""
                if row["bar"] is None
                else f"  bar {row['bar']:g}" + ("" if row["kept"] else "  NOT KEPT")
            )
            print(f"{row['what']:<52} {row['value']:>10.2f} {row['unit']:<3}{bar}")


def report_times(report, quick):
    taken = hits(5 if quick else 31, 20000 if quick else 50000)
    for (name, call), nanoseconds in taken.items():
        base = taken["functools", call]
        bar = {"cached": CALLS, "cached with a ttl": CALLS_WITH_TTL}.get(name, {}).get(call)
        report.line(
            f"hit {call}, {name}",
            nanoseconds if name == "functools" else nanoseconds / base,
            bar,
            "ns" if name == "functools" else "",
        )
    taken = awaits(5 if quick else 31, 5000)
    for name, nanoseconds in taken.items():
        is_base = name == "not cached"
        report.line(
            f"await f(1), {name}",
            nanoseconds if is_base else nanoseconds / taken["not cached"],
            AWAIT if name == "cached" else None,
            "ns" if is_base else "",
        )
    taken = misses(5 if quick else 31, 10000)
    for name, nanoseconds in taken.items():
        report.line(
            f"miss and evict, {name}",
            nanoseconds if name == "functools" else nanoseconds / taken["functools"],
            MISS if name == "cached" else None,
            "ns" if name == "functools" else "",
        )


def report_memory(report):
    for name in (
        "functools",
        "cached",
        "cached with max_bytes",
        "scopecache.lru_cache",
        "cachetools LRU",
        "cachebox LRU",
    ):
        for count in (128, 100000):
            if count == 128 and name in ("cached with max_bytes", "cachetools LRU", "cachebox LRU"):
                continue
            bar = ENTRY_BYTES if name.startswith(("cached", "scopecache")) else None
            report.line(
                f"bytes an entry of {count}, {name}",
                float(in_a_process(MEMORY, name, str(count))),
                bar,
                "B",
            )
    made, used = (int(word) for word in in_a_process(SEVEN_HUNDRED).split())
    report.line("address space of 700 default caches, not called", made / 1e6, 4, "MB")
    report.line(
        "address space of the same, full", used / 1e6, 700 * 128 * ENTRY_BYTES * 1.5 / 1e6, "MB"
    )


def report_import(report, quick):
    runs = [in_a_process(IMPORT).split() for _ in range(7 if quick else 31)]
    report.line(
        "import scopecache", statistics.median(float(run[0]) for run in runs), IMPORT_MS, "ms"
    )
    print("modules that the import adds:", *runs[0][1:], file=sys.stderr)


def report_hit_ratios(report, arguments):
    named = traces(100000 if arguments.quick else 1000000)
    for path in arguments.trace:
        data = pathlib.Path(path).read_bytes()
        named[pathlib.Path(path).name] = list(struct.unpack(f"<{len(data) // 4}I", data))
    for name, size, ours, replayed in hit_ratios(named, arguments.entries):
        report.line(f"hit ratio, {name}, {size} entries", ours, unit="%")
        report.line(
            "    points below scopecache replay",
            replayed - ours,
            None if arguments.quick else POINTS,
        )


def main():
    parser = argparse.ArgumentParser(prog="./dev bench python", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument(
        "--trace", action="append", default=[], help="a file of little-endian 32-bit keys"
    )
    parser.add_argument("--entries", type=lambda text: [int(word) for word in text.split(",")],
                        default=[64, 128, 1000, 5000], help="sizes for the hit ratios")
    arguments = parser.parse_args()
    report = Report()
    report_times(report, arguments.quick)
    report_memory(report)
    report_import(report, arguments.quick)
    report_hit_ratios(report, arguments)
    report.print(arguments.json)
    print(f"{report.failed} bars not kept", file=sys.stderr)
    return report.failed > 0 and not arguments.quick


if __name__ == "__main__":
    sys.exit(main())
