"""What a call of a cached coroutine function returns, and which functions may be cached."""

import asyncio
import collections.abc
import functools
import gc
import inspect
import sys
import types
import unittest
import warnings
import weakref

from asyncio_test import Gate, turns
from scopecache import Cache, cached, resource


class AwaitableTest(unittest.TestCase):
    def setUp(self):
        @cached
        async def f(x):
            return [x]
        self.f = f
        self.value = asyncio.run(f(1))

    def test_a_hit_does_not_yield(self):
        for call in (self.f(1).send, self.f(1).__await__().__next__.__call__):
            with self.assertRaises(StopIteration) as end:
                call(*[None][:call.__name__ == "send"])
            self.assertIs(end.exception.value, self.value)

    def test_a_hit_works_as_a_coroutine(self):
        async def main():
            self.assertIs(await self.f(1), self.value)
            self.assertIs(await asyncio.create_task(self.f(1)), self.value)
            self.assertIs(await asyncio.wait_for(self.f(1), 1), self.value)
            self.assertIs(await asyncio.shield(self.f(1)), self.value)
            both = await asyncio.gather(self.f(1), self.f(1), self.f(2))
            self.assertIs(both[0], both[1])
            self.assertEqual(both, [[1], [1], [2]])
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self.f(1))
            self.assertIs(task.result(), self.value)
        asyncio.run(main())
        self.assertIs(asyncio.run(self.f(1)), self.value)
        self.assertIsInstance(self.f(1), collections.abc.Coroutine)
        self.assertTrue(asyncio.iscoroutine(self.f(1)))

    def test_it_can_be_awaited_once(self):
        async def main():
            hit = self.f(1)
            await hit
            await hit
        with self.assertRaisesRegex(RuntimeError, "already awaited"):
            asyncio.run(main())
        hit = self.f(1)
        hit.close()
        self.assertRaises(RuntimeError, hit.send, None)

    def test_throw(self):
        error = LookupError("x")
        for arguments in ((error,), (LookupError, error), (LookupError, error, None),
                          (LookupError, "x"), (LookupError,)):
            with self.assertRaises(LookupError):
                self.f(1).throw(*arguments)
        for arguments in ((), (1,), (LookupError, error, 1), (1, 2, 3, 4)):
            self.assertRaises(TypeError, self.f(1).throw, *arguments)

    def test_a_task_that_is_cancelled_before_it_runs(self):
        async def main():
            task = asyncio.create_task(self.f(1))
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        asyncio.run(main())

    def test_values_of_every_kind(self):
        for value in (None, (), (1, 2), ValueError("v"), StopIteration(3), ValueError):
            @cached
            async def f(x, value=value):
                return value
            async def main():
                return [await f(1), await f(1), await asyncio.create_task(f(1))]
            for got in asyncio.run(main()):
                self.assertIs(got, value)
            with self.assertRaises(StopIteration) as end:
                f(1).send(None)
            self.assertIs(end.exception.value, value)

    def test_it_is_known_as_a_coroutine_function(self):
        class Owner:
            @cached
            async def method(self):
                return 1
        for function in (self.f, Owner().method):
            self.assertTrue(asyncio.iscoroutinefunction(function))
            if sys.version_info >= (3, 12):
                self.assertTrue(inspect.iscoroutinefunction(function))
        self.assertFalse(asyncio.iscoroutinefunction(cached(len)))
        self.assertFalse(hasattr(cached(len), "_is_coroutine"))

    def test_a_circle_through_an_awaitable_is_collected(self):
        class Value:
            pass
        value = Value()
        @cached
        async def f():
            return value
        asyncio.run(f())
        value.hit, value.f, reference = f(), f, weakref.ref(value)
        del f, value
        gc.collect()
        self.assertIsNone(reference())

    def test_more_awaitables_than_are_kept_for_reuse(self):
        for _ in range(3):
            hits = [self.f(1) for _ in range(50)]
            for hit in hits:
                with self.assertRaises(StopIteration) as end:
                    hit.send(None)
                self.assertIs(end.exception.value, self.value)


