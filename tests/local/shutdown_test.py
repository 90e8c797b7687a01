"""The server ends in order in every state, and nothing is left running."""

import signal
import time
import unittest

from local_server import Local, eventually, is_alive

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Shutdown(unittest.TestCase):
    def invoke_without_waiting(self, local, event, name="odd"):
        connection = local.connect()
        self.addCleanup(connection.close)
        connection.request("POST", f"/2015-03-31/functions/{name}/invocations", event)
        return connection

    def test_idle(self):
        for number in SIGNALS:
            with self.subTest(number), Local(odd="odd.py") as local:
                local.invoke(event={"do": "sleep", "seconds": 0})
                pid = local.environments()[0]["pid"]
                local.process.send_signal(number)
                self.assertEqual(local.wait(), 0)
                self.assertFalse(is_alive(pid))

    def test_busy(self):
        for number in SIGNALS:
            with self.subTest(number), Local("--timeout", "60", odd="odd.py") as local:
                connection = self.invoke_without_waiting(local, b'{"do":"sleep","seconds":50}')
                pid = eventually(lambda: local.environments("busy"), "the invocation")[0]["pid"]
                local.process.send_signal(number)
                # The caller gets the answer of a failed invocation.
                answer = connection.getresponse()
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.headers["X-Amz-Function-Error"], "Unhandled")
                self.assertIn(b"the environment was stopped first", answer.read())
                self.assertEqual(local.wait(), 0)
                self.assertFalse(is_alive(pid))

    def test_starting(self):
        with Local(slow="never_polls.sh") as local:
            connection = self.invoke_without_waiting(local, b"{}", "slow")
            eventually(lambda: local.environments("starting"), "the start")
            local.process.terminate()
            self.assertIn(b"Sandbox.Stopped", connection.getresponse().read())
            self.assertEqual(local.wait(), 0)

    def test_calls_that_wait(self):
        with Local("--timeout", "60", "--max-environments", "1", odd="odd.py") as local:
            self.invoke_without_waiting(local, b'{"do":"sleep","seconds":50}')
            eventually(lambda: local.environments("busy"), "the invocation")
            for _ in range(10):
                local.invoke(event={}, headers={"X-Amz-Invocation-Type": "Event"})
            local.process.terminate()
            self.assertEqual(local.wait(), 0)

    def test_a_function_that_delays_sigterm(self):
        with Local(slow="slow_term.py") as local:
            self.assertEqual(local.invoke("slow", {}).status, 200)
            start = time.monotonic()
            local.process.terminate()
            self.assertEqual(local.wait(), 0)
            self.assertGreater(time.monotonic() - start, 0.2)
        self.assertIn("asked to end\n", local.last_log)

    def test_a_second_signal_kills_at_once(self):
        # After one signal the function runs on for 0.3 seconds. On a loaded machine two signals may
        # take as long, so the shortest of several tries counts.
        seconds = []
        while not seconds or (seconds[-1] > 0.25 and len(seconds) < 20):
            with Local(slow="slow_term.py") as local:
                self.assertEqual(local.invoke("slow", {}).status, 200)
                pid = local.environments()[0]["pid"]
                start = time.monotonic()
                local.process.terminate()
                eventually(lambda: "asked to end" in local.log, "the first signal")
                local.process.terminate()
                eventually(lambda: not is_alive(pid), "its end")
                seconds.append(time.monotonic() - start)
                self.assertEqual(local.wait(), 0)
        self.assertLess(min(seconds), 0.25, seconds)

    def test_many(self):
        with Local("--timeout", "60", odd="odd.py") as local:
            for _ in range(20):
                self.invoke_without_waiting(local, b'{"do":"sleep","seconds":50}')
            eventually(lambda: len(local.environments("busy")) == 20, "all of them")
            local.process.send_signal(signal.SIGINT)
            self.assertEqual(local.wait(), 0)

    def test_processes_that_functions_started(self):
        with Local(odd="odd.py") as local:
            for session in False, True:
                local.invoke(event={"do": "grandchild", "session": session})
            children = eventually(
                lambda: len(local.running("sleep")) == 2 and local.running("sleep"), "both"
            )
            local.process.terminate()
            self.assertEqual(local.wait(), 0)
            self.assertFalse(any(map(is_alive, children)))


if __name__ == "__main__":
    unittest.main()
