"""The measurements, in rounds.

In a round all subjects do the same operations, one after the other, so that other load of the
machine affects all alike. The figure of a subject is the median of its rounds, after warm-up
rounds.

A fast subject repeats the operations in a round, because the time to wake threads would disturb a
measurement of a few milliseconds. The warm-up determines how often. An insert needs a new cache
each time, which is opened while the clock is stopped."""

import contextlib
import dataclasses
import math
import statistics

from driver_process import Driver, Failed

MEBIBYTE = 1 << 20
# The shortest round, and the most passes in a round.
LEAST_NS = 50_000_000
MOST_PASSES = 100
# Passes of the mix before the warm-up: after them few entries of the filling remain.
SETTLING_PASSES = 4


@dataclasses.dataclass
class Plan:
    rounds: int
    warm_up: int
    operations: int
    keys: dict  # by bench, the numbers of keys
    threads: tuple = (1, 2)


FULL = Plan(rounds=7, warm_up=2, operations=1_000_000, keys={
    "hit": (1000, 100_000, 1_000_000), "mix": (100_000, 1_000_000), "insert": (100_000, 1_000_000),
    "memory": (100_000, 1_000_000), "open": (0,)})
QUICK = Plan(
    rounds=3,
    warm_up=3,
    operations=200_000,
    keys={
        "hit": (1000, 100_000),
        "mix": (100_000,),
        "insert": (100_000,),
        "memory": (100_000,),
        "open": (0,),
    },
)


