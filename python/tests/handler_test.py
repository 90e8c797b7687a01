"""The edges of an invocation, under Amazon's client and without it."""

import asyncio
import http.server
import importlib.util
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest

import scopecache
from scopecache import _core, _fresh, _handler, cached, handler

CLIENT = "awslambdaric.lambda_runtime_client"
HAS_CLIENT = importlib.util.find_spec("awslambdaric") is not None


class Context:
    memory_limit_in_mb = "512"

    def __init__(self, left_ms=3000):
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self):
        return self.left_ms


def end_invocation():
    _handler.do_what_is_due()


class HandlerTest(unittest.TestCase):
    def setUp(self):
        end_invocation()
        _fresh.queue.clear()
        self.addCleanup(end_invocation)

    def test_the_deadline_holds_in_the_handler(self):
        @handler
        def handle(event, context):
            return event, scopecache.remaining()
        event, left = handle({"a": 1}, Context())
        self.assertEqual(event, {"a": 1})
        self.assertTrue(2.5 < left <= 3)
        self.assertIsNone(scopecache.remaining())
        # Whatever calls it, such as a test of the handler.
        for context in (None, object(), Context(None), Context("soon")):
            self.assertEqual(handle(1, context), (1, None))
        self.assertEqual(handle.__name__, "handle")
        self.assertEqual(handle.__wrapped__(2, None), (2, None))

    def test_an_asynchronous_handler_has_one_loop(self):
        loops = []
        @cached
        async def f(x):
            return [x]
        @handler
        async def handle(event, context):
            loops.append(asyncio.get_running_loop())
            left = await asyncio.create_task(self.left())
            return await f(event), left
        (one, left), (two, _) = handle(1, Context()), handle(1, Context())
        self.assertIs(one, two)
        self.assertIs(*loops)
        self.assertTrue(2.5 < left <= 3)

    async def left(self):
        return scopecache.remaining()

    def test_an_exception_passes(self):
        for is_async in (False, True):
            def fail(event, context):
                raise LookupError
            async def fail_async(event, context):
                raise LookupError
            with self.assertRaises(LookupError):
                handler(fail_async if is_async else fail)({}, Context())
            self.assertIsNone(scopecache.remaining())

    def test_without_amazon_s_client_the_next_invocation_refreshes(self):
        for is_async in (False, True):
            calls = []
            async def ask_async():
                calls.append(scopecache.remaining())
                return len(calls)
            def ask():
                calls.append(scopecache.remaining())
                return len(calls)
            f = cached(ttl=60, refresh_after=10)(ask_async if is_async else ask)
            async def handle_async(event, context):
                return await f()
            handle = handler(handle_async if is_async else lambda event, context: f())
            self.assertEqual(handle({}, Context()), 1)
            _core.advance_clock(11)
            self.assertEqual(handle({}, Context()), 1)
            self.assertEqual(len(calls), 1)
            self.assertEqual(handle({}, Context()), 2)
            self.assertTrue(0 < calls[1] <= 0.5)

    def test_refreshes_need_time(self):
        for options, context in (({"budget": 0}, Context()), ({}, Context(0))):
            calls = []
            f = cached(ttl=60, refresh_after=10)(lambda calls=calls: calls.append(1))
            handle = handler(**options)(lambda event, context: f())
            handle({}, context)
            _core.advance_clock(11)
            handle({}, context)
            end_invocation()
            self.assertEqual(len(calls), 1)
            _fresh.queue.clear()

    def test_figures(self):
        reports = []
        @cached(ttl=60, stale_while_revalidate=60)
        def f(x):
            return x
        @handler(figures=reports.append)
        def handle(event, context):
            return f(event), f(event)
        handle(1, Context())
        self.assertEqual(reports, [])
        end_invocation()
        _core.advance_clock(61)
        handle(1, Context())
        end_invocation()
        end_invocation()
        self.assertEqual(len(reports), 2)
        name = f.__qualname__
        rows = [next(row for row in report["caches"] if row["name"] == name) for report in reports]
        self.assertEqual([(row["hits"], row["misses"], row["stale"]) for row in rows],
                         [(1, 1, 0), (2, 0, 2)])
        report = reports[0]
        self.assertEqual((report["memory_mb"], report["handler"]), (512, handle.__qualname__))
        self.assertGreater(report["most_memory_used_mb"], 1)
        self.assertGreaterEqual(report["duration_ms"], 0)
        self.assertNotIn("secret", json.dumps(report))

    def test_figures_in_the_log(self):
        handle = handler(lambda event, context: None)
        with self.assertLogs("scopecache", logging.DEBUG) as logs:
            handle({}, Context())
            end_invocation()
        self.assertEqual(json.loads(logs.records[0].getMessage())["memory_mb"], 512)
        with self.assertNoLogs("scopecache", logging.INFO):
            handle({}, Context())
            end_invocation()

    def test_figures_that_raise_do_not_end_the_client_s_loop(self):
        handle = handler(figures=lambda report: 1 // 0)(lambda event, context: 5)
        handle({}, Context())
        with self.assertLogs("scopecache", logging.WARNING) as logs:
            end_invocation()
        self.assertIn("ZeroDivisionError", logs.output[0])

    def test_options(self):
        for options, pattern in (({"budget": "x"}, "a budget must be"),
                                 ({"budget": -1}, "a budget must be"),
                                 ({"figures": 5}, "figures must be")):
            with self.assertRaisesRegex((TypeError, ValueError), pattern):
                handler(**options)
        self.assertRaisesRegex(TypeError, "handler takes a function", handler, 5)
        with self.assertRaisesRegex(TypeError, "generator"):
            handler(HandlerTest.each)

    def each(self):
        yield 1

    def test_part_of_the_function_s_memory(self):
        code = ("from scopecache import cached; f = cached(max_bytes='1%')(bytes)\n"
                "for number in range(3000): f(number)\nprint(f._bytes())")
        used = {}
        for memory in ("128", "512", ""):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                  env={**os.environ, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory},
                                  check=True)
            used[memory] = int(done.stdout)
        self.assertTrue(1_200_000 < used["128"] <= 0.01 * (128 << 20), used)
        self.assertTrue(3_000_000 < used["512"] <= 0.01 * (512 << 20), used)
        self.assertGreater(used[""], 3_000_000)
        for text in ("0%", "-5%", "101%", "x%", "%"):
            with self.assertRaisesRegex(ValueError, "25%"):
                cached(max_bytes=text)


