"""How environments begin and end: init, crashes, timeouts; the answers and the log lines."""

import os
import pathlib
import re
import signal
import stat
import tempfile
import time
import unittest

from local_server import Local, eventually, is_alive

TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"


class Lifecycle(unittest.TestCase):
    def start(self, *options, **functions):
        return self.enterContext(Local(*options, **functions))

    def assert_failed(self, answer, kind, message):
        """The answer is a failure of the platform; `message` may have the request's id as {id}."""
        self.assertEqual(answer.status, 200, answer.body)
        self.assertTrue(answer.failed)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        expected = message.replace("{id}", answer.headers["x-amzn-RequestId"])
        self.assertEqual(answer.json()["errorType"], kind)
        self.assertRegex(answer.json()["errorMessage"], f"^{expected}$")

    def test_init_is_reported_once(self):
        local = self.start(odd="odd.py")
        cold = local.invoke_with_tail(event={"do": "sleep", "seconds": 0})
        local.settle()
        warm = local.invoke_with_tail(event={"do": "sleep", "seconds": 0})
        self.assertEqual((cold.json()["count"], warm.json()["count"]), (1, 2))
        self.assertEqual(cold.json()["id"], warm.json()["id"])
        init = float(re.search(r"\tInit Duration: ([0-9.]+) ms\t\n", cold.log)[1])
        billed = float(re.search(r"\tBilled Duration: ([0-9]+) ms\t", cold.log)[1])
        self.assertGreater(init, 0)
        self.assertGreaterEqual(billed, init)
        self.assertNotIn("Init Duration", warm.log)
        self.assertEqual(local.function()["cold_starts"], 1)

    def test_durations_and_memory_are_real(self):
        local = self.start(odd="odd.py")
        answer = local.invoke_with_tail(event={"do": "sleep", "seconds": 0.25})
        duration = float(re.search(r"\tDuration: ([0-9.]+) ms\t", answer.log)[1])
        self.assertGreaterEqual(duration, 250)
        # Work after the answer counts too.
        answer = local.invoke_with_tail(event={"do": "work_after", "seconds": 0.25})
        duration = float(re.search(r"\tDuration: ([0-9.]+) ms\t", answer.log)[1])
        self.assertGreaterEqual(duration, 250)
        before = int(re.search(r"\tMax Memory Used: ([0-9]+) MB\t", answer.log)[1])
        answer = local.invoke_with_tail(event={"do": "memory", "mb": 50})
        after = int(re.search(r"\tMax Memory Used: ([0-9]+) MB\t", answer.log)[1])
        self.assertGreaterEqual(after, before + 49)
        self.assertLess(after, before + 80)
        self.assertGreaterEqual(local.environments()[0]["memory_kb"], 50 * 1024)

    def test_the_caller_does_not_wait_for_work_after_the_answer(self):
        local = self.start("--timeout", "60", odd="odd.py")
        local.invoke(event={"do": "sleep", "seconds": 0})
        eventually(lambda: local.environments("idle"), "an idle environment")
        start = time.monotonic()
        local.invoke(event={"do": "work_after", "seconds": 30})
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(len(local.environments("answered")), 1)

    def test_exits_at_once(self):
        local = self.start(bad="exits_at_once.sh")
        for starts in range(1, 4):
            answer = local.invoke_with_tail("bad", {})
            self.assert_failed(
                answer,
                "Runtime.ExitError",
                "RequestId: {id} Error: Runtime exited with error: exit status 3",
            )
            self.assertIn("I will not begin\n", answer.log)
            self.assertIn(
                "\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\t\n", answer.log
            )
            self.assertRegex(answer.log, r"\tStatus: error\tError Type: Runtime.ExitError\t\n$")
            # One invocation starts one process, however often it fails.
            self.assertEqual(local.function("bad")["cold_starts"], starts)
        self.assertEqual(local.environments(), [])
        self.assertEqual(local.function("bad")["crashes"], 3)

    def test_exits_silently(self):
        answer = self.start(bad="exits_silently.sh").invoke("bad", {})
        self.assert_failed(
            answer,
            "Runtime.ExitError",
            "RequestId: {id} Error: Runtime exited without providing a reason",
        )

    def test_never_asks_for_an_invocation(self):
        local = self.start("--init-timeout", "0.3", bad="never_polls.sh")
        answer = local.invoke_with_tail("bad", {})
        self.assert_failed(
            answer,
            "Sandbox.Timedout",
            "RequestId: {id} Error: Init timed out after 0.30 seconds: .*",
        )
        self.assertIn("\tPhase: init\tStatus: timeout\t", answer.log)
        self.assertEqual(local.environments(), [])
        self.assertEqual(local.function("bad")["timeouts"], 1)
        self.assertEqual(local.function("bad")["crashes"], 0)

    def test_an_init_error(self):
        local = self.start(bad="init_error.py")
        answer = local.invoke_with_tail("bad", {})
        self.assertTrue(answer.failed)
        self.assertEqual(
            answer.json(), {"errorMessage": "no database", "errorType": "Function.NoDatabase"}
        )
        self.assertIn('init/error was answered 202 {"status":"OK"}', answer.log)
        self.assertIn("Status: error\tError Type: Function.NoDatabase\t\n", answer.log)
        self.assertEqual(local.environments(), [])
        self.assertEqual(local.function("bad")["crashes"], 0)

    def test_exits_during_an_invocation(self):
        local = self.start(odd="odd.py")
        for event, reason in (
            ({"do": "exit", "status": 7}, "exited with error: exit status 7"),
            ({"do": "exit", "status": 0}, "exited without providing a reason"),
            ({"do": "kill", "signal": signal.SIGKILL}, "exited with error: signal: killed"),
            (
                {"do": "kill", "signal": signal.SIGABRT},
                r"exited with error: signal: aborted( \(core dumped\))?",
            ),
            (
                {"do": "kill", "signal": signal.SIGSEGV},
                r"exited with error: signal: segmentation fault( \(core dumped\))?",
            ),
        ):
            with self.subTest(event):
                first = local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"]
                answer = local.invoke_with_tail(event=event)
                self.assert_failed(
                    answer, "Runtime.ExitError", "RequestId: {id} Error: Runtime " + reason
                )
                self.assertIn("\nRuntime.ExitError\nEND RequestId: ", answer.log)
                fresh = local.invoke(event={"do": "sleep", "seconds": 0}).json()
                self.assertNotEqual(fresh["id"], first)
                self.assertEqual(fresh["count"], 1)
        self.assertEqual(local.function()["crashes"], 5)

    def test_an_answer_just_before_the_end_counts(self):
        local = self.start(odd="odd.py")
        for _ in range(5):
            answer = local.invoke(event={"do": "answer_and_exit"})
            self.assertFalse(answer.failed, answer.body)
            self.assertEqual(answer.json()["count"], 1)
            eventually(lambda: not local.environments(), "its end")
        self.assertEqual(local.function()["crashes"], 5)

    def test_an_answer_on_a_new_connection_just_before_the_end_counts(self):
        local = self.start(odd="odd.py")
        for _ in range(20):
            answer = local.invoke(event={"do": "answer_anew_and_exit"})
            self.assertFalse(answer.failed, answer.body)
            eventually(lambda: not local.environments(), "its end")
        self.assertNotIn("was refused", local.log)

    def test_ends_between_invocations(self):
        local = self.start(odd="odd.py")
        local.invoke(event={"do": "sleep", "seconds": 0})
        idle = eventually(lambda: local.environments("idle"), "an idle environment")
        os.kill(idle[0]["pid"], signal.SIGKILL)
        eventually(lambda: not local.environments(), "its end")
        self.assertIn(
            "function odd, between invocations: Runtime exited with error: signal: killed\n",
            local.log,
        )
        self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).json()["count"], 1)

    def test_times_out(self):
        local = self.start("--timeout", "0.5", odd="odd.py")
        first = local.invoke(event={"do": "sleep", "seconds": 0}).json()["id"]
        pid = local.environments()[0]["pid"]
        start = time.monotonic()
        answer = local.invoke_with_tail(event={"do": "sleep", "seconds": 600})
        self.assertLess(time.monotonic() - start, 30)
        self.assert_failed(
            answer, "Sandbox.Timedout", TIME + " {id} Task timed out after 0.50 seconds"
        )
        self.assertIn(answer.json()["errorMessage"] + "\nEND RequestId:", answer.log)
        self.assertIn("\tDuration: 500.00 ms\t", answer.log)
        self.assertIn("\tStatus: timeout\t", answer.log)
        self.assertFalse(is_alive(pid))
        fresh = local.invoke(event={"do": "sleep", "seconds": 0}).json()
        self.assertNotEqual(fresh["id"], first)
        self.assertEqual(fresh["count"], 1)
        figures = local.function()
        self.assertEqual((figures["timeouts"], figures["crashes"], figures["errors"]), (1, 0, 1))

    def test_times_out_after_the_answer(self):
        local = self.start("--timeout", "0.5", odd="odd.py")
        answer = local.invoke(event={"do": "work_after", "seconds": 600})
        self.assertFalse(answer.failed)
        eventually(lambda: not local.environments(), "its end")
        self.assertIn("Task timed out after 0.50 seconds", local.log)
        eventually(lambda: "\tDuration: 500.00 ms\t" in local.log, "its report")

    def test_the_processes_it_started_end_with_it(self):
        local = self.start("--timeout", "0.5", odd="odd.py")
        for end in {"do": "exit"}, {"do": "sleep", "seconds": 600}:
            for session in False, True:
                with self.subTest(end=end, session=session):
                    local.invoke(event={"do": "grandchild", "session": session})
                    eventually(lambda: len(local.running("sleep")) == 1, "what it starts")
                    local.invoke(event=end)
                    eventually(lambda: not local.running("sleep"), "the end of what it started")

    def test_a_bootstrap_that_is_removed(self):
        with tempfile.TemporaryDirectory() as folder:
            bootstrap = pathlib.Path(folder, "bootstrap")
            bootstrap.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
            bootstrap.chmod(0o755)
            local = self.start(removed=bootstrap)
            bootstrap.unlink()
            self.assert_failed(
                local.invoke("removed", {}),
                "Runtime.InvalidEntrypoint",
                f"RequestId: {{id}} Error: fork/exec {bootstrap}: No such file or directory",
            )
            bootstrap.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
            bootstrap.chmod(stat.S_IRUSR)
            self.assert_failed(
                local.invoke("removed", {}),
                "Runtime.InvalidEntrypoint",
                f"RequestId: {{id}} Error: fork/exec {bootstrap}: Permission denied",
            )
            bootstrap.chmod(0o755)
            bootstrap.write_text("neither a script nor a program", encoding="utf-8")
            self.assert_failed(
                local.invoke("removed", {}),
                "Runtime.InvalidEntrypoint",
                f"RequestId: {{id}} Error: fork/exec {bootstrap}: Exec format error",
            )
            self.assertEqual(local.environments(), [])

    def test_a_caller_that_goes_away(self):
        local = self.start(odd="odd.py")
        local.invoke(event={"do": "sleep", "seconds": 0})
        connection = local.connect()
        connection.request(
            "POST", "/2015-03-31/functions/odd/invocations", b'{"do":"sleep","seconds":0.3}'
        )
        eventually(lambda: local.environments("busy"), "the invocation")
        connection.close()
        eventually(lambda: local.environments("idle"), "its end")
        eventually(lambda: local.log.count("REPORT RequestId") == 2, "its report")
        self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).json()["count"], 3)

    def test_callers_that_go_away_leak_nothing(self):
        local = self.start(odd="odd.py")
        descriptors = f"/proc/{local.process.pid}/fd"
        before = len(os.listdir(descriptors))
        for _ in range(50):
            connection = local.connect()
            connection.request(
                "POST", "/2015-03-31/functions/odd/invocations", b'{"do":"sleep","seconds":0}'
            )
            connection.close()
        eventually(lambda: local.function()["invocations"] == 50, "all invocations")
        eventually(
            lambda: len(local.environments("idle")) == len(local.environments()), "their end"
        )
        for environment in local.environments():
            os.kill(environment["pid"], signal.SIGKILL)
        eventually(lambda: not local.environments(), "the end of all environments")
        eventually(lambda: len(os.listdir(descriptors)) <= before, "everything closed")


if __name__ == "__main__":
    unittest.main()
