"""Python code that raises, clears the cache, collects or ends objects at every point where it may
run, and a failure of every allocation."""

import gc
import itertools
import random
import sys
import threading
import unittest
import weakref

import scopecache
from scopecache import _core
from scopecache import Cache, cached, lru_cache, resource

try:
    import _testcapi
except ImportError:
    _testcapi = None

DEBUG = hasattr(sys, "gettotalrefcount")
NO_MEMORY_FOR_PYTHON = "this interpreter ends itself when code in Python runs out of memory"

DECORATORS = {
    "cached": lambda: cached(maxsize=4),
    "lru_cache": lambda: lru_cache(maxsize=4),
    "max_bytes": lambda: cached(max_bytes=2000, maxsize=5),
    "lru and max_bytes": lambda: cached(max_bytes=2000, policy="lru"),
    "ttl and copy": lambda: cached(maxsize=3, ttl=lambda value: 60, copy="deep"),
    "no coalescing": lambda: cached(maxsize=4, coalesce=False, typed=True),
    "freshness": lambda: cached(maxsize=4, ttl=60, refresh_after=50, stale_if_error=60,
                                negative_ttl=5, absent=LookupError),
    "no bound": lambda: cached(maxsize=None),
}


class Key:
    """A key whose hash and comparison run code."""

    def __init__(self, number, in_hash=None, in_eq=None):
        self.number, self.in_hash, self.in_eq = number, in_hash, in_eq

    def __hash__(self):
        if self.in_hash:
            self.in_hash()
        return self.number % 3

    def __eq__(self, other):
        if self.in_eq:
            self.in_eq()
        return isinstance(other, Key) and self.number == other.number


class Value:
    """A value whose finalizer runs code."""

    def __init__(self, at_end=None):
        self.at_end = at_end

    def __del__(self):
        if self.at_end:
            self.at_end()

    def __deepcopy__(self, memo):
        return Value()


def each(test):
    """Run a test once for each kind of cache."""
    def run(self):
        for name, decorator in DECORATORS.items():
            with self.subTest(name):
                test(self, decorator())
    return run


class CodeAtEveryPoint(unittest.TestCase):
    @each
    def test_clear_while_hashing_and_comparing(self, decorator):
        f = decorator(lambda key: Value())
        for number in range(200):
            f(Key(number % 7, in_hash=f.cache_clear if number % 5 == 0 else None,
                  in_eq=f.cache_clear if number % 3 == 0 else None))
        self.assertLessEqual(f.cache_info().currsize, 7)

    @each
    def test_call_while_hashing_and_comparing(self, decorator):
        f = decorator(lambda key: Value())
        plain = [Key(number) for number in range(9)]
        chosen = random.Random(1)
        for number in range(200):
            calls = iter(range(20))
            def call():
                if next(calls, None) is not None:
                    f(chosen.choice(plain))
            f(Key(number % 9, in_hash=call if number % 2 else None, in_eq=call))

    def test_comparison_that_changes_the_cache_each_time(self):
        f = lru_cache(maxsize=None)(lambda key: key)
        numbers = itertools.count(3, 3)
        def change():
            f.cache_clear()
            f(Key(next(numbers), in_eq=change))
        change()
        with self.assertRaisesRegex(RuntimeError, "changes this cache"):
            f(Key(0))

    @each
    def test_invalidate_and_call_when_a_value_ends(self, decorator):
        f = decorator(lambda key, at_end: Value(at_end))
        def at_end():
            f.cache_invalidate(1, None)
            f(random.randrange(20), None)
        for number in range(300):
            f(number % 11, at_end)
        f.cache_clear()

    @each
    def test_clear_when_a_key_ends(self, decorator):
        f = decorator(lambda key: key.number)
        class Ending(Key):
            def __del__(self):
                f.cache_clear()
                f(Key(1))
        for number in range(100):
            f(Ending(number))

    @each
    def test_clear_and_call_inside_the_function(self, decorator):
        def function(number):
            if number % 3 == 0:
                f.cache_clear()
            if number % 5 == 0:
                f.cache_invalidate(number)
            return [f(number - 1)] if number > 0 else []
        f = decorator(function)
        for number in range(60):
            f(number % 30)

    @each
    def test_exceptions_from_everything(self, decorator):
        class Failure(Exception):
            pass
        left = [0]
        def maybe():
            left[0] -= 1
            if left[0] == 0:
                raise Failure
        def function(key):
            maybe()
            return Value()
        f = decorator(function)
        raised = 0
        for point in range(1, 40):
            for number in range(12):
                left[0] = point
                try:
                    f(Key(number % 6, maybe, maybe))
                except Failure:
                    raised += 1
                left[0] = 0
        self.assertGreater(raised, 10)
        f.cache_clear()
        self.assertEqual(f.cache_info()[3], 0)

    def test_exceptions_from_copy_ttl_and_key(self):
        for option in ("copy", "ttl", "key"):
            fail = [False]
            def odd(value):
                if fail[0]:
                    raise KeyError(option)
                return 60 if option == "ttl" else value
            f = cached(**{option: odd})(lambda value: value)
            f(1)
            fail[0] = True
            with self.assertRaisesRegex(KeyError, option):
                f(2 if option == "ttl" else 1)
            fail[0] = False
            self.assertEqual(f(1), 1)
            self.assertEqual(f(2), 2)

    def test_copy_that_clears(self):
        def copy(value):
            f.cache_clear()
            gc.collect()
            return list(value)
        f = cached(copy=copy)(lambda x: [x])
        for _ in range(50):
            self.assertEqual(f(1), [1])

    def test_instances_that_end_while_their_entries_are_used(self):
        class Owner:
            @cached(maxsize=8)
            def method(self, other):
                return Value(lambda: Owner.method.cache_clear() if random.random() < 0.1 else None)
        for number in range(200):
            owner = Owner()
            owner.method(number % 3)
            owner.method(owner)
            if number % 7 == 0:
                gc.collect()

    def test_method_called_by_its_instance_s_end(self):
        ends = []
        class Owner:
            @cached
            def method(self):
                return 5
            def __del__(self):
                ends.append(self.method())
        for _ in range(20):
            Owner().method()
        gc.collect()
        self.assertEqual(ends, [5] * 20)
        self.assertEqual(Owner.method.cache_info().currsize, 0)


