"""The measuring: what is asked of whom, round after round.

In a round each subject in turn does the same operations, so that what else the machine does falls on all
of them alike. The figure of a subject is the median of its rounds, after others that warm it up."""

import contextlib
import dataclasses
import statistics

from driver_process import Driver, Failed

MEBIBYTE = 1 << 20


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
QUICK = Plan(rounds=3, warm_up=3, operations=200_000, keys={
    "hit": (1000, 100_000), "mix": (100_000,), "insert": (100_000,), "memory": (100_000,), "open": (0,)})


def room(bench, subject, keys):
    """How many entries a cache is opened for. Some divide their room among shards and do not fill all."""
    if bench == "mix":
        return keys // 10 if subject.evicts else keys
    return keys if bench == "memory" else keys * 5 // 4 + 64


class Measurer:
    """`tell(result)` is called with each result, `skip(subject, what, reason)` with what is not done, and
    `step(text)` before each piece of work."""

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

    def _rounds(self, what, subjects, measure, warm_up=0):
        """By subject, what `measure(subject)` gave in each round that counts."""
        rounds = {subject: [] for subject in subjects}
        for number in range(1 - warm_up, self.plan.rounds + 1):
            for subject in list(rounds):
                self.step(f"{what}, round {max(number, 0)} of {self.plan.rounds}: {subject.name}")
                one = self._attempt(subject, measure, subject)
                if one is None:
                    del rounds[subject]
                elif number > 0:
                    rounds[subject].append(one)
        return rounds

    def _filled(self, subject, bench, keys, stack):
        self.step(f"{bench} of {keys:,} keys: filling {subject.name}")
        driver = stack.enter_context(Driver(subject, self.log))
        driver.ask("keys", self.orders.keys(keys))
        driver.ask("orders", self.orders.orders(bench, keys, self.plan.operations))
        if bench != "insert":
            driver.ask("open", room(bench, subject, keys), 0, max(self.plan.threads))
            driver.ask("fill")
        return driver

    def _round(self, bench, keys, threads, subject, driver):
        count = max(self.plan.operations // subject.slowness, threads)
        if bench == "insert":
            # A table that is filled by a part is another table; only a server's time is not the table's.
            count = max(keys // subject.slowness, threads) if subject.server else keys
            driver.ask("open", room(bench, subject, keys), 0, threads)
            driver.ask("settle")
        cpu_before = driver.cpu_ns()
        ns, hits = driver.ask("run", threads, count)
        gets = {"hit": count, "mix": count - count // 10, "insert": 0}[bench]
        return {"ns": ns * threads / count, "cpu_ns": (driver.cpu_ns() - cpu_before) / count,
                "hit_ratio": hits / gets if gets else None, "operations": count}

    def _report(self, bench, keys, threads, about, rounds):
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
                "rounds": len(all_of_it), "operations": all_of_it[0]["operations"],
            }
            if all_of_it[0]["hit_ratio"] is not None:
                result["hit_ratio"] = round(statistics.median(one["hit_ratio"] for one in all_of_it), 4)
            self.tell(result)

    def speed(self, bench, keys):
        with contextlib.ExitStack() as stack:
            drivers = {subject: self._attempt(subject, self._filled, subject, bench, keys, stack)
                       for subject in self._able(bench, f"{keys} keys")}
            about = {subject: driver.about for subject, driver in drivers.items() if driver}
            for threads in self.plan.threads:
                able = [subject for subject in self._able(f"{threads} threads") if subject in about]
                what = f"{bench} of {keys:,} keys, {threads} thread{'s' * (threads > 1)}"
                rounds = self._rounds(what, able, lambda subject, threads=threads: self._round(
                    bench, keys, threads, subject, drivers[subject]), self.plan.warm_up)
                self._report(bench, keys, threads, about, rounds)

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
        """Rounds of which each begins with a new process, as what is measured happens once in one."""
        able = self._able(bench, f"{keys} keys")
        for subject, all_of_it in self._rounds(bench, able, measure).items():
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
                    self._processes(bench, keys, lambda subject, keys=keys: self._memory_once(subject, keys))
                else:
                    self.speed(bench, keys)
                yield bench, keys
