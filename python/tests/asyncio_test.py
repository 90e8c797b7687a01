"""Cached coroutine functions: values outlive the loops, one call for each key at a time."""

import asyncio
import contextlib
import gc
import itertools
import os
import random
import sys
import threading
import time
import unittest
import warnings
import weakref

import scopecache
from hostile_code_test import DEBUG, NO_MEMORY_FOR_PYTHON
from scopecache import cached

try:
    import _testcapi
except ImportError:
    _testcapi = None


class Gate:
    """A function to cache: counts its calls, and each call waits until it may end."""

    def __init__(self, loops=False):
        self.calls, self.open = [], loops

    async def __call__(self, key):
        self.calls.append(key)
        while not self.open:
            await asyncio.sleep(0)
        return [key]


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


def wait_for_threads(condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("nothing has happened")
        time.sleep(0.001)


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.gate = Gate()
        self.f = cached(self.gate)

    def run_main(self, main):
        return asyncio.run(asyncio.wait_for(main(), 30))

    def test_a_loop_for_each_invocation(self):
        self.gate.open = True
        values = [asyncio.run(self.f(1)) for _ in range(5)]
        self.assertEqual(self.gate.calls, [1])
        self.assertEqual(len(set(map(id, values))), 1)
        self.assertEqual(self.f.cache_info(), (4, 1, 128, 1))

    def test_tasks_share_one_call(self):
        async def main():
            tasks = [asyncio.create_task(self.f(1)) for _ in range(9)]
            await turns()
            self.gate.open = True
            return await asyncio.gather(*tasks)
        self.assertEqual(len(set(map(id, self.run_main(main)))), 1)
        self.assertEqual((self.gate.calls, self.f.cache_info()[:2]), ([1], (8, 1)))

    def test_the_load_passes_from_the_one_that_is_cancelled(self):
        async def main():
            tasks = [asyncio.create_task(self.f(1)) for _ in range(5)]
            await turns()
            tasks[0].cancel()
            await turns()
            self.assertEqual(self.gate.calls, [1, 1])
            # The heir, and the one after it, before that one has run.
            tasks[1].cancel()
            await asyncio.sleep(0)
            tasks[2].cancel()
            await turns()
            self.gate.open = True
            return await asyncio.gather(*tasks, return_exceptions=True)
        results = self.run_main(main)
        self.assertEqual([type(result) for result in results],
                         [asyncio.CancelledError] * 3 + [list] * 2)
        self.assertIs(results[3], results[4])
        self.assertIs(self.run_main(lambda: self.f(1)), results[3])

    def test_all_are_cancelled_in_any_order(self):
        chosen = random.Random(4)
        for _ in range(200):
            gate = Gate()
            f = cached(gate)
            async def main():
                tasks = [asyncio.create_task(f(1)) for _ in range(4)]
                await turns(chosen.randrange(4))
                for task in chosen.sample(tasks, 4):
                    task.cancel()
                    await turns(chosen.randrange(3))
                await asyncio.gather(*tasks, return_exceptions=True)
                gate.open = True
                self.assertEqual(await f(1), [1])
            self.run_main(main)
            self.assertEqual(f.cache_info().currsize, 1)

    def test_a_waiter_that_is_cancelled(self):
        async def main():
            tasks = [asyncio.create_task(self.f(1)) for _ in range(3)]
            await turns()
            tasks[1].cancel()
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(self.f(1), 0.01)
            self.gate.open = True
            return await asyncio.gather(*tasks, return_exceptions=True)
        results = self.run_main(main)
        self.assertIs(results[0], results[2])
        self.assertEqual(self.gate.calls, [1])

    def test_waiters_get_the_exception_and_it_is_not_kept(self):
        class Argument:
            pass
        calls = []
        @cached
        async def f(argument):
            calls.append(1)
            await turns()
            raise LookupError("once")
        async def main(argument):
            tasks = [asyncio.create_task(f(argument)) for _ in range(4)]
            errors = await asyncio.gather(*tasks, return_exceptions=True)
            self.assertEqual(len(set(map(id, errors))), 1)
            self.assertIsInstance(errors[0], LookupError)
            with self.assertRaises(LookupError):
                await f(argument)
        argument = Argument()
        reference = weakref.ref(argument)
        gc.collect()
        gc.disable()
        try:
            asyncio.run(main(argument))
            del argument
            self.assertIsNone(reference(), "a circle of references holds the arguments")
        finally:
            gc.enable()
        self.assertEqual((len(calls), f.cache_info().currsize), (2, 0))

    def test_a_closed_loop(self):
        """Its tasks never ran to an end; the next loop calls the function."""
        for close in (True, False):
            gate = Gate()
            f = cached(gate)
            async def begin():
                begin.task = asyncio.create_task(f(1))
                begin.waiter = asyncio.create_task(f(1))
                await turns()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(begin())
            if close:
                loop.close()
            gate.open = True
            self.assertEqual(self.run_main(lambda: f(1)), [1])
            self.assertEqual(gate.calls, [1, 1])
            if not close:
                self.assertEqual(loop.run_until_complete(begin.task), [1])
                self.assertEqual(loop.run_until_complete(begin.waiter), [1])
                loop.close()
            else:
                begin.task._log_destroy_pending = begin.waiter._log_destroy_pending = False
            del begin
            gc.collect()
            self.assertEqual(f.cache_info().currsize, 1)

    def test_a_loop_that_is_forgotten(self):
        """The collector closes the coroutines of its tasks."""
        calls = []
        async def call(x):
            calls.append(x)
            if len(calls) == 1:
                await asyncio.get_running_loop().create_future()
            return [x]
        f = cached(call)
        def begin():
            async def main():
                task = asyncio.create_task(f(1))
                task._log_destroy_pending = False
                await turns()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            loop.close()
        begin()
        gc.collect()
        self.assertEqual(self.run_main(lambda: f(1)), [1])
        self.assertEqual(calls, [1, 1])

    def test_invalidation_and_clear_during_a_load(self):
        for remove in (lambda: self.f.cache_invalidate(1), self.f.cache_clear):
            self.gate.open = False
            async def main():
                tasks = [asyncio.create_task(self.f(1)) for _ in range(2)]
                await turns()
                remove()
                later = asyncio.create_task(self.f(1))
                await turns()
                self.gate.open = True
                old = await asyncio.gather(*tasks)
                new = await later
                self.assertIs(old[0], old[1])
                self.assertIsNot(old[0], new)
                self.assertIs(await self.f(1), new)
            self.run_main(main)

    def test_reentry_calls_the_function(self):
        depth = []
        async def call(x):
            depth.append(x)
            if len(depth) > 3:
                return [x]
            if len(depth) == 1:
                return await f(x)
            if len(depth) == 2:
                return await asyncio.wait_for(f(x), 30)
            return (await asyncio.gather(f(x)))[0]
        f = cached(call)
        self.assertEqual(self.run_main(lambda: f(1)), [1])
        self.assertEqual(len(depth), 4)

    def test_tasks_that_wait_for_each_other(self):
        """In a ring of three; one of them calls the function."""
        entered = set()
        async def call(x):
            if x in entered:
                return x
            entered.add(x)
            while len(entered) < 3:
                await asyncio.sleep(0)
            return await asyncio.create_task(f((x + 1) % 3))
        f = cached(call)
        async def main():
            return await asyncio.gather(*(f(x) for x in range(3)))
        self.assertEqual(len(self.run_main(main)), 3)

    def test_calls_in_calls_wait_without_being_a_cycle(self):
        runs = []
        async def call(x):
            runs.append(x)
            await turns()
            return [x] if x == 0 else await f(x - 1)
        f = cached(call)
        async def main():
            return await asyncio.gather(*(f(x) for x in (3, 2, 1, 0, 3, 2)))
        self.assertEqual(len(set(map(id, self.run_main(main)))), 1)
        self.assertEqual(sorted(runs), [0, 1, 2, 3])

    def test_clearing_in_the_hash_and_the_end_of_a_value(self):
        f = cached(maxsize=2)(self.gate)
        self.gate.open = True
        class Key:
            def __init__(self, number):
                self.number = number
            def __hash__(self):
                if self.number % 3 == 0:
                    f.cache_clear()
                return self.number % 2
            def __eq__(self, other):
                f.cache_invalidate(0)
                return isinstance(other, Key) and self.number == other.number
        async def main():
            for number in range(50):
                key = Key(number % 7)
                self.assertEqual(await f(key), [key])
        self.run_main(main)

    def test_fork_during_a_load(self):
        async def main():
            task = asyncio.create_task(self.f(1))
            await turns()
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    self.gate.open = True
                    in_child = threading.Thread(target=lambda: asyncio.run(self.f(1)))
                    in_child.start()
                    in_child.join(20)
                    status = 2 if in_child.is_alive() or len(self.gate.calls) != 2 else 0
                finally:
                    os._exit(status)
            self.gate.open = True
            await task
            return os.waitpid(child, 0)[1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.assertEqual(os.waitstatus_to_exitcode(self.run_main(main)), 0)


class DeadlineTest(unittest.TestCase):
    def test_remaining(self):
        self.assertIsNone(scopecache.remaining())
        with scopecache.deadline("1m"):
            self.assertTrue(59 < scopecache.remaining() <= 60)
            with scopecache.deadline(5), scopecache.deadline(3600):
                self.assertLess(scopecache.remaining(), 5.1)
            with scopecache.deadline(-3):
                self.assertLessEqual(scopecache.remaining(), 0)
        self.assertIsNone(scopecache.remaining())
        with self.assertRaisesRegex(ValueError, "a deadline must be"):
            scopecache.deadline("soon")

    def test_it_travels_with_tasks_and_to_threads(self):
        async def inner():
            return scopecache.remaining(), await asyncio.to_thread(scopecache.remaining)
        async def main():
            with scopecache.deadline(60):
                tasks = asyncio.create_task(inner()), asyncio.ensure_future(inner())
            return await asyncio.gather(*tasks), scopecache.remaining()
        tasks, outside = asyncio.run(main())
        self.assertIsNone(outside)
        for left in (*tasks[0], *tasks[1]):
            self.assertTrue(50 < left <= 60)

    def test_a_task_s_wait_ends(self):
        gate = Gate()
        f = cached(gate)
        async def main():
            load = asyncio.create_task(f(1))
            await turns()
            for seconds in (0.02, 0):
                with scopecache.deadline(seconds), self.assertRaisesRegex(TimeoutError, "deadline"):
                    await f(1)
            gate.open = True
            return await load
        self.assertEqual(asyncio.run(main()), [1])
        self.assertEqual(gate.calls, [1])

    def test_a_thread_s_wait_ends(self):
        entered, go = threading.Event(), threading.Event()
        @cached
        def f(x):
            entered.set()
            go.wait()
            return x
        thread = threading.Thread(target=f, args=(1,))
        thread.start()
        entered.wait()
        for seconds in (0.02, 0):
            with scopecache.deadline(seconds), self.assertRaisesRegex(TimeoutError, "deadline"):
                f(1)
        with scopecache.deadline(3600):
            threading.Timer(0.02, go.set).start()
            self.assertEqual(f(1), 1)
        thread.join()


class ThreadsTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-5)

    def run_loops(self, main, count=4):
        failures = []
        def work(seed):
            try:
                asyncio.run(asyncio.wait_for(main(random.Random(seed)), 60))
            except BaseException as error:
                failures.append(error)
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])

    def test_loops_of_several_threads_share_one_call(self):
        calls, values, go = [], [], threading.Event()
        async def call(x):
            calls.append(x)
            while not go.is_set():
                await asyncio.sleep(0.001)
            return [x]
        f = cached(call)
        async def main(chosen):
            values.extend(await asyncio.gather(*(f(1) for _ in range(5))))
        opener = threading.Thread(target=lambda: (
            wait_for_threads(lambda: f.cache_info().hits >= 19), go.set()))
        opener.start()
        self.run_loops(main)
        opener.join()
        self.assertEqual((calls, len(values), len(set(map(id, values)))), ([1], 20, 1))

    def test_a_load_passes_to_another_loop(self):
        entered, stop = threading.Event(), threading.Event()
        calls = []
        async def call(x):
            calls.append(threading.get_ident())
            entered.set()
            while len(calls) == 1:
                await asyncio.sleep(0.001)
            return [x]
        f = cached(call)
        def first():
            async def main():
                task = asyncio.create_task(f(1))
                while not stop.is_set():
                    await asyncio.sleep(0.001)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            asyncio.run(main())
        threads = [threading.Thread(target=first)]
        threads[0].start()
        entered.wait()
        values = []
        for _ in range(2):
            threads.append(threading.Thread(target=lambda: values.append(asyncio.run(f(1)))))
            threads[-1].start()
        wait_for_threads(lambda: f.cache_info().hits == 2)
        stop.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual((len(calls), len(values)), (2, 2))
        self.assertIs(*values)

    def test_a_loop_that_stops_while_another_waits(self):
        entered = threading.Event()
        calls = []
        async def call(x):
            calls.append(x)
            if len(calls) == 1:
                entered.set()
                await asyncio.get_running_loop().create_future()
            return [x]
        f = cached(call)
        loop = asyncio.new_event_loop()
        tasks = []
        def first():
            async def main():
                tasks.append(asyncio.create_task(f(1)))
                while f.cache_info().hits < 1:
                    await asyncio.sleep(0.001)
            loop.run_until_complete(main())
        thread = threading.Thread(target=first)
        thread.start()
        entered.wait()
        self.assertEqual(asyncio.run(asyncio.wait_for(f(1), 30)), [1])
        thread.join()
        tasks[0]._log_destroy_pending = False
        loop.close()
        self.assertEqual(calls, [1, 1])

    def test_everything_at_once(self):
        """Loads that end, fail, are cancelled, cleared and run into each other, in four loops."""
        running = {}
        @cached(maxsize=3)
        async def f(x):
            await asyncio.sleep(random.random() * 0.0005)
            if random.random() < 0.1:
                raise LookupError
            if random.random() < 0.1:
                return [(await f(random.randrange(6)))[0] * 0 + x]
            return [x]
        async def one(chosen):
            x = chosen.randrange(6)
            if chosen.random() < 0.05:
                f.cache_clear()
            if chosen.random() < 0.1:
                f.cache_invalidate(x)
            with contextlib.suppress(LookupError, TimeoutError):
                if chosen.random() < 0.3:
                    value = await asyncio.wait_for(f(x), chosen.random() * 0.001)
                else:
                    value = await f(x)
                self.assertEqual(value, [x])
        async def main(chosen):
            for _ in range(25):
                tasks = [asyncio.create_task(one(chosen)) for _ in range(8)]
                await turns(chosen.randrange(3))
                if chosen.random() < 0.5:
                    chosen.choice(tasks).cancel()
                for task in tasks:
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
        self.run_loops(main)
        self.assertEqual(running, {})
        f.cache_clear()
        async def settled():
            for x in range(6):
                with contextlib.suppress(LookupError):
                    await f(x)
        asyncio.run(asyncio.wait_for(settled(), 30))

    def test_one_call_per_key_at_a_time(self):
        running, calls = set(), []
        @cached(maxsize=3)
        async def f(x):
            if x in running:
                raise AssertionError("two at once")
            running.add(x)
            calls.append(x)
            await asyncio.sleep(0.0002)
            running.discard(x)
            return x
        async def main(chosen):
            for _ in range(40):
                keys = [chosen.randrange(9) for _ in range(6)]
                self.assertEqual(await asyncio.gather(*map(f, keys)), keys)
        self.run_loops(main)
        self.assertLess(len(calls), 4 * 40 * 6)