class Collector(unittest.TestCase):
    def setUp(self):
        self.threshold = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *self.threshold)

    @each
    def test_at_every_allocation(self, decorator):
        f = decorator(lambda *arguments, **names: [Value(), arguments])
        class Owner:
            method = decorator(lambda self, x: [self, x])
        gc.set_threshold(1)
        for number in range(60):
            f(number % 9, (number,), name=[].__len__)
            owner = Owner()
            owner.method(number % 4)
            owner.loop = [owner, f]
            f.cache_parameters()
        f.cache_clear()

    @each
    def test_circle_through_a_cache(self, decorator):
        f = decorator(lambda key: [key])
        f(f).append(f)
        f.attribute = f
        reference = weakref.ref(f)
        del f
        gc.collect()
        self.assertIsNone(reference())

    def test_a_long_chain_of_caches_ends(self):
        def chain():
            last, decorate, function = None, cached(maxsize=None), lambda key: None
            for _ in range(20_000):
                outer = decorate(function)
                outer(last)
                last = outer
        # In 3.13 a chain of tuples also needs more than the smaller stack.
        small = sys.version_info < (3, 13)
        before = threading.stack_size(256 << 10 if small else 8 << 20)
        self.addCleanup(threading.stack_size, before)
        thread = threading.Thread(target=chain)
        thread.start()
        thread.join()

    def test_circle_through_cache_and_resource(self):
        cache = Cache()
        cache["me"] = cache
        get = resource(lambda: get)
        get()
        references = weakref.ref(cache), weakref.ref(get)
        del cache, get
        gc.collect()
        self.assertEqual([reference() for reference in references], [None, None])

    def test_circle_that_calls_the_cache_when_it_ends(self):
        class Odd:
            def __init__(self):
                self.f = cached(lambda key: [key, self])
                self.f(1)
            def __del__(self):
                self.f(2)
        for _ in range(20):
            Odd()
        gc.collect()

    def test_references_are_balanced(self):
        key, value = ("key", object()), object()
        def run():
            f = cached(maxsize=2)(lambda *arguments, **names: value)
            for number in range(10):
                f(key, number, name=key)
                f(key, number, name=key)
            f.cache_invalidate(key, 9, name=key)
            cache = Cache(maxsize=2)
            for number in range(10):
                cache[key, number] = value
                cache.get((key, number))
                cache.pop((key, number - 1), None)
                cache.get_or_load((key, number), lambda: value)
                list(cache)
        run()
        gc.collect()
        before = sys.getrefcount(key), sys.getrefcount(value)
        for _ in range(50):
            run()
        gc.collect()
        self.assertEqual((sys.getrefcount(key), sys.getrefcount(value)), before)


    @unittest.skipUnless(DEBUG, "not a debug interpreter")
    def test_all_references_are_balanced(self):
        def run():
            for name, decorator in DECORATORS.items():
                f = decorator()(lambda *arguments, **names: [arguments, names])
                class Owner:
                    method = decorator()(lambda self, x: [x])
                owners = [Owner() for _ in range(5)]
                for number in range(12):
                    f(number % 7, "text", name=(number,))
                    owners[number % 5].method(number)
                    try:
                        f(number, [])
                    except TypeError:
                        pass
                f.cache_invalidate(1, "text", name=(1,))
                f.cache_parameters(), f.cache_info()
            cache = Cache(max_bytes=1000, ttl=lambda value: 60)
            for number in range(12):
                cache[number] = cache.get_or_load(number - 1, lambda: [number])
                number in cache, list(cache), cache.pop(3, None)
            get = resource(object)
            get(), get()
            scopecache.stats()
        def count():
            gc.collect()
            return sys.gettotalrefcount()
        for _ in range(5):
            run()
        before = count()
        for _ in range(100):
            run()
        self.assertLess(abs(count() - before), 50)


