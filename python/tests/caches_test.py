"""What the caches guarantee beyond functools."""

import dataclasses
import datetime
import functools
import gc
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import traceback
import unittest
import weakref

import scopecache
from scopecache import Cache, cached, lru_cache, resource


class Instance:
    @cached
    def method(self, x):
        return [x]


class CachedTest(unittest.TestCase):
    def test_equal_arguments_share_an_entry_unless_typed(self):
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

    def test_invalidate_removes_one_entry(self):
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

    def test_reentry_calls_the_function(self):
        depth = []

        def call(x):
            depth.append(x)
            return f(x) if len(depth) < 3 else [x]
        f = cached(call)
        self.assertIs(f(1), f(1))
        self.assertEqual(len(depth), 3)

    def test_threads_that_wait_for_each_other_call_the_function(self):
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

    def test_an_instance_is_known_by_its_identity(self):
        class Equal:
            def __eq__(self, other):
                return isinstance(other, Equal)
            @cached
            def method(self):
                return object()
        one, other = Equal(), Equal()
        self.assertIs(one.method(), one.method())
        self.assertIsNot(one.method(), other.method())

    def test_an_instance_without_weak_references_is_also_known_by_its_identity(self):
        class Equal:
            __slots__ = ("number",)
            def __eq__(self, other):
                return isinstance(other, Equal)
            @cached
            def method(self):
                return object()
        one, other = Equal(), Equal()
        self.assertIs(one.method(), one.method())
        self.assertIsNot(one.method(), other.method())

    def test_entries_are_removed_with_their_instance(self):
        owners = [Instance() for _ in range(50)]
        Instance.method.cache_clear()
        for owner in owners:
            owner.method(1)
            owner.method(2)
        self.assertEqual(Instance.method.cache_info().currsize, 100)
        del owners[10:], owner
        gc.collect()
        self.assertEqual(Instance.method.cache_info().currsize, 20)
        Instance.method.cache_clear()

    def test_static_and_class_methods(self):
        class Owner:
            @staticmethod
            @cached
            def static(x):
                return [x]
            @cached
            @staticmethod
            def cached_static(x):
                return [x]
            @classmethod
            @cached
            def of_class(cls, x):
                return [cls, x]
            @cached(ttl=60)
            @classmethod
            def cached_class(cls, x):
                return [cls, x]
        for name in ("static", "cached_static", "of_class", "cached_class"):
            of_class, of_instance = getattr(Owner, name), getattr(Owner(), name)
            self.assertIs(of_class(1), of_instance(1))
            self.assertEqual(of_class(1)[-1], 1)
            self.assertEqual(of_class.cache_info().hits, 2)
            self.assertEqual(of_class.__wrapped__.__name__, name)

    def test_a_ttl_of_the_value_may_be_text_or_a_timedelta(self):
        for ttl in ("5m", datetime.timedelta(minutes=5), 300, 300.5):
            f = cached(ttl=lambda value, ttl=ttl: ttl)(lambda: [])
            self.assertIs(f(), f())
        for ttl in (0, -1, "0s"):
            f = cached(ttl=lambda value, ttl=ttl: ttl)(lambda: [])
            self.assertIsNot(f(), f())
        with self.assertRaisesRegex(ValueError, "ttl must be"):
            cached(ttl=lambda value: "soon")(lambda: 1)()

    def test_a_value_larger_than_max_bytes_is_not_kept_and_evicts_nothing(self):
        for policy in ("adaptive", "lru"):
            f = cached(max_bytes="20kB", policy=policy)(bytes)
            f(100)
            f(50_000)
            self.assertEqual(f.cache_info().currsize, 1)
            f(100)
            self.assertEqual(f.cache_info().hits, 1)

    def test_parameters_are_those_that_were_given(self):
        f = cached(maxsize=5, ttl="5m")(len)
        self.assertEqual(f.cache_parameters(), {"maxsize": 5, "typed": False, "ttl": "5m"})
        self.assertEqual(cached(len).cache_parameters(), {"maxsize": 128, "typed": False})

    def test_without_copy_a_change_is_seen_by_all(self):
        f = cached(lambda: [])
        f().append(1)
        self.assertEqual(f(), [1])

    def test_the_adaptive_policy_resists_a_scan_and_exact_order_does_not(self):
        hits = {}
        for policy in ("adaptive", "lru"):
            f = cached(maxsize=64, policy=policy)(lambda x: x)
            for lap in range(200):
                for x in range(40):
                    f(x)
                for x in range(40):
                    f(1000 + lap * 40 + x)
            hits[policy] = f.cache_info().hits
        self.assertGreater(hits["adaptive"], 5000)
        self.assertLess(hits["lru"], 100)

    def test_only_the_interpreter_s_own_error_is_extended(self):
        class Failure(TypeError):
            pass

        class Key:
            def __init__(self, error):
                self.error = error

            def __hash__(self):
                raise self.error
        for decorator in (cached, lru_cache):
            for error in (Failure("mine"), TypeError("mine")):
                try:
                    decorator(lambda x: x)(Key(error))
                except TypeError as caught:
                    self.assertIs(caught, error)
                self.assertEqual(error.args, ("mine",))
                self.assertEqual(len(traceback.extract_tb(error.__traceback__)), 2)
        for f in (lru_cache(lambda x: x), cached(key=lambda x: x)(lambda x: x)):
            self.assertRaisesRegex(TypeError, "^unhashable type: 'list'$", f, [])
        self.assertRaisesRegex(TypeError, r"\(argument 1\)$", Instance().method, [])

    def test_an_instance_ends_where_a_decorator_is_around_the_cache(self):
        def logged(function):
            @functools.wraps(function)
            def call(*arguments):
                return function(*arguments)
            return call

        class Owner:
            @property
            @cached
            def number(self):
                return [1]

            @logged
            @cached
            def method(self):
                return [1]

            @classmethod
            @cached
            def of_class(cls):
                return [1]

        class Derived(Owner):
            pass

        owner = Derived()
        self.assertIs(owner.number, owner.number)
        self.assertIs(owner.method(), owner.method())
        self.assertIs(owner.of_class(), Derived.of_class())
        references = weakref.ref(owner), weakref.ref(Derived)
        del owner, Derived
        gc.collect()
        self.assertEqual([reference() for reference in references], [None, None])

    def test_a_function_inside_a_function_is_no_method(self):
        @dataclasses.dataclass(frozen=True)
        class Point:
            x: int

        @cached
        def f(self):
            return [self]
        self.assertIs(f(Point(1)), f(Point(1)))

    def test_nested_calls_keep_the_value_that_functools_keeps(self):
        for maxsize in (None, 5):
            results = []
            for decorator in (functools.lru_cache, lru_cache):
                calls = []

                @decorator(maxsize)
                def f():
                    calls.append(1)
                    return (f(), "outer")[1] if len(calls) == 1 else "inner"
                results.append((f(), f(), f.cache_info()))
            self.assertEqual(*results)

    def test_an_expired_entry_is_not_there_to_invalidate(self):
        f = cached(ttl="20ms")(lambda: [])
        f()
        threading.Event().wait(0.1)
        self.assertFalse(f.cache_invalidate())