class ClientTest(unittest.TestCase):
    """Whether the client's method is wrapped, by what it is."""

    def client(self, method):
        module = types.ModuleType(CLIENT)
        class Base:
            pass
        Base.wait_next_invocation = method
        class LambdaRuntimeClient(Base):
            pass
        class Other(Base):
            pass
        module.LambdaRuntimeClient, module.Other = LambdaRuntimeClient, Other
        before = sys.modules.get(CLIENT)
        sys.modules[CLIENT] = module
        self.addCleanup(lambda: sys.modules.pop(CLIENT) if before is None
                        else sys.modules.__setitem__(CLIENT, before))
        return module

    def test_it_is_wrapped_once(self):
        waits = []
        def wait_next_invocation(self):
            waits.append(self)
            return "next"
        client = self.client(wait_next_invocation)
        done = []
        handle = handler(figures=done.append)(lambda event, context: None)
        for _ in range(3):
            handle({}, Context())
            self.assertEqual(len(done), len(waits))
            self.assertEqual(client.LambdaRuntimeClient().wait_next_invocation(), "next")
            self.assertEqual(len(done), len(waits))
        self.assertIs(client.LambdaRuntimeClient.wait_next_invocation.__wrapped__,
                      wait_next_invocation)
        self.assertEqual(client.Other().wait_next_invocation(), "next")

    def test_what_is_not_as_it_is_known_stays(self):
        async def coroutine(self):
            pass
        for method in (lambda self, more: None, lambda self, *more: None, coroutine, len, None,
                       lambda self, *, option: None, staticmethod(lambda: None), property(len)):
            client = self.client(method)
            kept = vars(client.LambdaRuntimeClient.__mro__[1])["wait_next_invocation"]
            self.assertFalse(_handler.watch_client())
            self.assertIs(vars(client.LambdaRuntimeClient.__mro__[1])["wait_next_invocation"], kept)
        for odd in (None, 5, lambda: None):
            client.LambdaRuntimeClient = odd
            self.assertFalse(_handler.watch_client())
        del client.LambdaRuntimeClient
        self.assertFalse(_handler.watch_client())
        sys.modules[CLIENT] = None
        self.assertFalse(_handler.watch_client())


