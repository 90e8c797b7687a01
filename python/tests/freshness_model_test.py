"""Freshness in random sequences, against a model; in threads; and out of memory."""

import asyncio
import contextlib
import gc
import itertools
import logging
import random
import sys
import threading
import unittest

from freshness_test import Down, Missing, by_task
from hostile_code_test import DEBUG, NO_MEMORY_FOR_PYTHON
from scopecache import _core, _fresh, cached, maintain

try:
    import _testcapi
except ImportError:
    _testcapi = None

advance = _core.advance_clock


class Model:
    """The rules for one key, as docs/cache.md has them in a table."""

    def __init__(self, ttl, refresh_after, while_revalidate, if_error, retry_after, negative_ttl):
        self.ttl, self.refresh_after, self.if_error = ttl, refresh_after, if_error
        self.while_revalidate, self.retry_after = while_revalidate, retry_after
        self.negative_ttl, self.now, self.queued = negative_ttl, 0, False
        self.forget()

    def forget(self):
        self.kind, self.failures, self.retry_at = None, 0, 0

    def is_due(self):
        return self.kind == "value" and self.now >= self.retry_at and (
            self.now >= self.fresh or self.now >= self.stored + self.refresh_after)

    def call(self, load):
        now = self.now
        if self.kind == "absent" and now < self.until:
            return "absent"
        if self.kind == "failure" and now < self.retry_at:
            return "failure"
        if self.kind == "value" and (
                now < self.fresh + self.while_revalidate
                or (now < self.retry_at and now < self.fresh + self.if_error)):
            self.queued |= self.is_due()
            return self.value
        return self.end(load())

    def end(self, result):
        now = self.now
        if result == "failure":
            if self.kind == "absent" or (self.kind == "failure" and now >= self.expires) or (
                    self.kind == "value"
                    and now >= self.fresh + max(self.if_error, self.while_revalidate)):
                self.forget()
            self.fail()
            if self.kind == "value" and now < self.fresh + self.if_error:
                return self.value
            self.kind, self.expires = "failure", 2 * self.retry_at - now
            return result
        self.forget()
        if result == "absent":
            self.kind, self.until = "absent", now + self.negative_ttl
        else:
            self.kind, self.value = "value", result
            self.stored, self.fresh = now, now + self.ttl
        return result

    def fail(self):
        self.failures += 1
        self.retry_at = self.now + self.retry_after * 2 ** min(self.failures - 1, 5)

    def refresh(self, load):
        """A queued one finds what is there now, as in the C library."""
        was_queued, self.queued = self.queued, False
        if was_queued and self.is_due():
            result = load()
            if result == "failure":
                self.fail()
            else:
                self.end(result)


class ModelTest(unittest.TestCase):
    def test_random_calls(self):
        logging.getLogger("scopecache").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("scopecache").setLevel, logging.NOTSET)
        for seed in range(150):
            with self.subTest(seed=seed):
                self.compare(random.Random(seed))

    def compare(self, chosen):
        _fresh.queue.clear()
        times = [chosen.choice((5, 20)), chosen.choice((3, 10, 1000)), chosen.choice((0, 10, 40)),
                 chosen.choice((0, 30, 80)), chosen.choice((1, 4)), chosen.choice((2, 7))]
        # Long ones, beside which the time that the test takes is nothing.
        times = [1000 * time for time in times]
        names = ("ttl", "refresh_after", "stale_while_revalidate", "stale_if_error", "retry_after",
                 "negative_ttl")
        model, upcoming, loads = Model(*times), [], []
        number = itertools.count()
        def load():
            loads.append(1)
            result = upcoming[0]
            if result == "failure":
                raise Down
            if result == "absent":
                raise Missing
            return result
        async def load_async():
            return load()
        is_async = chosen.random() < 0.4
        f = cached(absent=Missing, **dict(zip(names, times)))(load_async if is_async else load)
        call = by_task(f) if is_async else f
        model_loads = []
        def model_load():
            model_loads.append(1)
            return upcoming[0]
        for step in range(60):
            kind = chosen.random()
            upcoming[:] = ["failure" if kind < 0.4 else "absent" if kind < 0.5 else next(number)]
            what = chosen.random()
            if what < 0.6:
                try:
                    got = call()
                except (Down, Missing) as error:
                    got = "failure" if isinstance(error, Down) else "absent"
                self.assertEqual(got, model.call(model_load), step)
            elif what < 0.75:
                maintain("10m")
                model.refresh(model_load)
            elif what < 0.8:
                f.cache_invalidate()
                model.forget()
            # Never the time of an event exactly.
            by = chosen.choice((0, 1, 1, 3, 9, 20)) * 1000 + 10
            advance(by)
            model.now += by
            self.assertEqual(len(loads), len(model_loads), step)


