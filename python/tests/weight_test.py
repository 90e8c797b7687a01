"""The bytes that max_bytes counts, beside those that Python allocated."""

import gc
import tracemalloc
import unittest

from scopecache import Cache


class WeightTest(unittest.TestCase):
    """What max_bytes counts is within a quarter of what was allocated."""

    def assert_weight(self, make):
        make()
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        value = make()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        cache = Cache(max_bytes="1GB")
        cache[1] = value
        self.assertLess(abs(cache._memo._bytes() - held), held / 4)

    def test_bytes(self):
        self.assert_weight(lambda: bytes(100_000))

    def test_parsed_documents(self):
        self.assert_weight(lambda: [
            {"id": n + 1000, "name": f"name {n}", "tags": [f"a{n}", "b"], "value": n * 1.5}
            for n in range(40)
        ])

    def test_instances(self):
        class Part:
            def __init__(self, n):
                self.number, self.text, self.more = n + 0.5, str(n) * 5, [n, n]
        self.assert_weight(lambda: [Part(n) for n in range(100)])

    def test_more_parts_than_steps(self):
        self.assert_weight(lambda: [[n + 1000] for n in range(50_000)])
        self.assert_weight(lambda: {n + 1000: (n + 0.5,) for n in range(20_000)})

    def test_what_is_shared_is_divided(self):
        shared = bytes(1_000_000)
        holders = [[shared] for _ in range(9)]
        cache = Cache(max_bytes="1GB")
        cache[1] = holders[0]
        self.assertLess(cache._memo._bytes(), 120_000)


if __name__ == "__main__":
    unittest.main()
