"""Caches that threads share, and caches in forked processes."""

import contextlib
import gc
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import scopecache
from hostile_code_test import Key, each
from scopecache import Cache, cached, resource



def signal_to_waiting(test, f, handler):
    """Let the handler run once when this thread waits for another one's call of f."""
    handled = threading.Event()

    def once(number, frame):
        if not handled.is_set():
            handled.set()
            handler(number, frame)

    def send():
        while f.cache_info().hits < 1:
            time.sleep(0.01)
        # A signal that comes just before the wait does not interrupt it.
        while not handled.wait(0.1):
            signal.pthread_kill(main, signal.SIGALRM)
    main = threading.get_ident()
    test.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, once))
    sender = threading.Thread(target=send)
    sender.start()
    test.addCleanup(sender.join)


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

    def test_a_mapping_under_all_at_once(self):
        """Finalizers, comparisons and loaders that let other threads run and use the cache."""
        local, choose = threading.local(), random.random

        class Value:
            def __del__(self):
                depth = getattr(local, "depth", 0)
                if depth < 2:
                    local.depth = depth + 1
                    chosen = choose()
                    if chosen < 0.1:
                        cache.clear()
                    elif chosen < 0.3:
                        time.sleep(0)
                    elif chosen < 0.4:
                        use()
                    local.depth = depth

        def yielding():
            if choose() < 0.05:
                time.sleep(0)

        def load():
            time.sleep(choose() * 0.0002)
            if choose() < 0.1:
                raise LookupError
            return Value()

        def use():
            number, chosen = random.randrange(8), choose()
            key = Key(number, in_eq=yielding) if choose() < 0.5 else number
            if chosen < 0.35:
                with contextlib.suppress(LookupError):
                    cache.get_or_load(key, load)
            elif chosen < 0.65:
                cache[key] = Value()
            elif chosen < 0.9:
                random.choice((cache.pop, cache.get))(key, None)
            else:
                random.choice((cache.clear, cache.__len__))()
        for options in ({"maxsize": 6}, {"maxsize": 6, "policy": "lru"}, {"max_bytes": 3000},
                        {"maxsize": 6, "ttl": 0.002}, {"max_bytes": "1GB", "ttl": 0.002}):
            cache = Cache(**options)
            self.run_threads(lambda chosen: [use() for _ in range(300)])

    def test_methods_under_all_at_once(self):
        """Instances that end and ask, calls in calls, copies, and the collector."""
        logging.getLogger("scopecache").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("scopecache").setLevel, logging.NOTSET)
        local, choose = threading.local(), random.random
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(20)

        def deeper():
            depth = getattr(local, "depth", 0)
            if depth < 2:
                local.depth = depth + 1
                use()
                local.depth = depth

        def use():
            chosen = choose()
            if chosen < 0.1:
                pool[random.randrange(4)] = Owner()
            elif chosen < 0.15:
                Owner.method.cache_clear()
            elif chosen < 0.25:
                Owner.method.cache_invalidate(random.choice(pool), random.randrange(4))
            else:
                with contextlib.suppress(LookupError):
                    random.choice(pool).method(random.randrange(4))

        class Value:
            def __del__(self):
                if choose() < 0.3:
                    deeper()
        for options in ({"maxsize": 5}, {"maxsize": 5, "policy": "lru"}, {"max_bytes": 2500},
                        {"maxsize": None, "ttl": lambda value: random.choice([0, 0.001, 1])},
                        {"maxsize": 4, "copy": lambda value: (time.sleep(0), [1])[1]},
                        {"maxsize": 4, "coalesce": False},
                        {"maxsize": 4, "ttl": 0.001, "stale_if_error": 60, "retry_after": 0.001},
                        {"maxsize": 4, "ttl": 0.001, "stale_if_error": 60, "coalesce": False,
                         "refresh_after": 0.0005, "stale_while_revalidate": 0.001},
                        {"maxsize": 3, "typed": True, "key": lambda owner, number: number}):
            class Owner:
                def __init__(self):
                    self.loop = self if choose() < 0.5 else None

                @cached(**options)
                def method(self, number):
                    if choose() < 0.3:
                        time.sleep(0)
                    if choose() < 0.05:
                        raise LookupError
                    if choose() < 0.1:
                        deeper()
                    return [Value(), self if choose() < 0.4 else None]

                def __del__(self):
                    if choose() < 0.2:
                        with contextlib.suppress(LookupError):
                            self.method(1)
            pool = [Owner() for _ in range(4)]
            self.run_threads(lambda chosen: [use() for _ in range(200)])


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

    def test_fork_by_a_signal_s_handler_while_waiting(self):
        """The child lacks the thread that loads, and calls the function."""
        for raises in (True, False):
            entered, go, children = threading.Event(), threading.Event(), []

            class InChild(Exception):
                pass

            def call(key):
                if os.getpid() == parent:
                    entered.set()
                    go.wait()
                return os.getpid()

            def handler(number, frame):
                child = os.fork()
                if child:
                    children.append(child)
                    go.set()
                elif raises:
                    raise InChild
            parent, f = os.getpid(), cached(call)
            thread = threading.Thread(target=f, args=(1,))
            thread.start()
            entered.wait()
            signal_to_waiting(self, f, handler)
            status = 1
            try:
                value = f(1)
                status = 0 if value == f(1) == os.getpid() and not raises else 2
            except InChild:
                status = 0 if f(1) == os.getpid() else 3
            finally:
                if os.getpid() != parent:
                    os._exit(status)
            self.assertEqual(value, parent)
            thread.join()
            status = os.waitpid(children[0], 0)[1]
            self.assertEqual(os.waitstatus_to_exitcode(status), 0)


class EndsTest(unittest.TestCase):
    """Waits that would never end."""

    def test_a_signal_s_handler_that_waits(self):
        """While the handler waits, the loading thread begins to wait for the handler's thread."""
        entered = {1: threading.Event(), 2: threading.Event()}
        go = {1: threading.Event(), 2: threading.Event()}
        runs = []

        def call(key):
            runs.append(key)
            if key == 3:
                return f(1) if runs.count(3) == 1 else "run through"
            if not entered[key].is_set():
                entered[key].set()
                go[key].wait()
            return f(3) if key == 1 else "two"

        def handler(number, frame):
            def drive():
                while f.cache_info().hits < 2:
                    time.sleep(0.01)
                go[1].set()
                while f.cache_info().hits < 3:
                    time.sleep(0.01)
                go[2].set()
            threading.Thread(target=drive).start()
            handled.append(f(2))
        f, handled = cached(call), []
        threads = [threading.Thread(target=f, args=(key,)) for key in (1, 2)]
        for key, thread in enumerate(threads, 1):
            thread.start()
            entered[key].wait()
        signal_to_waiting(self, f, handler)
        self.assertEqual(f(3), "run through")
        for thread in threads:
            thread.join()
        self.assertEqual((handled, runs), (["two"], [1, 2, 3, 1, 3]))

    def test_a_load_at_the_interpreter_s_end(self):
        """The thread that loads is a daemon, which no longer runs."""
        code = """
import os, sys, threading, time
from scopecache import cached
entered = threading.Event()
slow = [1]
@cached
def f(x):
    if slow:
        slow.pop()
        entered.set()
        time.sleep(1000)
    return x
class Odd:
    def __init__(self):
        self.f, self.write = f, os.write
    def __del__(self):
        self.write(1, b"value %d" % self.f(1))
threading.Thread(target=f, args=(1,), daemon=True).start()
entered.wait()
sys.odd = Odd()
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "value 1"), done.stderr)


if __name__ == "__main__":
    unittest.main()