FUNCTION = """
import asyncio, logging, os, urllib.request
import scopecache
from scopecache import _core

def ask():
    with urllib.request.urlopen(os.environ["SOURCE"]) as answer:
        return int(answer.read())

source = scopecache.cached(ttl=600, refresh_after=10)(ask)

@scopecache.cached(ttl=600, refresh_after=10)
async def source_async():
    await asyncio.sleep(0)
    return ask()

reports = []

@scopecache.handler(figures=reports.append)
def handle(event, context):
    _core.advance_clock(event["wait"])
    return {"value": source(), "left": scopecache.remaining(), "reports": len(reports)}

@scopecache.handler(figures=reports.append)
async def handle_async(event, context):
    _core.advance_clock(event["wait"])
    return {"value": await source_async(), "left": scopecache.remaining(), "reports": len(reports)}

def undecorated(event, context):
    _core.advance_clock(event["wait"])
    return {"value": source(), "left": scopecache.remaining(), "reports": len(reports)}
"""


class RuntimeApi:
    """A Runtime API that gives one event after the other, and notes what is asked of it."""

    def __init__(self, events):
        self.events, self.answers, self.asked = list(events), [], []
        self.source, self.ended = 0, threading.Event()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/source":
                    api.source += 1
                    api.asked.append("source")
                    self.answer(200, b"%d" % api.source)
                    return
                api.asked.append("next")
                if not api.events:
                    api.ended.set()
                    time.sleep(60)
                    return
                deadline = int(time.time() * 1000) + 10000
                self.answer(200, json.dumps(api.events.pop(0)).encode(),
                            Lambda_Runtime_Aws_Request_Id=f"id-{len(api.answers)}",
                            Lambda_Runtime_Deadline_Ms=str(deadline),
                            Lambda_Runtime_Invoked_Function_Arn="arn",
                            Content_Type="application/json")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                api.asked.append("response")
                api.answers.append(json.loads(body))
                self.answer(202)

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, name, **environment):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "function.py").write_text(FUNCTION, encoding="utf-8")
            path = os.pathsep.join([folder, *filter(None, sys.path)])
            process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", f"function.{name}"],
                env={**os.environ, "AWS_LAMBDA_RUNTIME_API": self.address, "PYTHONPATH": path,
                     "SOURCE": f"http://{self.address}/source",
                     "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", **environment},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.ended.wait(60)
            process.kill()
            output = process.communicate()[0]
            self.server.shutdown()
            self.server.server_close()
        if not self.ended.is_set():
            raise AssertionError(output)
        return output


@unittest.skipUnless(HAS_CLIENT, "awslambdaric is not installed")
class AmazonTest(unittest.TestCase):
    EVENTS = [{"wait": 0}, {"wait": 11}, {"wait": 1}]

    def test_refreshes_come_after_the_response(self):
        for name in ("handle", "handle_async"):
            with self.subTest(name):
                api = RuntimeApi(self.EVENTS)
                output = api.run(name)
                self.assertEqual([answer.get("value") for answer in api.answers], [1, 1, 2], output)
                self.assertEqual([answer["reports"] for answer in api.answers], [0, 1, 2], output)
                self.assertTrue(all(5 < answer["left"] <= 10 for answer in api.answers))
                self.assertEqual(api.asked, ["next", "source", "response", "next", "response",
                                             "source", "next", "response", "next"])

    def test_without_the_decorator_caches_work(self):
        api = RuntimeApi([*self.EVENTS, {"wait": 700}])
        output = api.run("undecorated")
        self.assertEqual([answer["value"] for answer in api.answers], [1, 1, 1, 2], output)

    def test_the_released_client_is_as_it_is_known(self):
        code = ("import awslambdaric.lambda_runtime_client as c\n"
                "from scopecache import _handler\n"
                "assert _handler.watch_client() and _handler.watch_client()\n"
                "for name in ('LambdaRuntimeClient', 'LambdaMultiConcurrentRuntimeClient'):\n"
                "    assert getattr(c, name).wait_next_invocation.scopecache, name\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_snapstart(self):
        code = ("import scopecache, snapshot_restore_py as s\n"
                "from awslambdaric.lambda_runtime_hooks_runner import run_after_restore\n"
                "f = scopecache.cached(ttl=60, jitter=50)(lambda: [1])\n"
                "f(); run_after_restore(); f()\n"
                "print(len(s.get_after_restore()))\n")
        for kind, count in (("snap-start", "1"), ("on-demand", "0")):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                  env={**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": kind},
                                  check=False)
            self.assertEqual((done.stdout.strip(), done.stderr), (count, ""))

    def test_snapstart_without_lambda_s_package(self):
        code = ("import sys; sys.modules['snapshot_restore_py'] = None\n"
                "import scopecache; scopecache.cached(len)('x')")
        subprocess.run([sys.executable, "-c", code], check=True,
                       env={**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})


if __name__ == "__main__":
    unittest.main()