class MemoryTest(unittest.TestCase):
    @unittest.skipUnless(_testcapi, "_testcapi is not installed")
    @unittest.skipIf(DEBUG or sys.version_info >= (3, 12), NO_MEMORY_FOR_PYTHON)
    def test_every_allocation_fails(self):
        async def call(x, y=0):
            return [x]
        async def main(options):
            failures = 0
            for allocation in itertools.count():
                f = cached(**options)(call)
                failed = False
                _testcapi.set_nomemory(allocation, allocation + 1)
                try:
                    for x in (1, 2, 3, 4, 5, 1, 5):
                        await f(x, y=x)
                except MemoryError:
                    failed = True
                    failures += 1
                finally:
                    _testcapi.remove_mem_hooks()
                for x in range(9):
                    self.assertEqual(await f(x, y=x), [x])
                if allocation > 150 and not failed:
                    return failures
        for options in ({"maxsize": 3}, {"max_bytes": 2000}, {"coalesce": False}):
            self.assertGreater(asyncio.run(main(options)), 0)

    def test_references_are_balanced(self):
        value = object()
        @cached(maxsize=2)
        async def f(x, y=None):
            await asyncio.sleep(0)
            if x == 2:
                raise LookupError
            return value
        async def one(x):
            with contextlib.suppress(LookupError):
                await f(x, y=value)
        async def main():
            tasks = [asyncio.create_task(one(number % 4)) for number in range(20)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            f.cache_invalidate(1, y=value)
            f(1).close()
            f.cache_clear()
        def count():
            gc.collect()
            return getattr(sys, "gettotalrefcount", lambda: 0)(), sys.getrefcount(value)
        for _ in range(5):
            asyncio.run(main())
        total, of_value = count()
        for _ in range(50):
            asyncio.run(main())
        again, of_value_again = count()
        self.assertEqual(of_value_again, of_value)
        self.assertLess(abs(again - total), 50)


if __name__ == "__main__":
    unittest.main()