class OptionsTest(unittest.TestCase):
    """An error says which option is wrong, what it may be, and what it was."""

    WRONG = {
        "maxsize": ("ten", 1.5, [], (1,)),
        "max_bytes": (True, "much", "5 parsecs", 0, -1, 1.5, "20GB", 1 << 40, ""),
        "ttl": (True, "5 eons", "soon", 0, -1, "-5m", float("nan"), "", [], datetime.timedelta(0)),
        "typed": (1, "yes", None),
        "key": (5, "key"),
        "policy": ("best", None, [], 5),
        "coalesce": (1, None),
        "copy": ("shallow", 5, []),
    }

    def test_of_cached(self):
        for option, values in self.WRONG.items():
            for value in values:
                for use in (
                    lambda: cached(**{option: value}),
                    lambda: cached(len, **{option: value}),
                ):
                    with self.subTest(option=option, value=value):
                        with self.assertRaises((TypeError, ValueError)) as caught:
                            use()
                        message = str(caught.exception)
                        self.assertTrue(message.startswith(f"{option} must be "), message)
                        self.assertTrue(message.endswith(f"not {value!r}"), message)

    def test_of_a_mapping(self):
        for option, values in self.WRONG.items():
            for value in values if option != "key" else ():
                with self.subTest(option=option, value=value):
                    with self.assertRaisesRegex((TypeError, ValueError), f"^{option} must be"):
                        Cache(**{option: value})

    def test_of_a_resource(self):
        with self.assertRaisesRegex(TypeError, "^opener must be"):
            resource(5)

    def test_functions_whose_results_are_used_once_are_refused(self):
        async def fetch_each():
            yield 1

        def each():
            yield 1

        class Each:
            def __call__(self):
                yield 1
        for kind, function in (
            ("generator", each), ("generator", functools.partial(each)), ("generator", Each()),
            ("async generator", fetch_each),
        ):
            with self.assertRaisesRegex(TypeError, f"cached does not take {kind} functions"):
                cached(function)

    def test_unknown_options_and_no_function(self):
        self.assertRaises(TypeError, cached, tll=5)
        self.assertRaisesRegex(TypeError, "cached takes a function", cached, 5)

    def test_valid_options(self):
        for options in (
            {"maxsize": None}, {"maxsize": -5}, {"maxsize": True},
            {"max_bytes": "64MB"}, {"max_bytes": "1.5 kb"}, {"max_bytes": 1},
            {"ttl": "90 s"}, {"ttl": "1.5h"}, {"ttl": 1e30}, {"ttl": "2d"}, {"ttl": "50ms"},
            {"policy": "lru"}, {"copy": "deep"},
        ):
            self.assertEqual(cached(**options)(len)("abc"), 3)
            self.assertEqual(Cache(**options).get(5), None)


