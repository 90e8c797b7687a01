"""Caches that threads share, and caches in forked processes."""

import os
import random
import sys
import threading
import unittest

import scopecache
from hostile_code_test import Key, each
from scopecache import Cache, cached, resource



class Threads(unittest.TestCase):
    def setUp(self):
        self.interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self.addCleanup(sys.setswitchinterval, self.interval)

    def run_threads(self, work, count=6):
        failures = []
        def guarded(seed):
            try:
                work(random.Random(seed))
            except BaseException as error:
                failures.append(error)
                raise
        threads = [threading.Thread(target=guarded, args=(seed,)) for seed in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])

    @each
    def test_everything_at_once(self, decorator):
        f = decorator(lambda key: [key.number])
        def work(chosen):
            for _ in range(400):
                number = chosen.randrange(12)
                what = chosen.random()
                if what < 0.05:
                    f.cache_clear()
                elif what < 0.15:
                    f.cache_invalidate(Key(number))
                elif f(Key(number)) != [number]:
                    raise AssertionError
        self.run_threads(work)

    def test_one_call_per_key_at_a_time(self):
        running = {}
        def call(key):
            if running.get(key):
                raise AssertionError("two at once")
            running[key] = True
            for _ in range(50):
                pass
            running[key] = False
            return key
        f = cached(maxsize=3)(call)
        def work(chosen):
            for _ in range(500):
                key = chosen.randrange(9)
                if f(key) != key:
                    raise AssertionError
        self.run_threads(work)

    def test_waiters_get_the_exception(self):
        entered, results = threading.Event(), []
        waiting = threading.Semaphore(0)
        go = threading.Event()
        def call(x):
            entered.set()
            go.wait()
            raise LookupError("once")
        f = cached(call)
        def ask():
            waiting.release()
            try:
                f(1)
            except LookupError as error:
                results.append(error)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        entered.wait()
        for _ in threads:
            waiting.acquire()
        while f.cache_info().hits < 3:
            pass
        go.set()
        for thread in threads:
            thread.join()
        self.assertEqual(len({id(error) for error in results}), 1)
        self.assertEqual(len(results), 4)

    def test_resource_is_opened_once(self):
        opened = []
        get = resource(lambda: opened.append(1) or object())
        seen = []
        self.run_threads(lambda chosen: seen.append(get()))
        self.assertEqual((len(opened), len(set(map(id, seen)))), (1, 1))

    def test_resource_cleared_while_it_is_opened_is_not_kept(self):
        entered, go, opened = threading.Event(), threading.Event(), []
        def opener():
            mine = object()
            opened.append(mine)
            if len(opened) == 1:
                entered.set()
                go.wait()
            return mine
        get = resource(opener)
        first = []
        thread = threading.Thread(target=lambda: first.append(get()))
        thread.start()
        entered.wait()
        scopecache.clear_all()
        second = get()
        go.set()
        thread.join()
        self.assertIs(first[0], opened[0])
        self.assertIs(second, opened[1])
        self.assertIs(get(), second)

    def test_clear_while_a_load_ends(self):
        """The end of a value lets the loading thread run, which frees the entry."""
        entered, go, values = threading.Event(), threading.Event(), []

        class Value:
            def __del__(self):
                go.set()
                thread.join(10)

        def call(key):
            if key == 0:
                entered.set()
                go.wait()
                return key
            return Value()
        f = cached(maxsize=None)(call)
        for key in range(1, 8):
            f(key)
        thread = threading.Thread(target=lambda: values.append(f(0)))
        thread.start()
        entered.wait()
        f.cache_clear()
        self.assertEqual((values, f.cache_info().currsize), ([0], 0))

    def test_a_load_that_begins_while_a_store_frees_the_old_value(self):
        started, go, threads = threading.Event(), threading.Event(), []

        def loader():
            started.set()
            go.wait()
            return "loaded"

        class Old:
            def __del__(self):
                cache.pop(1)
                threads.append(threading.Thread(target=cache.get_or_load, args=(1, loader)))
                threads[0].start()
                started.wait()
        for policy in ("adaptive", "lru"):
            started.clear(), go.clear(), threads.clear()
            cache = Cache(policy=policy)
            cache[1] = Old()
            cache[1] = "new"
            cache[2] = "other"
            go.set()
            threads[0].join()
            self.assertEqual(cache.get(1), "loaded")
            for number in range(500):
                cache[number] = number
            cache.clear()


class Fork(unittest.TestCase):
    def in_child(self, work):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if work() else 2
            finally:
                os._exit(status)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def test_resource_that_another_thread_opens(self):
        entered, go = threading.Event(), threading.Event()
        parent = os.getpid()
        def opener():
            if os.getpid() == parent:
                entered.set()
                go.wait()
            return os.getpid()
        get = resource(opener)
        thread = threading.Thread(target=get)
        thread.start()
        entered.wait()
        self.in_child(lambda: get() == os.getpid() and get() == os.getpid())
        go.set()
        thread.join()
        self.assertEqual(get(), parent)

    @each
    def test_child_has_the_cache_for_itself(self, decorator):
        f = decorator(lambda key: [key])
        f(1)
        hits = f.cache_info().hits
        def work():
            for number in range(100):
                f(number % 7)
            f.cache_clear()
            return f.cache_info()[0] == 0
        self.in_child(work)
        self.assertEqual(f(1), [1])
        self.assertEqual(f.cache_info().hits, hits + 1)


if __name__ == "__main__":
    unittest.main()