@unittest.skipUnless(_testcapi, "_testcapi is not installed")
class OutOfMemory(unittest.TestCase):
    def fail_each_allocation(self, prepare, scenario):
        """Until the scenario passes without a failure; afterwards all of it works."""
        failures = 0
        for allocation in itertools.count():
            state = prepare()
            failed = False
            _testcapi.set_nomemory(allocation, allocation + 1)
            try:
                scenario(state)
            except MemoryError:
                failed = True
                failures += 1
            finally:
                _testcapi.remove_mem_hooks()
            scenario(state)
            if allocation > 150 and not failed:
                break
        self.assertGreater(failures, 0)

    def test_calls(self):
        for name, decorator in DECORATORS.items():
            with self.subTest(name):
                def scenario(f):
                    for number in (1, 2, 3, 4, 5, 6, 1, 2):
                        f(number, "text", name=number)
                    f.cache_invalidate(1, "text", name=1)
                    f.cache_info()
                if DEBUG and "copy" in name:
                    self.skipTest(NO_MEMORY_FOR_PYTHON)
                def prepare():
                    return decorator()(lambda *arguments, **names: arguments)
                self.fail_each_allocation(prepare, scenario)

    @unittest.skipUnless(hasattr(_core, "_fail_allocation"), "not a build for tests")
    def test_allocations_of_the_library(self):
        """A value that cannot be kept is returned, and later ones are kept."""
        failures = 0
        self.addCleanup(_core._fail_allocation, -1)
        for name, decorator in DECORATORS.items():
            failed = True
            for allocation in itertools.count():
                f = decorator()(lambda number: number)
                _core._fail_allocation(allocation)
                for number in range(30):
                    self.assertEqual(f(number % 20), number % 20)
                failed = _core._fail_allocation(-1)
                f(number), f(number)
                self.assertGreater(f.cache_info().hits, 0, name)
                f.cache_clear()
                self.assertEqual(f.cache_info().currsize, 0)
                if not failed:
                    break
                failures += 1
        self.assertGreaterEqual(failures, 2 * 4)

    def test_an_order_that_cannot_grow(self):
        if not hasattr(_core, "_fail_allocation"):
            self.skipTest("not a build for tests")
        self.addCleanup(_core._fail_allocation, -1)
        f = cached(maxsize=1000)(lambda number: number)
        for number in range(64):
            f(number)
        _core._fail_allocation(0)
        self.assertEqual([f(number) for number in range(64, 100)], list(range(64, 100)))
        self.assertTrue(_core._fail_allocation(-1))
        self.assertEqual(f.cache_info().currsize, 99)

    def test_methods(self):
        class Owner:
            @cached(maxsize=3)
            def method(self, x):
                return x
        def scenario(owners):
            for owner in owners:
                if owner.method(1) != 1 or owner.method(2) != 2:
                    raise AssertionError
            Owner.method.cache_clear()
        self.fail_each_allocation(lambda: [Owner() for _ in range(4)], scenario)

    def test_mapping(self):
        def scenario(cache):
            for number in range(6):
                cache[number] = number
                cache.get(number)
                cache.get_or_load(number + 1, list)
            list(cache)
            cache.pop(5, None)
            cache.clear()
        self.fail_each_allocation(lambda: Cache(max_bytes=1000), scenario)

    @unittest.skipIf(DEBUG or sys.version_info >= (3, 12), NO_MEMORY_FOR_PYTHON)
    def test_making_a_cache(self):
        def scenario(state):
            f = cached(maxsize=3, ttl="5m", max_bytes="1MB", copy="deep")(scenario_function)
            f(1)
        def scenario_function(x):
            return [x]
        self.fail_each_allocation(lambda: None, scenario)


if __name__ == "__main__":
    unittest.main()
