"""The figures of scopecache replay against naive models: lru against a list, opt against a search
of the whole future, the bound in bytes against every possible cache."""

import collections
import random
import unittest

from replay_traces import ReplayCase, u32


def loop(keys, rounds):
    return list(range(keys)) * rounds


def zipf(requests, keys, seed):
    weights = [1 / rank for rank in range(1, keys + 1)]
    return random.Random(seed).choices(range(keys), weights, k=requests)


def zipf_with_scans(requests, keys, seed):
    """A few keys are requested all the time; now and then a scan requests many keys once."""
    trace, fresh = [], 1_000_000
    for part in range(10):
        trace += zipf(requests // 20, keys, seed + part)
        trace += range(fresh, fresh + requests // 20)
        fresh += requests // 20
    return trace


def lru(trace, entries, sizes=None):
    """Hits, bytes of hits, evictions."""
    cache, hits, hit_bytes, evictions = collections.OrderedDict(), 0, 0, 0
    for at, key in enumerate(trace):
        if key in cache:
            cache.move_to_end(key)
            hits += 1
            hit_bytes += sizes[at] if sizes else 0
        else:
            cache[key] = True
            if len(cache) > entries:
                cache.popitem(last=False)
                evictions += 1
    return hits, hit_bytes, evictions


def belady(trace, entries):
    """The hits of Belady's optimum, which may also leave the new key uncached."""
    uses = collections.defaultdict(collections.deque)
    for at, key in enumerate(trace):
        uses[key].append(at)
    cache, hits = set(), 0
    for key in trace:
        uses[key].popleft()
        hits += key in cache
        cache.add(key)
        if len(cache) > entries:
            cache.remove(max(cache, key=lambda kept: uses[kept][0] if uses[kept] else float("inf")))
    return hits


def best(trace, sizes, limit, worth):
    """The most hits of any cache, by exhaustive search: its content is a set of (key, size)."""
    states = {frozenset(): 0}
    for key, size in zip(trace, sizes):
        after = {}
        for held, gained in states.items():
            hit = any(kept == key for kept, _ in held)
            gained += worth(size) if hit else 0
            for choice in {held} | ({held | {(key, size)}} if not hit else set()):
                for left in subsets(choice):
                    if sum(kept for _, kept in left) <= limit and after.get(left, -1) < gained:
                        after[left] = gained
        states = after
    return max(states.values())


def subsets(items):
    found = [frozenset()]
    for item in items:
        found += [subset | {item} for subset in found]
    return found


class Entries(ReplayCase):
    TRACES = {
        "loop": loop(100, 30),
        "zipf": zipf(8000, 2000, 1),
        "scans": zipf_with_scans(8000, 1000, 2),
        "random": random.Random(3).choices(range(300), k=4000),
        "one": [5],
        "same": [5] * 100,
    }
    SIZES = (1, 2, 3, 16, 99, 100, 101, 1000, 100_000)

    def figures(self, policies, sizes=()):
        """{(trace, entries, policy): result}"""
        names = [self.file(name, u32(trace)) for name, trace in self.TRACES.items()]
        results = self.results(*names, "--format", "u32", "--policy", policies,
                               "--max-entries", ",".join(map(str, self.SIZES)), *sizes)
        self.assertEqual(len(results), len(names) * len(self.SIZES) * len(policies.split(",")))
        return {(result["trace"].split("/")[-1], result["max_entries"], result["policy"]): result
                for result in results}

    def test_lru_is_exact(self):
        for (name, entries, _), result in self.figures("lru").items():
            hits, _, evictions = lru(self.TRACES[name], entries)
            self.assertEqual(
                (result["hits"], result["evictions"]), (hits, evictions), (name, entries)
            )
            self.assertAlmostEqual(result["hit_ratio"], hits / len(self.TRACES[name]), delta=1e-6)

    def test_opt_is_exact(self):
        for (name, entries, _), result in self.figures("opt").items():
            self.assertEqual(result["hits"], belady(self.TRACES[name], entries), (name, entries))
            self.assertIs(result["bound"], False)

    def test_adaptive_is_a_cache(self):
        figures = self.figures("adaptive,lru,opt")
        for (name, entries, policy), result in figures.items():
            if policy != "adaptive":
                continue
            trace = self.TRACES[name]
            opt, exact = (
                figures[name, entries, "opt"]["hits"],
                figures[name, entries, "lru"]["hits"],
            )
            self.assertLessEqual(result["hits"], opt, (name, entries))
            if entries >= len(set(trace)):
                self.assertEqual(result["hits"], len(trace) - len(set(trace)))
                self.assertEqual(result["evictions"], 0)
            if entries >= 16:
                self.assertGreater(result["hits"], exact - 0.05 * len(trace), (name, entries))
        # The advantages of the adaptive policy: it keeps hits in a loop and during scans.
        self.assertGreater(figures["loop", 99, "adaptive"]["hit_ratio"], 0.5)
        self.assertEqual(figures["loop", 99, "lru"]["hits"], 0)
        self.assertGreater(
            figures["scans", 100, "adaptive"]["hits"], figures["scans", 100, "lru"]["hits"]
        )

    def test_many_entries_never_reach_the_bound_on_bytes(self):
        trace = list(range(60_000)) * 2
        for result in self.results(
            "-",
            "--format",
            "u32",
            "--max-entries",
            "59999,60000",
            "--policy",
            "lru,opt",
            stdin=u32(trace),
        ):
            if result["max_entries"] == 60_000:
                self.assertEqual((result["hits"], result["evictions"]), (60_000, 0))
            elif result["policy"] == "lru":
                self.assertEqual((result["hits"], result["evictions"]), (0, 60_001))

    def test_bytes_of_hits(self):
        trace = self.TRACES["zipf"]
        sizes = [key * 37 % 1000 + 1 for key in trace]
        keys = self.file("keys", u32(trace))
        for result in self.results(
            keys,
            "--format",
            "u32",
            "--policy",
            "lru",
            "--max-entries",
            "16,1000",
            "--sizes",
            self.file("sizes", u32(sizes)),
        ):
            hits, hit_bytes, _ = lru(trace, result["max_entries"], sizes)
            self.assertEqual((result["hits"], result["hit_bytes"]), (hits, hit_bytes))
            self.assertEqual(result["requested_bytes"], sum(sizes))
            self.assertAlmostEqual(result["byte_hit_ratio"], hit_bytes / sum(sizes), delta=1e-6)


class Bytes(ReplayCase):
    def test_values_take_their_size(self):
        """Ten values of 5,000 bytes fit in 64 KiB, and thirteen do not; of 50,000 one, of 70,000
        none."""
        for keys, size, limit, hits, rejected in (
            (10, 5000, "64K", 10, 0),
            (13, 5000, "64K", 0, 0),
            (1, 50_000, "64K", 1, 0),
            (2, 50_000, "64K", 0, 0),
            (1, 70_000, "64K", 0, 2),
            (1, 70_000, "128K", 1, 0),
        ):
            rows = "".join(f"{key},{size}\n" for key in loop(keys, 2)).encode()
            (result,) = self.sized(rows, "--max-bytes", limit, "--policy=lru")
            self.assertEqual((result["hits"], result["rejected"]), (hits, rejected), (keys, size))
            self.assertEqual(result["max_bytes"], int(limit[:-1]) << 10)

    def test_a_size_that_changes_is_stored_at_the_next_miss(self):
        """a, first of 21,000 bytes and then of 1, is a hit and stays large, so that b and c of
        21,000 do not both fit with it."""
        rows = "a,21000\na,1\nb,21000\nc,21000\na,1\n"
        (result,) = self.sized(rows.encode(), "--max-bytes=64000", "--policy=lru")
        self.assertEqual((result["hits"], result["hit_bytes"], result["evictions"]), (1, 1, 1))

    def test_a_value_far_larger_than_the_machine(self):
        rows = "a,4294967295\nb,10\na,4294967295\nb,10\n"
        for result in self.sized(rows.encode(), "--max-bytes=64K", "--policy", "adaptive,lru"):
            self.assertEqual((result["hits"], result["hit_bytes"], result["rejected"]), (1, 10, 2))

    def test_values_of_no_size(self):
        (result,) = self.sized(b"a,0\nb,0\na,0\n", "--max-bytes=64K", "--policy=adaptive")
        self.assertEqual(
            (result["hits"], result["requested_bytes"], result["byte_hit_ratio"]), (1, 0, None)
        )

    def test_the_usual_size_of_an_entry_is_what_the_index_is_for(self):
        """2,000 values of 10 bytes: with enough index slots all are hits, with few slots some are
        not."""
        rows = "".join(f"{key},10\n" for key in loop(2000, 3)).encode()
        options = ("--max-bytes=1M", "--policy=adaptive")
        self.assertEqual(self.sized(rows, *options)[0]["hits"], 4000)
        self.assertEqual(self.sized(rows, *options, "--entry-bytes=64")[0]["hits"], 4000)
        self.assertLess(self.sized(rows, *options, "--entry-bytes=64K")[0]["hits"], 4000)


class Threads(ReplayCase):
    """A cache for several threads is striped: each stripe evicts by itself, which changes the
    figures."""

    def hits(self, keys, *options):
        result, = self.results("-", "--format=u32", "--policy=lru", *options, stdin=u32(keys))
        return result["hits"]

    def test_a_large_cache_is_striped(self):
        """All requests of a loop are hits from its second round on, unless a stripe gets more keys
        than fit."""
        keys = loop(4096, 3)
        self.assertEqual(self.hits(keys, "--max-entries=4096"), 8192)
        self.assertLess(self.hits(keys, "--max-entries=4096", "--concurrency=8"), 8192)

    def test_striping_loses_little(self):
        source = random.Random(3)
        keys = [int(30000 * source.random() ** 3) for _ in range(60000)]
        whole, divided = self.hits(keys, "--max-entries=4096"), self.hits(
            keys, "--max-entries=4096", "--concurrency=8"
        )
        self.assertAlmostEqual(whole / 60000, divided / 60000, delta=0.01)

    def test_a_small_cache_is_not_striped(self):
        self.assertEqual(self.hits(loop(1000, 3), "--max-entries=1000", "--concurrency=8"), 2000)


class Costs(ReplayCase):
    """Different costs: expensive values stay, and the saved cost is counted."""

    def test_cost_of_hits(self):
        trace = zipf(8000, 2000, 1)
        costs = [key * 37 % 1000 for key in trace]
        keys, costs_file = self.file("keys", u32(trace)), self.file("costs", u32(costs))
        sizes = self.file("sizes", u32([100] * len(trace)))
        for bound in "--max-entries=1000", "--max-bytes=200K":
            for result in self.results(
                keys,
                "--format=u32",
                "--policy=lru,opt",
                bound,
                "--costs",
                costs_file,
                "--sizes",
                sizes,
            ):
                self.assertEqual(result["requested_cost"], sum(costs))
                if result["bound"]:
                    self.assertEqual(
                        (result["saved_cost"], result["cost_saved_ratio"]), (None, None)
                    )
                else:
                    self.assertLess(result["saved_cost"], sum(costs))
                    self.assertAlmostEqual(
                        result["cost_saved_ratio"], result["saved_cost"] / sum(costs), delta=1e-6
                    )
        # By hand: of two entries the lru keeps the last; a costs 5 and 6, b 7.
        (result,) = self.results(
            "-",
            "--format=csv",
            "--cost-column=2",
            "--max-entries=2",
            "--policy=lru",
            stdin=b"a,5\nb,7\na,6\nc,1\nb,9\n",
        )
        self.assertEqual(
            (result["hits"], result["saved_cost"], result["requested_cost"]), (1, 6, 28)
        )

    def test_nothing_costs_anything(self):
        (result,) = self.results(
            "-",
            "--format=csv",
            "--cost-column=2",
            "--max-entries=2",
            "--policy=adaptive",
            stdin=b"a,0\na,0\n",
        )
        self.assertEqual(
            (result["requested_cost"], result["saved_cost"], result["cost_saved_ratio"]),
            (0, 0, None),
        )

    def test_expensive_values_stay(self):
        """A tenth of the keys costs 100 times as much."""
        trace = zipf(40_000, 4000, 5)
        costs = [100 if key % 10 == 3 else 1 for key in trace]
        keys, costs = self.file("keys", u32(trace)), self.file("costs", u32(costs))
        sizes = self.file("sizes", u32([50 + key % 500 for key in trace]))
        for bound in "--max-entries=200", "--max-bytes=100K":
            with self.subTest(bound):
                adaptive, exact = self.results(
                    keys, "--format=u32", "--costs", costs, "--sizes", sizes, bound
                )
                self.assertGreater(adaptive["cost_saved_ratio"], exact["cost_saved_ratio"] + 0.1)

    def test_equal_costs_change_nothing(self):
        trace = zipf_with_scans(20_000, 1000, 2)
        keys, costs = self.file("keys", u32(trace)), self.file("costs", u32([7] * len(trace)))
        options = (keys, "--format=u32", "--policy=adaptive", "--max-entries=64,512")
        for without, same in zip(self.results(*options), self.results(*options, "--costs", costs)):
            self.assertAlmostEqual(without["hit_ratio"], same["hit_ratio"], delta=0.01)
            self.assertAlmostEqual(same["cost_saved_ratio"], same["hit_ratio"], delta=1e-6)

    def test_a_table_of_costs(self):
        rows = b"a,5,10\nb,7,10\na,6,10\n"
        done = self.replay(
            "-",
            "--format=csv",
            "--cost-column=2",
            "--size-column=3",
            "--max-bytes=16K",
            "--policy=lru,opt",
            stdin=rows,
        )
        lines = done.stdout.decode().splitlines()
        self.assertIn("cost saved", lines[1])
        self.assertIn("33.33 %", lines[2])
        self.assertEqual(lines[2].split("%")[-2].split()[-1], "33.33")


class ByteBound(ReplayCase):
    """The bound counts only values, so small limits would suffice; but the command's least is 16
    KiB, so these traces have large values."""

    LIMITS = (16 << 10, 24 << 10, 40 << 10)

    def small_traces(self, count, fixed):
        rng = random.Random(7)
        for number in range(count):
            trace = [rng.randrange(4) for _ in range(rng.randrange(2, 12))]
            size = [rng.randrange(25_000) for _ in range(4)]
            sizes = [size[key] if fixed else rng.randrange(25_000) for key in trace]
            yield number, trace, sizes

    def bounds(self, count, fixed):
        traces = list(self.small_traces(count, fixed))
        paths = [
            self.file(
                str(number), "".join(f"{key},{size}\n" for key, size in zip(trace, sizes)).encode()
            )
            for number, trace, sizes in traces
        ]
        results = self.results(
            *paths,
            "--format=csv",
            "--size-column=2",
            "--policy=opt,lru,adaptive",
            "--max-bytes",
            ",".join(map(str, self.LIMITS))
        )
        self.assertEqual(len(results), count * len(self.LIMITS) * 3)
        return traces, results

    def check(self, count, fixed):
        traces, results = self.bounds(count, fixed)
        tight = 0
        for opt, *caches in zip(results[::3], results[1::3], results[2::3]):
            _, trace, sizes = traces[int(opt["trace"].split("/")[-1])]
            self.assertEqual((opt["policy"], opt["bound"], opt["evictions"], opt["rejected"]),
                             ("opt", True, None, None))
            hits = best(trace, sizes, opt["max_bytes"], lambda size: 1)
            self.assertGreaterEqual(opt["hits"], hits, (trace, sizes))
            self.assertGreaterEqual(
                opt["hit_bytes"],
                best(trace, sizes, opt["max_bytes"], lambda size: size),
                (trace, sizes),
            )
            self.assertLessEqual(opt["hits"], len(trace) - len(set(trace)))
            for cache in caches:
                self.assertLessEqual(cache["hits"], hits)
                self.assertLessEqual(cache["hit_bytes"], opt["hit_bytes"])
            tight += opt["hits"] == hits
        self.assertGreater(tight, len(results) / 3 * 0.7, "a bound that says little")

    def test_sizes_that_stay(self):
        self.check(40, fixed=True)

    def test_sizes_that_change(self):
        self.check(20, fixed=False)

    def test_by_hand(self):
        """a is held for one step and b for three, both of 10,000 bytes; there are 4 steps of 16
        KiB."""
        options = ("--policy=opt", "--max-bytes=16K")
        (result,) = self.sized(b"b,10000\na,10000\na,10000\nb,10000\nc,1\n", *options)
        # 10,000 + 30,000 of the area of 65,536: the bound ignores that both are held at the same
        # time.
        self.assertEqual((result["hits"], result["hit_bytes"]), (2, 20_000))
        (result,) = self.sized(b"b,16384\na,16384\nc,16384\na,16384\nb,16384\n", *options)
        # The area is 4: it holds a, which takes 2, and half of b, which takes 4.
        self.assertEqual((result["hits"], result["hit_bytes"]), (1, 16384 + 16384 // 2))


if __name__ == "__main__":
    unittest.main()