class FunctionsTest(unittest.TestCase):
    def run_twice(self, *calls):
        async def main():
            return [await call() for call in calls]
        first, again = asyncio.run(main()), asyncio.run(main())
        for one, two in zip(first, again):
            self.assertIs(one, two)

    def test_every_kind_of_coroutine_function(self):
        async def plain(x, y=0):
            return [x, y]
        @types.coroutine
        def by_generator(x):
            yield from asyncio.sleep(0).__await__()
            return [x]
        class Callable:
            async def __call__(self, x):
                return [x]
        for function in (plain, functools.partial(plain, y=1), by_generator, Callable()):
            f = cached(function)
            self.run_twice(lambda: f(1))
        f = cached(plain)
        self.run_twice(lambda: f(1, y=2), lambda: f(x=1), lambda: f(1, 2))
        self.assertEqual(f.cache_info()[:2], (3, 3))

    def test_methods_keep_no_instance(self):
        class Owner:
            @cached
            async def method(self, x):
                await asyncio.sleep(0)
                return [x]
            @classmethod
            @cached
            async def of_class(cls, x):
                return [x]
            @cached
            @staticmethod
            async def static(x):
                return [x]
        owner = Owner()
        self.run_twice(lambda: owner.method(1), lambda: owner.of_class(1), lambda: owner.static(1))
        reference = weakref.ref(owner)
        size = Owner.method.cache_info().currsize
        del owner
        gc.collect()
        self.assertIsNone(reference())
        self.assertEqual(Owner.method.cache_info().currsize, size - 1)

    def test_options(self):
        @cached(key=lambda x: x % 10, copy="deep", ttl=lambda value: value[0] or "20ms")
        async def f(x):
            return [x]
        async def main():
            first = await f(3)
            first.append("changed")
            self.assertEqual(await f(13), [3])
            second = await f(13)
            self.assertIsNot(await f(13), second)
            await f(0)
            await asyncio.sleep(0.1)
            self.assertEqual(await f(30), [30])
        asyncio.run(main())

    def test_maxsize_and_coalesce(self):
        for options, calls in (({"maxsize": 0}, 4), ({"coalesce": False}, 4), ({}, 1)):
            gate = Gate()
            f = cached(**options)(gate)
            async def main():
                tasks = [asyncio.create_task(f(1)) for _ in range(4)]
                await turns()
                gate.open = True
                return await asyncio.gather(*tasks)
            self.assertEqual(asyncio.run(main()), [[1]] * 4)
            self.assertEqual(len(gate.calls), calls)
            self.assertEqual(f.cache_info()[:2], (4 - calls, calls))

    def test_what_is_refused(self):
        async def generator():
            yield 1
        with self.assertRaisesRegex(TypeError, "async generator"):
            cached(generator)
        async def coroutine():
            return 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaisesRegex(TypeError, "returned a coroutine"):
                cached(lambda: coroutine())()
            with self.assertRaisesRegex(TypeError, "returned a coroutine"):
                Cache().get_or_load(1, coroutine)
            with self.assertRaisesRegex(TypeError, "returned a coroutine"):
                resource(coroutine)()

    def test_without_a_loop_of_asyncio(self):
        """Another library drives the coroutine: others do not wait for it; its value is kept."""
        @types.coroutine
        def pause():
            return (yield "paused")
        @cached
        async def f(x):
            return [x, await pause()]
        one, two = f(1), f(1)
        self.assertEqual((one.send(None), two.send(None)), ("paused", "paused"))
        with self.assertRaises(StopIteration) as end:
            one.send("a")
        self.assertEqual(end.exception.value, [1, "a"])
        self.assertRaises(StopIteration, two.send, "b")
        with self.assertRaises(StopIteration) as end:
            f(1).send(None)
        self.assertEqual(end.exception.value, [1, "a"])

    def test_an_unhashable_argument_and_a_key_that_raises(self):
        @cached
        async def f(x):
            return x
        with self.assertRaisesRegex(TypeError, r"unhashable type: 'list' \(argument 1\)"):
            f([])
        @cached(key=lambda x: 1 // x)
        async def g(x):
            return x
        self.assertRaises(ZeroDivisionError, g, 0)

    def test_a_ttl_that_raises_is_the_waiters_error_too(self):
        gate = Gate()
        f = cached(ttl=lambda value: 1 // 0)(gate)
        async def main():
            tasks = [asyncio.create_task(f(1)) for _ in range(3)]
            await turns()
            gate.open = True
            return await asyncio.gather(*tasks, return_exceptions=True)
        for error in asyncio.run(main()):
            self.assertIsInstance(error, ZeroDivisionError)
        self.assertEqual((gate.calls, f.cache_info().currsize), ([1], 0))


if __name__ == "__main__":
    unittest.main()
