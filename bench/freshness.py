"""What a caller gets from a function that keeps a value of a slow source: how long it waits, how
old the value is, how often the source is asked, and how many environments are started for it.

The function (freshness_function.c) runs on the local Lambda, once for each strategy: nothing kept,
a time to live alone, stale-while-revalidate before the answer, and the same after the answer. Calls
arrive at given times, whether earlier ones have been answered or not; a latency counts from the
arrival. There are as many environments as it takes, or one, in front of which calls queue.

Two more scenarios count: calls that find the environment idle, and an hour in which the source is
down, by a clock that the calls move.

--docs renews docs/semantics.md from five runs, and the files docs/benchmarks/freshness*."""

import argparse
import asyncio
import csv
import dataclasses
import io
import json
import pathlib
import statistics
import sys

import local_lambda
import tables

TOP = pathlib.Path(__file__).resolve().parent.parent
STRATEGIES = {"nothing": "nothing kept", "ttl": "time to live", "foreground": "before the answer",
              "after": "after the answer"}
FIELDS = ("calls", "errors", "p50_ms", "p99_ms", "age_p50_ms", "age_p99_ms", "loads", "cold_starts")


@dataclasses.dataclass
class Plan:
    runs: int
    seconds: float
    delay_ms: int  # of the source
    ttl_ms: int
    idle_calls: int
    outage_step_s: int  # how far each call moves the clock

    @property
    def variables(self):
        return {"FRESHNESS_TTL_MS": self.ttl_ms, "FRESHNESS_REFRESH_AFTER_MS": self.ttl_ms // 2}


FULL = Plan(runs=3, seconds=20, delay_ms=200, ttl_ms=2000, idle_calls=100, outage_step_s=1)
QUICK = Plan(runs=1, seconds=1.5, delay_ms=50, ttl_ms=300, idle_calls=20, outage_step_s=10)

# How many environments there may be; None: as many as it takes.
LIMITS = {"one environment": 1, "as many as needed": None}


def arrivals(pattern, seconds):
    """The times of the calls, in seconds."""
    if pattern == "bursts":
        return [burst * 2.5 + call * 0.01
                for burst in range(max(1, int(seconds / 2.5))) for call in range(10)]
    step = {"4 a second": 0.25, "50 a second": 0.02}[pattern]
    return [number * step for number in range(int(seconds / step))]


PATTERNS = ("4 a second", "50 a second", "bursts")


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


class Bench:
    def __init__(self, plan, build_dir):
        self.plan = plan
        self.command, self.program = build_dir / "scopecache", build_dir / "freshness_function"

    def overloads(self, strategy, pattern, limit):
        """Whether one environment cannot keep up, so that the queue grows until the calls end."""
        calls = arrivals(pattern, self.plan.seconds)
        return (strategy == "nothing" and LIMITS[limit] == 1 and
                len(calls) * self.plan.delay_ms / 1000 > calls[-1] + 2.5)

    def function(self, strategy, upstream, environments, **variables):
        return local_lambda.Lambda(
            self.command, self.program, environments, FRESHNESS_STRATEGY=strategy,
            FRESHNESS_UPSTREAM=upstream.port, **{**self.plan.variables, **variables})

    async def arriving(self, strategy, pattern, limit):
        """Calls that arrive at their times, after one that starts the first environment. Returns
        None for an overload."""
        found = []
        if self.overloads(strategy, pattern, limit):
            return None
        async with local_lambda.Upstream(self.plan.delay_ms / 1000) as upstream, \
                self.function(strategy, upstream, LIMITS[limit]) as function:
            await function.invoke()
            await function.settle()
            queue = asyncio.Semaphore(LIMITS[limit] or 1_000_000)
            began = local_lambda.now_ms()

            async def call(at_s):
                due = began + at_s * 1000
                await asyncio.sleep(max(0, due - local_lambda.now_ms()) / 1000)
                async with queue:
                    told = await function.invoke()
                ended = local_lambda.now_ms()
                found.append((ended - due, ended - told["made_ms"] if told else None))

            await asyncio.gather(*map(call, arrivals(pattern, self.plan.seconds)))
            await function.settle()
            _, figures = await function.look()
            latencies = [latency for latency, _ in found]
            ages = [age for _, age in found if age is not None]
            values = (len(found), len(found) - len(ages), percentile(latencies, 50),
                      percentile(latencies, 99), percentile(ages, 50), percentile(ages, 99),
                      upstream.asked - 1, figures["cold_starts"] - 1)
            return {"strategy": strategy, "arrivals": pattern, "environments": limit,
                    **dict(zip(FIELDS, values, strict=True))}

    async def idle(self, strategy):
        """Calls that find the environment idle, a quarter of a time to live apart: how many of
        them waited for the source. One has to: the first."""
        async with local_lambda.Upstream(self.plan.delay_ms / 1000) as upstream, \
                self.function(strategy, upstream, 1) as function:
            waited = 0
            for _ in range(self.plan.idle_calls):
                await function.settle()
                told = await function.invoke()
                waited += told["waited_for"] > 0
                await asyncio.sleep(self.plan.ttl_ms / 4000)
            await function.settle()
            return {"strategy": strategy, "calls": self.plan.idle_calls, "waited": waited,
                    "loads": upstream.asked}

    async def outage(self, strategy):
        """A quarter of an hour, an hour in which the source is down, and a quarter of an hour, by
        the function's clock, which each call moves. Yields a row for each minute."""
        step_s, rows = self.plan.outage_step_s, []
        async with local_lambda.Upstream(0) as upstream, \
                self.function(strategy, upstream, 1, FRESHNESS_TTL_MS=60_000,
                              FRESHNESS_REFRESH_AFTER_MS=30_000) as function:
            made = None  # the value that was served last, and since when, by the function's clock
            for minute in range(90):
                upstream.is_down = 15 <= minute < 75
                asked, errors, ages = upstream.asked, 0, []
                for second in range(0, 60, step_s):
                    at_s = minute * 60 + second
                    told = await function.invoke({"advance_ms": step_s * 1000})
                    await function.settle()
                    if not told:
                        errors += 1
                        continue
                    if not made or told["made_ms"] != made[0]:
                        made = told["made_ms"], at_s
                    ages.append(at_s - made[1])
                rows.append({"strategy": strategy, "minute": minute, "down": int(upstream.is_down),
                             "calls": 60 // step_s, "errors": errors,
                             "age_most_s": max(ages, default=""), "loads": upstream.asked - asked})
        return rows

    async def together(self, scenario, *arguments):
        """The same of all strategies at once: with one environment for each, almost all of it is
        waiting."""
        found = await asyncio.gather(*(scenario(strategy, *arguments) for strategy in STRATEGIES))
        return [one for one in found if one is not None]

    async def arriving_everywhere(self, pattern, limit):
        """Environments that start take the processor from each other, so then the strategies come
        one after the other."""
        if LIMITS[limit]:
            return await self.together(self.arriving, pattern, limit)
        return [await self.arriving(strategy, pattern, limit) for strategy in STRATEGIES]

    async def all(self, tell):
        runs = []
        for run in range(self.plan.runs):
            for pattern in PATTERNS:
                for limit in LIMITS:
                    tell(f"run {run + 1} of {self.plan.runs}: {pattern}, {limit}")
                    runs += [{"run": run + 1, **row}
                             for row in await self.arriving_everywhere(pattern, limit)]
        tell("calls that find the environment idle")
        idle = await self.together(self.idle)
        tell("an hour in which the source is down")
        outage = sum(await self.together(self.outage), [])
        return {"runs": runs, "idle": idle, "outage": outage}


def medians(runs):
    """The median of each figure over the runs, for each case, in the order of the runs."""
    cases = {}
    for row in runs:
        cases.setdefault((row["arrivals"], row["environments"], row["strategy"]), []).append(row)
    return {case: {field: statistics.median(row[field] for row in rows) for field in FIELDS}
            for case, rows in cases.items()}


def ms(value):
    return f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def arrivals_table(runs):
    rows = [["calls; environments", "p50, ms", "p99, ms", "age p50, ms", "age p99, ms", "loads",
             "cold starts", "errors"]]
    for (pattern, limit, strategy), found in medians(runs).items():
        rows.append([f"{pattern}; {limit}: {STRATEGIES[strategy]}",
                     *(ms(found[field]) for field in FIELDS[2:6]),
                     f"{found['loads']:.0f}", f"{found['cold_starts']:.0f}",
                     f"{found['errors']:.0f}"])
    return rows


def idle_table(idle):
    return [["strategy", "calls that found the environment idle", "of them waited for the source",
             "loads"],
            *([STRATEGIES[row["strategy"]], str(row["calls"]), str(row["waited"]),
               str(row["loads"])] for row in idle)]


def outage_table(outage):
    rows = [["strategy", "calls while it is down", "errors", "oldest value served, minutes",
             "requests to the source while it is down"]]
    for strategy, name in STRATEGIES.items():
        down = [row for row in outage if row["strategy"] == strategy and row["down"]]
        oldest = max((row["age_most_s"] for row in down if row["age_most_s"] != ""), default=None)
        rows.append([name, f"{sum(row['calls'] for row in down):,}",
                     f"{sum(row['errors'] for row in down):,}",
                     "none" if oldest is None else f"{oldest / 60:.1f}",
                     f"{sum(row['loads'] for row in down):,}"])
    return rows


def as_csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: round(value, 2) if isinstance(value, float) else value
                         for name, value in row.items()})
    return out.getvalue()