def capacity(bench, subject, keys, threads):
    """The capacity to open a cache with. Some caches divide their capacity among shards and do not
    fill it. A table that cannot evict needs only its entries; when threads write, each has its own
    table."""
    if not subject.evicts:
        return -(-keys // threads) if bench == "insert" else keys
    if bench == "mix":
        return keys // 10
    return keys if bench == "memory" else keys * 5 // 4 + 64


def enough_passes(rounds):
    """The number of passes for a round of LEAST_NS, from the fastest round of one pass."""
    fastest = min(one["total_ns"] for one in rounds)
    return min(math.ceil(LEAST_NS / max(fastest, 1)), MOST_PASSES)


def timed(driver, threads, count, passes):
    """Time and hits, and the costs of the processes: processor time and page faults."""
    cpu_before, faults_before = driver.cpu_ns(), driver.faults()
    ns, hits = driver.ask("run", threads, count, passes)
    return ns, hits, driver.cpu_ns() - cpu_before, driver.faults() - faults_before


class Measurer:
    """It calls `tell(result)` with each result, `skip(subject, what, reason)` for each omitted
    measurement, and `step(text)` before each piece of work."""

    def __init__(self, plan, subjects, orders, log, tell, skip, step):
        self.plan, self.subjects, self.orders, self.log = plan, list(subjects), orders, log
        self.tell, self.skip, self.step = tell, skip, step

    def _able(self, *what):
        """The subjects that can do this; the others are reported as skipped."""
        able = []
        for subject in self.subjects:
            reasons = [(word, subject.cannot[word]) for word in what if word in subject.cannot]
            if reasons:
                self.skip(subject.name, *reasons[0])
            else:
                able.append(subject)
        return able

    def _attempt(self, subject, measure, *arguments):
        """The result of `measure`, or None after a failure, which excludes the subject."""
        try:
            return measure(*arguments)
        except Failed as failure:
            self.subjects.remove(subject)
            self.skip(subject.name, "all that follows", str(failure))
            return None

    def _rounds(self, what, subjects, measure, count):
        """The results of `measure(subject)` in each round, by subject."""
        rounds = {subject: [] for subject in subjects}
        for number in range(1, count + 1):
            for subject in list(rounds):
                self.step(f"{what}, round {number} of {count}: {subject.name}")
                one = self._attempt(subject, measure, subject)
                if one is None:
                    del rounds[subject]
                else:
                    rounds[subject].append(one)
        return rounds

    def _filled(self, subject, bench, keys, stack):
        self.step(f"{bench} of {keys:,} keys: filling {subject.name}")
        driver = stack.enter_context(Driver(subject, self.log))
        driver.ask("keys", self.orders.keys(keys))
        driver.ask("orders", self.orders.orders(bench, keys, self.plan.operations))
        if bench != "insert":
            driver.ask("open", capacity(bench, subject, keys, 1), 0, max(self.plan.threads))
            driver.ask("fill")
        if bench == "mix":
            driver.ask("run", 1, self._count(bench, keys, 1, subject), SETTLING_PASSES)
        return driver

    def _count(self, bench, keys, threads, subject):
        """The number of operations in a pass."""
        count = keys if bench == "insert" else self.plan.operations
        # Fewer operations would change an insert or a mix: a table that is filled in part is
        # another table, and a part of a mix puts fewer keys and hits less often. A server's time
        # does not depend on that.
        if bench != "hit" and not subject.server:
            return count
        return max(count // subject.slowness, threads)

    def _round(self, bench, keys, threads, subject, driver, passes):
        count = self._count(bench, keys, threads, subject)
        if bench == "insert":
            runs = []
            for _ in range(passes):
                driver.ask("open", capacity(bench, subject, keys, threads), 0, threads)
                runs.append(timed(driver, threads, count, 1))
        else:
            runs = [timed(driver, threads, count, passes)]
        ns, hits, cpu_ns, faults = map(sum, zip(*runs))
        gets = passes * {"hit": count, "mix": count - count // 10, "insert": 0}[bench]
        operations = passes * count
        return {"total_ns": ns, "ns": ns * threads / operations, "cpu_ns": cpu_ns / operations,
                "faults": faults / operations, "hit_ratio": hits / gets if gets else None,
                "operations": operations}

    def _report(self, bench, keys, threads, about, warm, rounds):
        medians = {subject: statistics.median(one["ns"] for one in all_of_it)
                   for subject, all_of_it in rounds.items()}
        limit = next((medians[subject] for subject in medians if not subject.evicts), None)
        for subject, ns in medians.items():
            all_of_it = rounds[subject]
            result = {
                "bench": bench, "subject": subject.name, "about": about[subject], "keys": keys,
                "threads": threads, "ns_per_op": round(ns, 1),
                "ratio_to_limit": round(ns / limit, 2) if limit else None,
                "ns_least": round(min(one["ns"] for one in all_of_it), 1),
                "ns_most": round(max(one["ns"] for one in all_of_it), 1),
                "cpu_ns_per_op": round(statistics.median(one["cpu_ns"] for one in all_of_it), 1),
                "faults_per_op": round(statistics.median(one["faults"] for one in all_of_it), 4),
                "rounds": len(all_of_it), "operations": all_of_it[0]["operations"],
            }
            # The hit ratio of some policies rises for a long time, so all do the same number of
            # operations in the warm-up.
            if warm[subject][-1]["hit_ratio"] is not None:
                result["hit_ratio"] = round(warm[subject][-1]["hit_ratio"], 4)
            self.tell(result)

    def speed(self, bench, keys):
        with contextlib.ExitStack() as stack:
            drivers = {subject: self._attempt(subject, self._filled, subject, bench, keys, stack)
                       for subject in self._able(bench, f"{keys} keys")}
            about = {subject: driver.about for subject, driver in drivers.items() if driver}
            for threads in self.plan.threads:
                able = [subject for subject in self._able(f"{threads} threads") if subject in about]
                what = f"{bench} of {keys:,} keys, {threads} thread{'s' * (threads > 1)}"
                passes = dict.fromkeys(able, 1)

                def measure(subject, threads=threads, passes=passes):
                    return self._round(
                        bench, keys, threads, subject, drivers[subject], passes[subject]
                    )

                warm = self._rounds(f"{what}, warming up", able, measure, self.plan.warm_up)
                passes.update(
                    {subject: enough_passes(all_of_it) for subject, all_of_it in warm.items()}
                )
                self._report(bench, keys, threads, about, warm,
                             self._rounds(what, list(warm), measure, self.plan.rounds))

    def _memory_once(self, subject, keys):
        with Driver(subject, self.log, for_memory=True) as driver:
            driver.ask("keys", self.orders.keys(keys))
            driver.ask("settle")
            before = driver.resident_bytes()
            driver.ask("open", keys, 0, 1)
            found = driver.ask("fill")[0]
            driver.ask("settle")
            if found == 0:
                raise Failed("it holds nothing of what was put")
            return {"bytes_per_entry": (driver.resident_bytes() - before) / found, "entries": found,
                    "about": driver.about}

    def _open_once(self, subject):
        with Driver(subject, self.log, for_memory=True, size=64 * MEBIBYTE) as driver:
            driver.ask("settle")
            before = 0 if driver.server else driver.resident_bytes()
            ns = driver.ask("open", 0, 64 * MEBIBYTE, 1)[0]
            resident = driver.resident_bytes() - before
            return {"open_us": (driver.server.started_ns if driver.server else ns) / 1000,
                    "resident_kib": resident / 1024, "about": driver.about}

    def _processes(self, bench, keys, measure):
        """Rounds that each begin a new process, because the measured event happens once in a
        process."""
        able = self._able(bench, f"{keys} keys")
        for subject, all_of_it in self._rounds(bench, able, measure, self.plan.rounds).items():
            medians = {name: round(statistics.median(one[name] for one in all_of_it), 1)
                       for name in all_of_it[0] if name != "about"}
            self.tell({"bench": bench, "subject": subject.name, "about": all_of_it[0]["about"],
                       "keys": keys, "threads": 1, "rounds": len(all_of_it), **medians})

    def all(self):
        """Measure everything; yields each bench and number of keys after its results."""
        for bench, sizes in self.plan.keys.items():
            for keys in sizes:
                if bench == "open":
                    self._processes(bench, keys, self._open_once)
                elif bench == "memory":
                    self._processes(
                        bench, keys, lambda subject, keys=keys: self._memory_once(subject, keys)
                    )
                else:
                    self.speed(bench, keys)
                yield bench, keys
