"""The choice of an environment, the start of new ones, and calls beyond --max-environments."""

import concurrent.futures
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import unittest

from local_server import BOOTSTRAPS, Local, eventually


class Fleet(unittest.TestCase):
    def start(self, *options, **functions):
        return self.enterContext(Local("--timeout", "60", *options, **functions))

    def in_parallel(self, local, count, event, name="odd"):
        """Returns the answers of `count` concurrent invocations."""
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: local.invoke(name, event), range(count)))

    def hold(self, local, count, name="odd"):
        """Start invocations that last until release() is called for each of them."""
        connections = []
        for _ in range(count):
            connection = local.connect()
            connection.request(
                "POST", f"/2015-03-31/functions/{name}/invocations", b'{"do":"sleep","seconds":50}'
            )
            connections.append(connection)
        self.addCleanup(lambda: [connection.close() for connection in connections])
        eventually(lambda: len(local.environments("busy")) >= count, "all invocations")

    def send_event(self, local, event, name="odd"):
        """Returns the status of an asynchronous invocation."""
        answer = local.invoke(name, event, {"X-Amz-Invocation-Type": "Event"})
        return answer.status

    def test_sequential_calls_need_one_environment(self):
        local = self.start(odd="odd.py")
        ids = set()
        for _ in range(300):
            ids.add(local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"])
            # The server waits for it for 0.1 s, which is too short on a loaded machine.
            eventually(lambda: local.environments("idle"), "an idle environment")
        self.assertEqual(len(ids), 1)
        self.assertEqual(local.function()["cold_starts"], 1)

    def test_one_environment_for_each_concurrent_call(self):
        local = self.start(odd="odd.py")
        answers = self.in_parallel(local, 12, {"do": "sleep", "seconds": 1})
        self.assertEqual(len({answer.json()["id"] for answer in answers}), 12)
        self.assertEqual(local.function()["cold_starts"], 12)
        local.settle()
        again = self.in_parallel(local, 12, {"do": "sleep", "seconds": 1})
        self.assertEqual(
            {answer.json()["id"] for answer in again}, {answer.json()["id"] for answer in answers}
        )
        self.assertEqual(local.function()["cold_starts"], 12)

    def test_the_one_used_last_comes_first(self):
        local = self.start(odd="odd.py")
        self.in_parallel(local, 3, {"do": "sleep", "seconds": 0.5})
        eventually(lambda: len(local.environments("idle")) == 3, "three idle environments")
        first = local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"]
        for _ in range(20):
            eventually(lambda: len(local.environments("idle")) == 3, "three idle environments")
            self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"], first)
        counts = sorted(environment["invocations"] for environment in local.environments())
        self.assertEqual(counts, [1, 1, 22])

    def test_functions_do_not_share(self):
        local = self.start(one="odd.py", two="odd.py")
        one, two = (local.invoke(name, {"do": "echo"}).json() for name in ("one", "two"))
        self.assertNotEqual(one["id"], two["id"])
        self.assertEqual(
            [answer["environment"]["AWS_LAMBDA_FUNCTION_NAME"] for answer in (one, two)],
            ["one", "two"],
        )
        self.assertEqual([local.function(name)["invocations"] for name in ("one", "two")], [1, 1])
        self.assertEqual(
            local.function("one")["arn"], "arn:aws:lambda:us-east-1:012345678912:function:one"
        )

    def test_too_many_at_once(self):
        local = self.start("--max-environments", "2", odd="odd.py")
        self.hold(local, 2)
        answer = local.invoke(event={})
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.headers["x-amzn-errortype"], "TooManyRequestsException")
        self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertEqual(
            answer.json(),
            {
                "Type": "User",
                "Reason": "ConcurrentInvocationLimitExceeded",
                "Message": "Rate Exceeded.",
            },
        )
        eventually(lambda: "--max-environments allows more\n" in local.log, "a line of the log")
        lines = [line for line in local.log.splitlines() if "TooManyRequests" in line]
        self.assertEqual(
            lines,
            [
                f"RequestId: {answer.headers['x-amzn-RequestId']} Error: TooManyRequestsException: "
                "odd was not invoked: as many environments as are allowed (2) are in use; "
                "--max-environments allows more"
            ],
        )
        self.assertEqual(local.function()["throttles"], 1)
        self.assertEqual(len(local.environments()), 2)

    def test_events_are_queued(self):
        local = self.start("--max-environments", "1", odd="odd.py")
        first = local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"]
        for number in range(5):
            answer = local.invoke(
                event={"do": "print_raw", "text": f"event {number}\n"},
                headers={"X-Amz-Invocation-Type": "Event"},
            )
            self.assertEqual(answer.status, 202)
        eventually(lambda: "event 4\n" in local.log, "the last event")
        at = [local.log.index(f"event {number}\n") for number in range(5)]
        self.assertEqual(at, sorted(at))
        eventually(lambda: local.environments("idle"), "the end of the last")
        self.assertEqual([environment["id"] for environment in local.environments()], [first])

    def test_the_queue_of_events_is_bounded(self):
        local = self.start("--max-environments", "1", odd="odd.py")
        self.hold(local, 1)
        connection = local.connect()
        statuses = []
        for _ in range(1002):
            connection.request(
                "POST",
                "/2015-03-31/functions/odd/invocations",
                b'{"do":"sleep","seconds":0}',
                {"X-Amz-Invocation-Type": "Event"},
            )
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        self.assertEqual(statuses, [202] * 1000 + [429] * 2)
        words = "(1) are in use, and 1000 events of 0 MiB wait already; "
        eventually(lambda: words in local.log, "a line of the log")

    def test_the_bytes_of_queued_events_are_bounded(self):
        local = self.start("--max-environments", "1", odd="odd.py")
        self.hold(local, 1)
        event = b'"' + b"x" * (1024 * 1024 - 2) + b'"'
        statuses = [self.send_event(local, event) for _ in range(66)]
        self.assertEqual(statuses, [202] * 64 + [429] * 2)

    def test_a_caller_goes_before_events(self):
        local = self.start("--max-environments", "1", odd="odd.py")
        # Long enough for all calls below to arrive.
        first = local.invoke(event={"do": "work_after", "seconds": 4}).json()
        for _ in range(3):
            self.assertEqual(self.send_event(local, b'{"do":"sleep","seconds":0}'), 202)
        second = local.invoke(event={"do": "sleep", "seconds": 0})
        self.assertEqual(second.status, 200)
        self.assertEqual((second.json()["id"], second.json()["count"]), (first["id"], 2))
        eventually(lambda: local.function()["invocations"] == 5, "the events")

    def test_no_event_starts_before_a_caller_that_waits(self):
        local = self.start("--max-environments", "2", one="odd.py", two="odd.py", three="odd.py")
        local.invoke("one", {"do": "work_after", "seconds": 500})
        self.assertEqual(self.send_event(local, b'{"do":"sleep","seconds":1}', "two"), 202)
        self.assertEqual(self.send_event(local, b'{"do":"sleep","seconds":500}', "three"), 202)
        self.assertEqual(local.function("three")["invocations"], 0)
        self.assertEqual(local.invoke("one", {"do": "sleep", "seconds": 0}).json()["count"], 1)
        eventually(lambda: local.function("three")["invocations"] == 1, "the event")

    def test_an_event_starts_though_one_before_it_waits_for_an_environment(self):
        local = self.start("--max-environments", "2", one="odd.py", two="odd.py", three="odd.py")
        local.invoke("one", {"do": "work_after", "seconds": 500})
        self.assertEqual(self.send_event(local, b'{"do":"sleep","seconds":1}', "three"), 202)
        self.assertEqual(self.send_event(local, b'{"do":"sleep","seconds":0}', "one"), 202)
        started = b'{"do":"print_raw","text":"started\\n"}'
        self.assertEqual(self.send_event(local, started, "two"), 202)
        eventually(lambda: "started\n" in local.log, "the event behind")

    def test_an_event_that_waits_starts_when_an_environment_ends(self):
        local = self.start("--max-environments", "1", one="odd.py", two="odd.py")
        self.hold(local, 1, "one")
        busy = local.environments()[0]["pid"]
        answer = local.invoke(
            "two", {"do": "print_raw", "text": "at last\n"}, {"X-Amz-Invocation-Type": "Event"}
        )
        self.assertEqual(answer.status, 202)
        os.kill(busy, signal.SIGKILL)
        eventually(lambda: "at last\n" in local.log, "the event")

    def test_the_one_idle_longest_is_ended(self):
        local = self.start("--max-environments", "2", one="odd.py", two="odd.py", three="odd.py")
        one = local.invoke("one", {"do": "sleep", "seconds": 0}).json()["id"]
        eventually(lambda: len(local.environments("idle")) == 1, "the first")
        two = local.invoke("two", {"do": "sleep", "seconds": 0}).json()["id"]
        eventually(lambda: len(local.environments("idle")) == 2, "the second")
        three = local.invoke("three", {"do": "sleep", "seconds": 0}).json()["id"]
        eventually(
            lambda: one not in [e["id"] for e in local.environments()], "the end of the first"
        )
        self.assertEqual({environment["id"] for environment in local.environments()}, {two, three})
        self.assertEqual(local.function("one")["crashes"], 0)

    def test_an_environment_that_works_on_after_its_answer(self):
        local = self.start(odd="odd.py")
        first = local.invoke(event={"do": "work_after", "seconds": 50}).json()["id"]
        # The next call waits for it for 0.1 s, and then starts another.
        second = local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"]
        self.assertNotEqual(first, second)
        self.assertIn(first, [environment["id"] for environment in local.environments("answered")])

    def test_waiting_for_an_environment_to_become_idle(self):
        local = self.start("--max-environments", "1", odd="odd.py")
        first = local.invoke(event={"do": "work_after", "seconds": 0.5}).json()["id"]
        # No other may be started, and this one will soon be idle, so the call is not refused.
        self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"], first)

    def test_code_that_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            bootstrap = pathlib.Path(folder, "bootstrap")
            bootstrap.write_text(
                f"#!/bin/sh\nexec '{sys.executable}' -B -S '{folder}/code.py'\n", encoding="utf-8"
            )
            bootstrap.chmod(0o755)
            code = pathlib.Path(folder, "code.py")
            odd = (BOOTSTRAPS / "odd.py").read_text(encoding="utf-8")

            def write(version):
                code.write_text(
                    f"import sys\nsys.path.insert(0, {str(BOOTSTRAPS)!r})\n"
                    + odd.replace("**more}", f'**more, "version": {version}}}', 1),
                    encoding="utf-8",
                )

            def call(name):
                answer = local.invoke(name, {"do": "sleep", "seconds": 0}).json()
                eventually(lambda: local.environments("idle"), "its end")
                return answer["version"], answer["count"]

            write(1)
            local = self.start("--watch", "--function", f"one={folder}", two="odd.py")
            self.assertEqual([call("one"), call("one")], [(1, 1), (1, 2)])
            local.invoke("two", {"do": "sleep", "seconds": 0})
            write(2)
            self.assertEqual([call("one"), call("one")], [(2, 1), (2, 2)])
            self.assertEqual(local.invoke("two", {"do": "sleep", "seconds": 0}).json()["count"], 2)
            pathlib.Path(folder, "new.py").touch()
            self.assertEqual(call("one"), (2, 1))
            # Without --watch a warm environment keeps its code.
            local = self.start("--function", f"one={folder}")
            self.assertEqual(call("one"), (2, 1))
            write(3)
            self.assertEqual(call("one"), (2, 2))

    def test_settings_of_one_function(self):
        local = self.start(
            "--env",
            "one:COLOUR=red",
            "--env",
            "COLOUR=blue",
            "--env",
            "two:_HANDLER=app.handler",
            "--memory",
            "two:512",
            "--memory",
            "256",
            "--timeout",
            "one:0.5",
            "--timeout",
            "20",
            one="odd.py",
            two="odd.py",
        )
        one, two = (
            local.invoke(name, {"do": "echo"}).json()["environment"] for name in ("one", "two")
        )
        self.assertEqual(
            [
                (
                    variables["COLOUR"],
                    variables["_HANDLER"],
                    variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
                )
                for variables in (one, two)
            ],
            [("red", "function.handler", "256"), ("blue", "app.handler", "512")],
        )
        sleep = {"do": "sleep", "seconds": 1}
        self.assertEqual(local.invoke("one", sleep).json()["errorType"], "Sandbox.Timedout")
        self.assertFalse(local.invoke("two", sleep).failed)

    def test_a_wait_for_an_environment_that_exits(self):
        # The wait is 100 ms at most, and ends when the environment exits.
        local = self.start(odd="odd.py")
        waits = []
        for _ in range(8):
            local.invoke(event={"do": "exit_after", "seconds": 0.02})
            start = time.monotonic()
            self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).json()["count"], 1)
            waited_ms = (time.monotonic() - start) * 1000
            waits.append(
                waited_ms - max(environment["age_ms"] for environment in local.environments())
            )
        self.assertLess(min(waits), 90, waits)

    def test_a_burst_of_cold_starts_does_not_shorten_the_init_timeout(self):
        # To start all of them takes longer than the init timeout.
        local = self.start("--init-timeout", "3", slow="slow_init.sh")
        answers = self.in_parallel(local, 200, {}, "slow")
        self.assertEqual({(answer.status, answer.body) for answer in answers}, {(200, b"{}")})
        self.assertEqual(local.function("slow")["timeouts"], 0)

    def test_hundreds_of_concurrent_calls(self):
        local = self.start("--init-timeout", "300", odd="odd.py")
        count = 200
        started = threading.Barrier(count)

        def invoke(_):
            started.wait()
            return local.invoke(event={"do": "sleep", "seconds": 3})

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            answers = list(pool.map(invoke, range(count)))
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertFalse(any(answer.failed for answer in answers))
        pids = {answer.json()["id"] for answer in answers}
        # A late call may have found an idle environment.
        self.assertGreater(len(pids), 100)
        self.assertEqual(len(pids), local.function()["cold_starts"])


if __name__ == "__main__":
    unittest.main()