def renew_docs(found):
    # pylint: disable=import-outside-toplevel
    import freshness_plots
    folder = TOP / "docs/benchmarks"
    for name, rows in (("freshness", found["runs"]), ("freshness_idle", found["idle"]),
                       ("freshness_outage", found["outage"])):
        (folder / f"{name}.csv").write_text(as_csv(rows), "ascii")
    for name, text in freshness_plots.plots(medians(found["runs"]), found["outage"],
                                            STRATEGIES).items():
        (folder / f"freshness_{name}.svg").write_text(text, "utf-8")
    page = TOP / "docs/semantics.md"
    figures = {"arrivals": arrivals_table(found["runs"]), "idle": idle_table(found["idle"]),
               "outage": outage_table(found["outage"])}
    page.write_text(tables.renew(page.read_text("utf-8"), {
        name: tables.as_markdown(rows) for name, rows in figures.items()}), "utf-8")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench freshness",
                                     description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="short runs with short times, whose figures mean little")
    parser.add_argument("--runs", type=int, metavar="N",
                        help="run each case N times (default 3, with --quick 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--docs", action="store_true",
                        help="renew the figures of docs/semantics.md, from five runs")
    parser.add_argument("--build-dir", type=pathlib.Path, default=TOP / "build/bench",
                        help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    plan = QUICK if chosen.quick else FULL
    runs = chosen.runs if chosen.runs is not None else 5 if chosen.docs else plan.runs
    if not 1 <= runs <= 1_000:
        parser.error("--runs is a number from 1 to 1,000")
    if chosen.docs and chosen.quick:
        parser.error("--docs takes full runs, without --quick")
    bench = Bench(dataclasses.replace(plan, runs=runs), chosen.build_dir.resolve())
    try:
        found = asyncio.run(bench.all(lambda text: print(text, file=sys.stderr, flush=True)))
    except (local_lambda.Failed, OSError) as failure:
        sys.exit(f"bench: {failure}")
    if chosen.json:
        print(json.dumps(found))
    else:
        for rows in (arrivals_table(found["runs"]), idle_table(found["idle"]),
                     outage_table(found["outage"])):
            print(tables.as_text(rows) + "\n")
    if chosen.docs:
        renew_docs(found)


if __name__ == "__main__":
    main()
