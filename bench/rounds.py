"""The measuring: what is asked of whom, round after round.

In a round each subject in turn does the same operations, so that what else the machine does falls
on all of them alike. The figure of a subject is the median of its rounds, after others that warm it
up.

Whoever is fast does the operations several times in a round: what takes a few milliseconds is
measured no better than threads are woken up. How often, the warm-up tells. An insert needs a new
cache each time, which is opened while the clock stands still."""

import contextlib
import dataclasses
import math
import statistics

from driver_process import Driver, Failed

MEBIBYTE = 1 << 20
# Of a round. The second bounds the rounds that are no more than opening.
LEAST_NS = 50_000_000
MOST_PASSES = 100
# Of the mix, before the warm-up: what stays after so many is hardly that of the filling any more.
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
    """How many entries a cache is opened for. Some divide their room among shards and do not fill
    all. What cannot evict needs no more than it is given, and when threads write, each has one of
    its own."""
    if not subject.evicts:
        return -(-keys // threads) if bench == "insert" else keys
    if bench == "mix":
        return keys // 10
    return keys if bench == "memory" else keys * 5 // 4 + 64


def enough_passes(rounds):
    """For a round that lasts, by the fastest of those that were a pass each."""
    fastest = min(one["total_ns"] for one in rounds)
    return min(math.ceil(LEAST_NS / max(fastest, 1)), MOST_PASSES)


def timed(driver, threads, count, passes):
    """Time and hits, and what it cost as seen from outside: processor time and page faults."""
    cpu_before, faults_before = driver.cpu_ns(), driver.faults()
    ns, hits = driver.ask("run", threads, count, passes)
    return ns, hits, driver.cpu_ns() - cpu_before, driver.faults() - faults_before


class Measurer:
    """`tell(result)` is called with each result, `skip(subject, what, reason)` with what is not
    done, and `step(text)` before each piece of work."""

    def __init__(self, plan, subjects, orders, log, tell, skip, step):
        self.plan, self.subjects, self.orders, self.log = plan, list(subjects), orders, log
        self.tell, self.skip, self.step = tell, skip, step

    def _able(self, *what):
        """The subjects that can do that; what others cannot is said."""
        able = []
        for subject in self.subjects:
            reasons = [(word, subject.cannot[word]) for word in what if word in subject.cannot]
            if reasons:
                self.skip(subject.name, *reasons[0])
            else:
                able.append(subject)
        return able

    def _attempt(self, subject, measure, *arguments):
        """What is measured, or None: a subject that fails once is not asked again."""
        try:
            return measure(*arguments)
        except Failed as failure:
            self.subjects.remove(subject)
            self.skip(subject.name, "all that follows", str(failure))
            return None

    def _rounds(self, what, subjects, measure, count):
        """By subject, what `measure(subject)` gave in each round."""
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
        """Of operations in a pass."""
        count = keys if bench == "insert" else self.plan.operations
        # A table that is filled by a part is another table, and a part of a mix puts fewer keys and
        # hits less. Only a server's time is not the table's.
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
            # Some policies get better for long. At the end of the warm-up all have done as much.
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
        """Rounds of which each begins with a new process, as what is measured happens once in
        one."""
        able = self._able(bench, f"{keys} keys")
        for subject, all_of_it in self._rounds(bench, able, measure, self.plan.rounds).items():
            medians = {name: round(statistics.median(one[name] for one in all_of_it), 1)
                       for name in all_of_it[0] if name != "about"}
            self.tell({"bench": bench, "subject": subject.name, "about": all_of_it[0]["about"],
                       "keys": keys, "threads": 1, "rounds": len(all_of_it), **medians})

    def all(self):
        """Measure everything; yield bench and number of keys when their results have been told."""
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