class ProcessTest(unittest.TestCase):
    def run_python(self, code, *options):
        return subprocess.run(
            [sys.executable, *options, "-c", code], capture_output=True, text=True, check=False
        )

    def test_import_adds_no_module_that_a_runtime_lacks(self):
        done = self.run_python("import sys, scopecache; print(*sys.modules)")
        slow = {"asyncio", "inspect", "typing", "datetime", "copy"}
        self.assertFalse(slow & set(done.stdout.split()), done.stdout)

    def test_a_sub_interpreter_is_refused_in_one_sentence(self):
        done = self.run_python("""
try: import _xxsubinterpreters as interpreters
except ImportError: import _interpreters as interpreters
print(interpreters.run_string(interpreters.create(), "import scopecache"))""")
        self.assertRegex(done.stderr + done.stdout, "scopecache works in the main interpreter only"
                                                    "|does not support loading in subinterpreters")

    @unittest.skipUnless(shutil.which("gcc"), "there is no gcc")
    def test_a_free_threaded_interpreter_is_refused_in_one_sentence(self):
        package = pathlib.Path(__file__).resolve().parents[1]
        done = subprocess.run(
            ["gcc", "-fsyntax-only", "-DPy_GIL_DISABLED", f"-I{package.parent}/include",
             f"-I{sysconfig.get_path('include')}", package / "ext/memo_type.c"],
            capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("scopecache needs an interpreter with the global interpreter lock.",
                      done.stderr)

    def test_seven_hundred_caches_take_nothing_before_the_first_call(self):
        done = self.run_python("""
import scopecache
def mapped(): return int(open("/proc/self/statm").read().split()[0]) * 4096
before = mapped()
caches = [scopecache.cached(lambda x: x) for _ in range(700)]
made = mapped()
for cache in caches:
    for x in range(128): cache(x)
print(made - before, mapped() - before)""")
        made, used = map(int, done.stdout.split())
        self.assertLess(made, 4 << 20)
        self.assertLess(used, 700 * 128 * 300)

    def test_caches_that_are_alive_at_the_end(self):
        done = self.run_python("""
import scopecache
class Odd:
    def __del__(self): f(2)
@scopecache.cached
def f(x): return Odd()
f(1)
cache = scopecache.Cache(); cache[1] = cache, f, Odd()""", "-X", "dev")
        self.assertEqual((done.returncode, "Fatal" in done.stderr), (0, False), done.stderr)

    def test_the_pytest_plugin_clears_between_tests(self):
        try:
            import pytest  # noqa: F401
        except ImportError:
            self.skipTest("pytest is not installed")
        code = """
import scopecache
calls = []
@scopecache.cached
def f(): calls.append(1)
def test_one(): f(); f(); assert len(calls) == 1
def test_two(): f(); assert len(calls) == 2
"""
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "test_plugin.py").write_text(code, encoding="utf-8")
            # Where the package is installed, pytest finds its plugin.
            points = importlib.metadata.entry_points(group="pytest11", name="scopecache")
            plugin = [] if points else ["-p", "scopecache.pytest_plugin"]
            done = subprocess.run([sys.executable, "-m", "pytest", "-q", *plugin, folder],
                                  capture_output=True, text=True, check=False, cwd=folder)
        self.assertIn("2 passed", done.stdout, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
