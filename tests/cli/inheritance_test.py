"""What the commands inherit from their parent: closed descriptors, blocked and ignored signals."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
from local_server import (
    COMMAND,
    PATIENCE,
    Local,
    eventually,
)  # pylint: disable=wrong-import-position

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def close(*descriptors):
    def before_exec():
        for descriptor in descriptors:
            os.close(descriptor)
    return before_exec


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def ignore(*numbers):
    def before_exec():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return before_exec


def leads_to_null(name):
    """Whether a descriptor in /proc is /dev/null; it may be closed meanwhile."""
    try:
        return os.readlink(name) == "/dev/null"
    except FileNotFoundError:
        return False


class LocalServer(unittest.TestCase):
    def assert_works(self, local):
        for _ in range(3):
            answer = local.invoke(event={"do": "print_raw", "text": "a byte\n"})
            self.assertEqual(answer.status, 200)
            self.assertFalse(answer.failed, answer.body)
        # The server needs SIGCHLD to notice the end of a child.
        self.assertTrue(local.invoke(event={"do": "exit"}).failed)
        eventually(lambda: not local.environments(), "the end of the child")

    def test_descriptors_that_are_closed(self):
        for descriptors in ((0,), (2,), (0, 2)):
            with self.subTest(descriptors), Local(
                odd="odd.py", before_exec=close(*descriptors)
            ) as local:
                self.assert_works(local)
                for descriptor in descriptors:
                    self.assertEqual(
                        os.readlink(f"/proc/{local.process.pid}/fd/{descriptor}"), "/dev/null"
                    )

    def test_no_output_at_all(self):
        # Its address cannot be read then, so --listen sets it.
        with Local(odd="odd.py") as other:
            port = other.port
        process = subprocess.Popen(
            [
                COMMAND,
                "local",
                "--listen",
                f"127.0.0.1:{port}",
                "--function",
                f"odd={sys.executable}",
            ],
            preexec_fn=close(0, 1, 2),
        )
        try:
            names = [f"/proc/{process.pid}/fd/{descriptor}" for descriptor in (0, 1, 2)]
            eventually(lambda: all(map(leads_to_null, names)), "/dev/null")
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def test_signals_that_are_blocked(self):
        for number in ENDING:
            with self.subTest(number), Local(odd="odd.py", before_exec=block_all) as local:
                self.assert_works(local)
                local.process.send_signal(number)
                self.assertEqual(local.wait(), 0)

    def test_signals_that_are_ignored(self):
        with Local(
            odd="odd.py", before_exec=ignore(signal.SIGHUP, signal.SIGINT, signal.SIGCHLD)
        ) as local:
            local.process.send_signal(signal.SIGHUP)
            local.process.send_signal(signal.SIGINT)
            self.assert_works(local)
            self.assertIsNone(local.process.poll())

    def test_nohup(self):
        with Local(odd="odd.py", before_exec=ignore(signal.SIGHUP)) as local:
            local.process.send_signal(signal.SIGHUP)
            self.assert_works(local)


class Others(unittest.TestCase):
    def run_command(self, arguments, before_exec, **more):
        return subprocess.run(
            [COMMAND, *arguments], preexec_fn=before_exec, timeout=PATIENCE, check=False, **more
        )

    def test_replay_without_standard_descriptors(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder, "trace")
            trace.write_text("a\nb\na\n", encoding="utf-8")
            arguments = ["replay", "--format", "text", "--max-entries", "10", str(trace)]
            whole = self.run_command(
                arguments, None, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
            )
            self.assertEqual(whole.returncode, 0)
            for descriptors in ((0,), (2,), (0, 2)):
                with self.subTest(descriptors):
                    result = self.run_command(
                        arguments, close(*descriptors), stdout=subprocess.PIPE
                    )
                    self.assertEqual((result.returncode, result.stdout), (0, whole.stdout))
            # The output must not have overwritten the trace.
            self.assertEqual(self.run_command(arguments, close(0, 1, 2)).returncode, 0)
            self.assertEqual(trace.read_text(encoding="utf-8"), "a\nb\na\n")

    def test_invoke(self):
        with Local(odd="odd.py") as local:
            arguments = [
                "invoke",
                "--endpoint",
                local.url,
                "odd",
                json.dumps({"do": "text", "text": "x"}),
            ]
            for before_exec in (
                close(0),
                close(2),
                close(0, 2),
                block_all,
                ignore(signal.SIGINT, signal.SIGCHLD),
            ):
                result = self.run_command(arguments, before_exec, stdout=subprocess.PIPE)
                self.assertEqual((result.returncode, result.stdout.strip()), (0, b"x"))

    def start_endless(self, local, before_exec):
        process = subprocess.Popen(
            [
                COMMAND,
                "invoke",
                "--endpoint",
                local.url,
                "--quiet",
                "odd",
                '{"do":"sleep","seconds":50}',
            ],
            preexec_fn=before_exec,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        eventually(lambda: local.environments("busy"), "the invocation")
        return process

    def test_invoke_with_signals_blocked_and_ignored(self):
        with Local("--timeout", "60", odd="odd.py") as local:
            process = self.start_endless(local, block_all)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGINT)
        with Local("--timeout", "60", odd="odd.py") as local:
            process = self.start_endless(local, ignore(signal.SIGINT))
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
