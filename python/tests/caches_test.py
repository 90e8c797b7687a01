"""What the caches promise beyond functools."""

import gc
import os
import threading
import unittest
import weakref

import scopecache
from scopecache import Cache, cached, lru_cache, resource


class Instance:
    @cached
    def method(self, x):
        return [x]


class CachedTest(unittest.TestCase):
    def test_equal_arguments_meet_unless_typed(self):
        f = cached(lambda x: [x])
        self.assertIs(f(1), f(1.0))
        g = cached(typed=True)(lambda x: [x])
        self.assertIsNot(g(1), g(1.0))

    def test_unhashable_argument_is_named(self):
        f = cached(lambda x, y=None: x)
        with self.assertRaisesRegex(TypeError, r"unhashable type: 'list' \(argument 1\)"):
            f([])
        with self.assertRaisesRegex(TypeError, r"unhashable type: 'dict' \(argument 'y'\)"):
            f(1, y={})

    def test_method_keeps_no_instance(self):
        instance = Instance()
        self.assertIs(instance.method(1), instance.method(1))
        self.assertIsNot(instance.method(1), Instance().method(1))
        size = Instance.method.cache_info().currsize
        reference = weakref.ref(instance)
        del instance
        gc.collect()
        self.assertIsNone(reference())
        self.assertLess(Instance.method.cache_info().currsize, size)

    def test_invalidate_takes_out_one(self):
        f = cached(lambda x, y=0: [x])
        one, two = f(1, y=2), f(2)
        self.assertTrue(f.cache_invalidate(1, y=2))
        self.assertFalse(f.cache_invalidate(1, y=2))
        self.assertIsNot(f(1, y=2), one)
        self.assertIs(f(2), two)

    def test_invalidation_during_a_call_is_not_undone(self):
        def call(x):
            f.cache_invalidate(x)
            return [x]
        f = cached(call)
        self.assertIsNot(f(1), f(1))

    def test_key_copy_and_ttl_of_the_value(self):
        f = cached(key=lambda x: x % 10, copy="deep", ttl=lambda value: value[0])(lambda x: [x])
        first = f(3)
        first.append("changed")
        self.assertEqual(f(13), [3])
        f(0)
        self.assertEqual(f.cache_info().currsize, 1)

    def test_entry_expires(self):
        f = cached(ttl="20ms")(lambda: [])
        first = f()
        done = threading.Event()
        done.wait(0.1)
        self.assertIsNot(f(), first)

    def test_bound_in_bytes_holds(self):
        f = cached(max_bytes="100kB")(lambda x: bytes(10_000))
        for x in range(100):
            f(x)
        self.assertIn(f.cache_info().currsize, range(5, 11))

    def test_threads_share_one_call(self):
        entered, go, calls = threading.Event(), threading.Event(), []

        def call(x):
            calls.append(x)
            entered.set()
            go.wait()
            return [x]
        f, results = cached(call), []
        threads = [threading.Thread(target=lambda: results.append(f(1))) for _ in range(8)]
        for thread in threads:
            thread.start()
        entered.wait()
        go.set()
        for thread in threads:
            thread.join()
        self.assertEqual(calls, [1])
        self.assertEqual(len({id(result) for result in results}), 1)

    def test_failure_is_not_kept(self):
        f = cached(lambda x: 1 // x)
        for _ in range(2):
            self.assertRaises(ZeroDivisionError, f, 0)
        self.assertEqual(f.cache_info(), (0, 2, 128, 0))

    def test_reentry_runs_through(self):
        depth = []

        def call(x):
            depth.append(x)
            return f(x) if len(depth) < 3 else [x]
        f = cached(call)
        self.assertIs(f(1), f(1))
        self.assertEqual(len(depth), 3)

    def test_threads_that_wait_for_each_other_run_through(self):
        both = threading.Barrier(2)
        local = threading.local()

        def call(x):
            if getattr(local, "inside", False):
                return x
            local.inside = True
            both.wait()
            return f(1 - x)
        f, results = cached(call), []
        threads = [threading.Thread(target=lambda x=x: results.append(f(x))) for x in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(len(results), 2)

    def test_child_does_not_wait_for_threads_of_its_parent(self):
        entered, go = threading.Event(), threading.Event()

        def call(x):
            entered.set()
            if os.getpid() == parent:
                go.wait()
            return x
        parent, f = os.getpid(), cached(call)
        thread = threading.Thread(target=f, args=(1,))
        thread.start()
        entered.wait()
        child = os.fork()
        if child == 0:
            os._exit(f(1))
        go.set()
        thread.join()
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1)

    def test_eq_that_changes_the_cache(self):
        class Odd:
            def __hash__(self):
                return 1

            def __eq__(self, other):
                f.cache_clear()
                return self is other
        f = lru_cache()(lambda x: x)
        for _ in range(20):
            f(Odd())

    def test_eq_that_raises(self):
        class Odd:
            def __hash__(self):
                return 1

            def __eq__(self, other):
                raise KeyError
        f = cached(lambda x: x)
        f(Odd())
        self.assertRaises(KeyError, f, Odd())

    def test_finaliser_uses_the_cache(self):
        class Value:
            def __del__(self):
                f.cache_invalidate(0)
        f = cached(maxsize=2)(lambda x: Value())
        for x in range(50):
            f(x)
        self.assertLessEqual(f.cache_info().currsize, 2)

    def test_cycle_through_a_cache_is_collected(self):
        f = cached(lambda x: x)
        f(f)
        reference = weakref.ref(f)
        del f
        gc.collect()
        self.assertIsNone(reference())

    def test_wrong_options_are_named(self):
        for options in ({"ttl": "5 eons"}, {"max_bytes": "much"}, {"copy": "shallow"},
                        {"policy": "best"}, {"key": 5}, {"ttl": -1}):
            with self.assertRaisesRegex((TypeError, ValueError), next(iter(options))):
                cached(**options)(len)


class MappingTest(unittest.TestCase):
    def test_mapping(self):
        cache = Cache(maxsize=2, policy="lru")
        cache["a", 1] = 1
        cache["b"] = 2
        self.assertEqual(cache["a", 1], 1)
        cache["c"] = 3
        self.assertNotIn("b", cache)
        self.assertEqual((len(cache), sorted(map(str, cache))), (2, ["('a', 1)", "c"]))
        self.assertEqual((cache.get("b"), cache.pop("c"), cache.pop("c", 5)), (None, 3, 5))
        self.assertEqual(cache.get_or_load("d", lambda: 4), 4)
        self.assertEqual(cache.get_or_load("d", self.fail), 4)
        cache["d"] = 6
        self.assertEqual(cache["d"], 6)
        with self.assertRaises(KeyError):
            del cache["x"]

    def test_resource_and_clear_all(self):
        opened = []
        get = resource(lambda: opened.append(1) or opened)
        self.assertIs(get(), get())
        self.assertEqual(opened, [1])
        scopecache.clear_all()
        get()
        self.assertEqual(opened, [1, 1])


if __name__ == "__main__":
    unittest.main()
