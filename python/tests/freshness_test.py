"""Stale values, refreshes, and what is remembered of calls that gave no value."""

import asyncio
import atexit
import contextlib
import gc
import logging
import pickle
import threading
import unittest
import weakref

import scopecache
from scopecache import _core, _fresh, cached, maintain, maintain_async

advance = _core.advance_clock


class Down(Exception):
    pass


class Missing(Exception):
    pass


class Source:
    """What a function asks: each answer is new; or raises what `error` is."""

    def __init__(self):
        self.error, self.calls = None, 0

    def __call__(self, key=0):
        self.calls += 1
        if self.error:
            raise self.error
        return [key, self.calls]

    async def ask_at_once(self):
        raise Down

    async def ask(self, key=0):
        await asyncio.sleep(0)
        return self(key)


_runner = asyncio.Runner()
atexit.register(_runner.close)


def by_task(function):
    return lambda *arguments: _runner.run(function(*arguments))


class FreshnessTest(unittest.TestCase):
    def setUp(self):
        _fresh.queue.clear()
        logging.getLogger("scopecache").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("scopecache").setLevel, logging.NOTSET)

    def both(self, **options):
        """The source, a call and the cache: of a function, and of a coroutine function."""
        for is_async in (False, True):
            _fresh.queue.clear()
            source = Source()
            f = cached(**options)(source.ask if is_async else source.__call__)
            yield source, by_task(f) if is_async else f, f

    def test_refresh_after(self):
        for source, call, f in self.both(ttl=60, refresh_after=20):
            first = call()
            advance(19)
            self.assertIs(call(), first)
            self.assertEqual(_fresh.queue, [])
            advance(2)
            self.assertIs(call(), first)
            self.assertIs(call(), first)
            self.assertEqual((len(_fresh.queue), source.calls), (1, 1))
            self.assertFalse(maintain())
            self.assertEqual((len(_fresh.queue), source.calls), (0, 2))
            self.assertEqual(call(), [0, 2])
            advance(59)
            # Refreshed, it has a new time to live.
            self.assertEqual(call(), [0, 2])
            info = f.cache_info()
            self.assertEqual((info.refreshes, info.stale, info.misses, info.hits), (1, 0, 1, 5))

    def test_without_maintain_the_ttl_still_ends(self):
        for source, call, f in self.both(ttl=60, refresh_after=20):
            call()
            advance(30)
            call()
            advance(31)
            self.assertEqual(call(), [0, 2])
            maintain()
            self.assertEqual(source.calls, 2)

    def test_stale_while_revalidate(self):
        for source, call, f in self.both(ttl=10, stale_while_revalidate=30):
            first = call()
            advance(11)
            self.assertIs(call(), first)
            self.assertIs(call(), first)
            self.assertEqual(f.cache_info().stale, 2)
            maintain()
            self.assertEqual(call(), [0, 2])
            self.assertEqual(f.cache_info().stale, 2)
            advance(41)
            self.assertEqual(call(), [0, 3])

    def test_stale_if_error(self):
        for source, call, f in self.both(ttl=10, stale_if_error=100, retry_after=5):
            first = call()
            advance(11)
            source.error = Down("secret")
            with self.assertLogs("scopecache", "WARNING") as logs:
                self.assertIs(call(), first)
            self.assertIn("Down", logs.output[0])
            self.assertNotIn("secret", logs.output[0])
            self.assertIs(call(), first)
            self.assertEqual(source.calls, 2)
            info = f.cache_info()
            self.assertEqual((info.stale, info.load_failures), (2, 1))
            advance(6)
            self.assertIs(call(), first)
            self.assertEqual(source.calls, 3)
            # The second failure in a row waits twice as long.
            advance(6)
            self.assertIs(call(), first)
            self.assertEqual(source.calls, 3)
            advance(5)
            source.error = None
            self.assertEqual(call(), [0, 4])
            advance(200)
            source.error = Down()
            self.assertRaises(Down, call)

    def test_retry_after(self):
        for source, call, f in self.both(retry_after=4):
            source.error = Down(1, "two")
            errors = []
            for _ in range(2):
                with self.assertRaises(Down) as caught:
                    call()
                errors.append(caught.exception)
            self.assertEqual(source.calls, 1)
            self.assertEqual(errors[1].args, (1, "two"))
            self.assertIn("known from an earlier call", errors[1].__notes__[0])
            self.assertFalse(hasattr(errors[0], "__notes__"))
            info = f.cache_info()
            self.assertEqual((info.known_failures, info.load_failures, info.currsize), (1, 1, 1))
            waits = [4, 8, 16, 32, 64, 128, 128]
            for calls, seconds in enumerate(waits[:-1], 2):
                advance(waits[calls - 2] - 1)
                self.assertRaises(Down, call)
                self.assertEqual(source.calls, calls - 1)
                advance(1.5)
                self.assertRaises(Down, call)
                self.assertEqual(source.calls, calls)
            advance(129)
            source.error = None
            self.assertEqual(call(), [0, 8])

    def test_what_an_exception_asks_for(self):
        for source, call, f in self.both(retry_after=1):
            source.error = Down()
            source.error.retry_after = 30
            self.assertRaises(Down, call)
            advance(29)
            self.assertRaises(Down, call)
            self.assertEqual(source.calls, 1)
            advance(2)
            self.assertRaises(Down, call)
            self.assertEqual(source.calls, 2)

    def test_a_value_that_means_absent(self):
        for absent, options in ((None, {}), ("", {"absent": ""}), (-1, {"absent": (Missing, -1)})):
            calls = []
            @cached(ttl=100, negative_ttl=5, stale_if_error=50, **options)
            def f(x, absent=absent, calls=calls):
                calls.append(x)
                return absent
            self.assertEqual((f(1), f(1), len(calls)), (absent, absent, 1))
            info = f.cache_info()
            self.assertEqual((info.load_absences, info.known_absences), (1, 1))
            advance(6)
            f(1)
            self.assertEqual(len(calls), 2)

    def test_an_exception_that_means_absent(self):
        for source, call, f in self.both(ttl=10, negative_ttl=5, absent=Missing, stale_if_error=99):
            call()
            advance(11)
            source.error = Missing("it")
            for _ in range(3):
                self.assertRaises(Missing, call)
            self.assertEqual(source.calls, 2)
            info = f.cache_info()
            self.assertEqual((info.load_absences, info.known_absences, info.load_failures),
                             (1, 2, 0))
            # The stale value is gone.
            advance(6)
            source.error = Down()
            self.assertRaises(Down, call)

    def test_jitter(self):
        entries = 400
        f = cached(maxsize=None, ttl=100, jitter=50)(lambda x: [x])
        first = [f(x) for x in range(entries)]
        advance(49)
        self.assertEqual([f(x) for x in range(entries)], first)
        advance(26)
        kept = sum(f(x) is value for x, value in enumerate(first))
        self.assertTrue(entries * 0.3 < kept < entries * 0.7, kept)
        advance(101)
        self.assertFalse(any(f(x) is value for x, value in enumerate(first)))

    def test_a_refresh_that_fails_leaves_the_value(self):
        for source, call, f in self.both(ttl=60, refresh_after=10, retry_after=5):
            first = call()
            advance(11)
            call()
            source.error = Down()
            with self.assertLogs("scopecache", "WARNING"):
                maintain()
            self.assertIs(call(), first)
            self.assertEqual((source.calls, len(_fresh.queue)), (2, 0))
            advance(6)
            self.assertIs(call(), first)
            self.assertEqual(len(_fresh.queue), 1)
            source.error = None
            maintain()
            self.assertEqual(call(), [0, 3])

    def test_a_refresh_that_finds_no_value(self):
        for source, call, f in self.both(ttl=60, refresh_after=10, negative_ttl=5, absent=Missing):
            call()
            advance(11)
            call()
            source.error = Missing()
            maintain()
            self.assertRaises(Missing, call)
            self.assertEqual(source.calls, 2)

    def test_what_changes_during_a_refresh_wins(self):
        for change in ("invalidate", "clear", "value"):
            calls = []
            @cached(ttl=60, refresh_after=10)
            def f(x):
                calls.append(x)
                if len(calls) == 2:
                    f.cache_clear() if change == "clear" else f.cache_invalidate(x)
                    if change == "value":
                        return [f(x), "outdated"][1]
                return len(calls)
            f(1)
            advance(11)
            f(1)
            maintain()
            self.assertEqual((f(1), len(calls)), (3, 3))

    def test_the_queue_has_an_end_and_one_place_for_each_key(self):
        for source, call, f in self.both(maxsize=None, ttl=60, refresh_after=10):
            for _ in range(2):
                for key in range(300):
                    call(key)
                advance(11)
            for key in range(300):
                call(key)
            self.assertEqual(len(_fresh.queue), 256)
            self.assertFalse(maintain("10m"))
            self.assertEqual(source.calls, 300 + 256)
            for key in range(300):
                call(key)
            self.assertEqual(len(_fresh.queue), 44)
            maintain("10m")

    def test_a_refresh_longer_than_the_budget_does_not_begin(self):
        for source, call, f in self.both(ttl=60, refresh_after=10):
            call()
            advance(11)
            call()
            f._usual_refresh_s = 5.0
            self.assertTrue(maintain(1))
            self.assertEqual((source.calls, len(_fresh.queue)), (1, 1))
            # But some time it is tried again.
            for _ in range(60):
                maintain(1)
            self.assertEqual(source.calls, 2)
        for budget in ("long", [], "1y"):
            with self.assertRaisesRegex((TypeError, ValueError), "a budget must be"):
                maintain(budget)

    def test_maintain_removes_expired_entries(self):
        f = cached(maxsize=None, ttl=10)(lambda x: x)
        for x in range(100):
            f(x)
        advance(11)
        maintain()
        self.assertEqual(f.cache_info().currsize, 0)

    def test_in_a_loop(self):
        source = Source()
        f = cached(ttl=60, refresh_after=10)(source.ask)
        g = cached(ttl=60, refresh_after=10)(Source())
        async def main():
            keys = range(20)
            await asyncio.gather(*map(f, keys)), [g(key) for key in keys]
            advance(11)
            await asyncio.gather(*map(f, keys)), [g(key) for key in keys]
            self.assertTrue(maintain())
            self.assertEqual(source.calls, 20)
            self.assertFalse(await maintain_async())
            self.assertEqual(source.calls, 40)
            self.assertEqual(await f(3), [3, 24])
        asyncio.run(main())

    def test_a_deadline_holds_in_refreshes(self):
        left = []
        f = cached(ttl=60, refresh_after=10)(lambda: left.append(scopecache.remaining()))
        f()
        advance(11)
        f()
        maintain(3)
        self.assertIsNone(left[0])
        self.assertTrue(0 < left[1] <= 3)

    def test_methods_and_keys(self):
        class Owner:
            @cached(ttl=60, refresh_after=10)
            def method(self, x):
                calls.append(x)
                return [x]
            @cached(ttl=60, refresh_after=10, key=lambda self, x: x)
            def by_key(self, x):
                calls.append(x)
                return [x]
        for name in ("method", "by_key"):
            calls = []
            owner, other = Owner(), Owner()
            call = getattr(owner, name)
            call(1), getattr(other, name)(2)
            advance(11)
            call(1), getattr(other, name)(2)
            del call
            self.assertEqual(len(_fresh.queue), 2)
            # A queued refresh does not keep the instance.
            reference = weakref.ref(owner)
            del owner
            gc.collect()
            self.assertIsNone(reference())
            maintain()
            self.assertEqual(calls, [1, 2, 2])

    def test_waiters_get_the_stale_value_too(self):
        entered, go, source = threading.Event(), threading.Event(), Source()
        @cached(ttl=10, stale_if_error=100)
        def f():
            if source.calls:
                entered.set()
                go.wait()
            return source()
        first = f()
        advance(11)
        source.error, values = Down(), []
        threads = [threading.Thread(target=lambda: values.append(f())) for _ in range(4)]
        for thread in threads:
            thread.start()
        entered.wait()
        while f.cache_info().hits < 3:
            pass
        go.set()
        for thread in threads:
            thread.join()
        self.assertEqual(({id(value) for value in values}, source.calls), ({id(first)}, 2))

        source = Source()
        f = cached(ttl=10, stale_if_error=100)(source.ask)
        async def main():
            first = await f()
            advance(11)
            source.error = Down()
            values = await asyncio.gather(*(f() for _ in range(4)))
            self.assertEqual({id(value) for value in values}, {id(first)})
        asyncio.run(main())
        self.assertEqual(source.calls, 2)

    def test_calls_that_share_no_load(self):
        for source, call, f in self.both(ttl=10, stale_while_revalidate=10, stale_if_error=100,
                                         coalesce=False):
            first = call()
            advance(11)
            self.assertIs(call(), first)
            advance(11)
            source.error = Down()
            self.assertIs(call(), first)
            self.assertIs(call(), first)
            self.assertEqual((f.cache_info()[:2], f.cache_info().stale), ((2, 2), 3))
        # No loop of asyncio runs.
        f = cached(retry_after=60)(Source().ask_at_once)
        for _ in range(2):
            with self.assertRaises(Down):
                f().send(None)
        self.assertEqual((f.cache_info()[:2], f.cache_info().known_failures), ((1, 1), 1))

    def test_a_value_replaces_a_stale_one_that_came_meanwhile(self):
        calls = []
        @cached(ttl=10, stale_if_error=100, coalesce=False)
        def f():
            calls.append(1)
            if len(calls) == 2:
                # Another call fails during this one, and notes that for the stale value.
                self.assertEqual(f(), 1)
            if len(calls) == 3 and calls[-1] == 1:
                calls[-1] = 0
                raise Down
            return len(calls)
        self.assertEqual(f(), 1)
        advance(11)
        self.assertEqual(f(), 3)
        self.assertEqual(f(), 3)

    def test_an_interrupted_load_loses_nothing(self):
        """A failure that the source has no part in: the stale value stays for the next one."""
        for source, call, f in self.both(ttl=10, stale_if_error=100):
            first = call()
            advance(11)
            source.error = SystemExit()
            self.assertRaises(SystemExit, call)
            source.error = Down()
            self.assertIs(call(), first)
            self.assertEqual(f.cache_info().load_failures, 1)
        source = Source()
        f = cached(ttl=10, stale_if_error=100)(source.ask)
        async def main():
            first = await f()
            advance(11)
            task = asyncio.create_task(f())
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            source.error = Down()
            self.assertIs(await f(), first)
        asyncio.run(main())

    def test_exceptions_that_cannot_be_copied(self):
        class Odd(Exception):
            def __init__(self, one, two):
                super().__init__(f"{one} and {two}")
        class Refusing(Exception):
            def __reduce_ex__(self, protocol):
                raise RuntimeError
        for error in (Odd(1, 2), Refusing("x")):
            f = cached(retry_after=60)(lambda: (_ for _ in ()).throw(error))
            for _ in range(3):
                with self.assertRaises(type(error)) as caught:
                    f()
                self.assertEqual(str(caught.exception), str(error))

    def test_a_known_failure_holds_no_frames(self):
        class Argument:
            pass
        argument = Argument()
        reference = weakref.ref(argument)
        @cached(retry_after=60, key=lambda x: 1)
        def f(x):
            raise Down
        for _ in range(3):
            with contextlib.suppress(Down):
                f(argument)
        del argument
        gc.collect()
        self.assertIsNone(reference())
        self.assertRaises(Down, f, 2)

    def test_copies_of_stale_values(self):
        f = cached(ttl=10, stale_while_revalidate=100, copy="deep")(lambda: [[1]])
        f()[0].append(2)
        advance(11)
        f()[0].append(3)
        self.assertEqual(f(), [[1]])

    def test_invalidate_tells_of_stale_values(self):
        source = Source()
        f = cached(ttl=10, stale_if_error=100, retry_after=60)(source)
        f(1)
        advance(11)
        self.assertTrue(f.cache_invalidate(1))
        source.error = Down()
        self.assertRaises(Down, f, 1)
        # A failure is no value.
        self.assertFalse(f.cache_invalidate(1))
        self.assertRaises(Down, f, 1)
        self.assertEqual(source.calls, 3)

    def test_options(self):
        for name in ("refresh_after", "stale_while_revalidate", "stale_if_error", "retry_after",
                     "negative_ttl"):
            for value in (-1, "x", float("nan")):
                with self.assertRaisesRegex(ValueError, f"^{name} must be"):
                    cached(ttl=1, **{name: value})
            with self.assertRaisesRegex(TypeError, f"^{name} must be"):
                cached(ttl=1, **{name: []})
            cached(ttl=1, **{name: "5m"})
            cached(ttl=1, **{name: None})
        for name in ("stale_while_revalidate", "stale_if_error"):
            with self.assertRaisesRegex(ValueError, f"{name} needs a ttl"):
                cached(**{name: 1})
        with self.assertRaisesRegex(ValueError, "absent needs negative_ttl"):
            cached(ttl=1, absent=None)
        for value in (-1, 101, 0.5, "x", True, None):
            with self.assertRaisesRegex(ValueError, "^jitter must be"):
                cached(ttl=1, jitter=value)
        f = cached(ttl=1, jitter="10%", negative_ttl=3, absent=Missing)(len)
        self.assertEqual(f.cache_parameters(), {
            "maxsize": 128, "typed": False, "ttl": 1, "negative_ttl": 3, "absent": Missing,
            "jitter": "10%"})
        self.assertEqual(cached(ttl=1)(len).cache_info(), (0, 0, 128, 0))
        f("x"), f("x"), f("y")
        info = f.cache_info()
        self.assertEqual((info, pickle.loads(pickle.dumps(info))), ((1, 2, 128, 2), info))
        self.assertEqual(repr(info), "FreshCacheInfo(hits=1, misses=2, maxsize=128, currsize=2, "
                         "stale=0, refreshes=0, load_absences=0, load_failures=0, "
                         "known_absences=0, known_failures=0)")
        f.cache_clear()
        self.assertEqual(f.cache_info(), (0, 0, 128, 0))


if __name__ == "__main__":
    unittest.main()
