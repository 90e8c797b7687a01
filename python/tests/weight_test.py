"""The bytes that max_bytes counts, compared with those that Python allocated."""

import array
import collections
import functools
import gc
import io
import sys
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

    def test_shared_parts_are_divided(self):
        shared = bytes(1_000_000)
        holders = [[shared] for _ in range(9)]
        cache = Cache(max_bytes="1GB")
        cache[1] = holders[0]
        self.assertLess(cache._memo._bytes(), 120_000)

    def test_dicts_with_keys_of_text(self):
        for number in (500, 5000):
            self.assert_weight(lambda: {f"key number {n}": n + 1000 for n in range(number)})
        self.assert_weight(lambda: {f"key number {n}" * 20: n + 1000 for n in range(500)})
        self.assert_weight(lambda: collections.Counter(f"key number {n}" for n in range(10_000)))

    def test_types_of_extensions(self):
        self.assert_weight(lambda: array.array("d", bytes(800_000)))
        self.assert_weight(lambda: collections.deque(n + 0.5 for n in range(500)))
        self.assert_weight(
            lambda: collections.defaultdict(int, ((n + 1000, n + 0.5) for n in range(1000)))
        )
        if sys.version_info < (3, 12):
            self.assert_weight(lambda: io.BytesIO(bytes(200_000) + b"x"))

    def test_types_made_in_python_of_others(self):
        for base, content in (
            (dict, lambda: ((n + 1000, None) for n in range(1000))),
            (set, lambda: range(1000, 2000)),
            (list, lambda: [None] * 100_000),
            (str, lambda: "x" * 100_000),
            (bytes, lambda: bytes(100_000)),
        ):
            class Derived(base):
                def __sizeof__(self):
                    raise AssertionError
            with self.subTest(base):
                self.assert_weight(lambda: Derived(content()))

    def test_a_function_that_is_the_value_alone(self):
        def close_over(data):
            return lambda: data
        self.assert_weight(lambda: close_over(bytes(100_000)))
        self.assert_weight(lambda: [functools.partial(close_over, bytes(100_000))])

    def test_a_function_of_the_program_is_not_entered(self):
        data = bytes(1_000_000)
        def function():
            return data
        cache = Cache(max_bytes="1GB")
        cache[1] = [function]
        self.assertLess(cache._memo._bytes(), 1000)


if __name__ == "__main__":
    unittest.main()