class ThreadsTest(unittest.TestCase):
    def test_everything_at_once(self):
        logging.getLogger("scopecache").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("scopecache").setLevel, logging.NOTSET)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-5)
        failures = []
        class Value(list):
            def __del__(self):
                if random.random() < 0.1:
                    with contextlib.suppress(Down, Missing):
                        f(random.randrange(6))
        def call(x):
            if random.random() < 0.3:
                raise Down
            if random.random() < 0.1:
                raise Missing
            return Value([x])
        async def call_async(x):
            await asyncio.sleep(0)
            return call(x)
        options = dict(maxsize=4, ttl=1, refresh_after=0.5, stale_while_revalidate=2,
                       stale_if_error=9, negative_ttl=0.5, absent=Missing, jitter=20)
        f, g = cached(**options)(call), cached(**options)(call_async)
        def work():
            try:
                loop = asyncio.new_event_loop()
                for _ in range(250):
                    key = random.randrange(6)
                    chosen = random.random()
                    if chosen < 0.05:
                        advance(random.random() * 3)
                    elif chosen < 0.15:
                        maintain(1)
                    elif chosen < 0.2:
                        random.choice((f, g)).cache_invalidate(key)
                    elif chosen < 0.23:
                        random.choice((f, g)).cache_clear()
                    else:
                        with contextlib.suppress(Down, Missing):
                            value = f(key) if chosen < 0.6 else loop.run_until_complete(g(key))
                            if value != [key]:
                                raise AssertionError(value)
                loop.close()
            except BaseException as error:
                failures.append(error)
                raise
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])


class MemoryTest(unittest.TestCase):
    def scenario(self, f):
        for number in (1, 2, 3, 0, 1, 2):
            with contextlib.suppress(Down, Missing):
                f(number, "x")
        advance(11)
        for number in (1, 2, 0, 3, 1):
            with contextlib.suppress(Down, Missing):
                f(number, "x")
        for load in _fresh.queue[:]:
            _fresh.queue.remove(load)
            _fresh._refresh(load)

    def make(self):
        broken = []
        @cached(maxsize=3, ttl=10, refresh_after=5, stale_while_revalidate=20, stale_if_error=100,
                negative_ttl=5, absent=(None, Missing))
        def f(number, text):
            broken.append(number)
            if number == 0:
                raise Missing
            if number == 2 and len(broken) > 4:
                raise Down
            return [number] if number != 3 else None
        return f

    @unittest.skipUnless(_testcapi, "_testcapi is not installed")
    @unittest.skipIf(DEBUG or sys.version_info >= (3, 12), NO_MEMORY_FOR_PYTHON)
    def test_every_allocation_fails(self):
        logging.getLogger("scopecache").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("scopecache").setLevel, logging.NOTSET)
        self.scenario(self.make())
        failures = 0
        for allocation in itertools.count():
            f = self.make()
            failed = False
            _testcapi.set_nomemory(allocation, allocation + 1)
            try:
                self.scenario(f)
            except (MemoryError, SystemError) as error:
                # The interpreter's own: its call of a function failed without an exception.
                failed = isinstance(error, MemoryError) or "<function " in str(error)
                self.assertTrue(failed, error)
                failures += 1
            finally:
                _testcapi.remove_mem_hooks()
            _fresh.queue.clear()
            advance(500)
            self.assertEqual(f(1, "x"), [1])
            if allocation > 400 and not failed:
                break
        self.assertGreater(failures, 0)

    def test_references_are_balanced(self):
        logging.getLogger("scopecache").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("scopecache").setLevel, logging.NOTSET)
        def count():
            gc.collect()
            return getattr(sys, "gettotalrefcount", lambda: 0)()
        for _ in range(5):
            self.scenario(self.make())
        before = count()
        for _ in range(50):
            self.scenario(self.make())
        self.assertLess(abs(count() - before), 50)


if __name__ == "__main__":
    unittest.main()
