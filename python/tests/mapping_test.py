"""Cache, resource, clear_all and stats."""

import copy
import pickle
import sys
import threading
import time
import unittest

import scopecache
from scopecache import Cache, cached, resource


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

    def test_in_and_len_count_nothing_and_use_nothing(self):
        cache = Cache(maxsize=2, policy="lru")
        cache[1], cache[2] = "a", "b"
        for _ in range(5):
            self.assertTrue(1 in cache and len(cache) == 2 and 5 not in cache and list(cache))
        self.assertEqual(cache.info()[:2], (0, 0))
        cache[3] = "c"
        self.assertNotIn(1, cache)

    def test_pop_and_del_end_a_load_that_is_under_way(self):
        cache = Cache()

        def load():
            with self.assertRaises(KeyError):
                cache.pop(1)
            return "loaded"
        self.assertEqual(cache.get_or_load(1, load), "loaded")
        self.assertNotIn(1, cache)

    def test_a_put_during_a_load_wins(self):
        cache = Cache()

        def load():
            cache[1] = "put"
            return "loaded"
        self.assertEqual(cache.get_or_load(1, load), "loaded")
        self.assertEqual(cache[1], "put")

    def test_any_object_may_be_a_value(self):
        cache = Cache()
        for value in (None, False, cache, NotImplemented, Ellipsis):
            cache[1] = value
            self.assertIs(cache[1], value)
            self.assertIs(cache.pop(1), value)

    def test_expired_entries_are_not_there(self):
        cache = Cache(ttl="20ms")
        cache[1] = 1
        threading.Event().wait(0.1)
        self.assertNotIn(1, cache)
        self.assertEqual((len(cache), list(cache), cache.get(1)), (0, [], None))
        self.assertRaises(KeyError, cache.pop, 1)
        with self.assertRaises(KeyError):
            del cache[1]

    def test_unhashable_keys_are_refused(self):
        cache = Cache()
        for use in (lambda: cache[[]], lambda: cache.get([]), lambda: [] in cache,
                    lambda: cache.pop([]), lambda: cache.get_or_load([], list),
                    lambda: cache.__setitem__([], 1)):
            self.assertRaisesRegex(TypeError, "unhashable type: 'list'", use)

    def test_stats_names_every_cache(self):
        @cached
        def counted(x):
            return x
        counted(1)
        names = dict(scopecache.stats())
        self.assertEqual(names[counted.__qualname__][:2], (0, 1))
        self.assertTrue(all(isinstance(info, scopecache.CacheInfo) for info in names.values()))

    def test_a_bound_that_is_none_is_no_bound(self):
        for cache, entries in ((Cache(), 128), (Cache(maxsize=None), 1000), (Cache(None), 1000)):
            for number in range(1000):
                cache[number] = number
            self.assertEqual(len(cache), entries)

    def test_one_of_many_threads_deletes(self):
        class Slow:
            def __hash__(self):
                return 1

            def __eq__(self, other):
                time.sleep(0.0005)
                return isinstance(other, Slow)

        def delete():
            try:
                del cache[Slow()]
            except KeyError:
                return
            deleted.append(1)
        cache, deleted = Cache(), []
        for _ in range(10):
            cache[Slow()] = 1
            threads = [threading.Thread(target=delete) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(len(deleted), 10)

    def test_stored_values_are_copied_too(self):
        cache, value = Cache(copy="deep"), [1]
        cache[1] = value
        value.append(2)
        self.assertEqual(cache[1], [1])

    def test_copies_and_pickles_are_refused(self):
        for one in (Cache(), resource(list)):
            for use in (copy.copy, copy.deepcopy, pickle.dumps):
                self.assertRaisesRegex(TypeError, "is not copied or pickled: make a new", use, one)

    def test_stats_while_threads_make_caches(self):
        stop = []

        def make():
            while not stop:
                [cached(len) for _ in range(200)]
        threads = [threading.Thread(target=make) for _ in range(3)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for _ in range(100):
                scopecache.stats()
                scopecache.clear_all()
        finally:
            stop.append(1)
            for thread in threads:
                thread.join()
            sys.setswitchinterval(interval)

    def test_expired_entries_are_removed_by_insertions(self):
        for options in ({"maxsize": None}, {"maxsize": 5000}, {"maxsize": 5000, "policy": "lru"}):
            cache = Cache(ttl="20ms", **options)
            for number in range(1000):
                cache[number] = number
            threading.Event().wait(0.1)
            for number in range(600):
                cache[number + 1000] = number
            self.assertLess(cache.info().currsize, 650)


if __name__ == "__main__":
    unittest.main()
