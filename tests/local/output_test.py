"""The output of functions: complete while the log has a reader, and harmless when it has none."""

import os
import select
import threading
import time
import unittest

from local_server import COMMAND, PATIENCE, Local, eventually

# AddressSanitizer keeps freed memory on purpose.
SANITIZED = b"__asan_init" in COMMAND.read_bytes()


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class Output(unittest.TestCase):
    def test_megabytes_are_complete(self):
        with Local("--timeout", "60", odd="odd.py") as local:
            before = resident_kb(local.process.pid)
            answer = local.invoke(event={"do": "print_lines", "lines": 20000, "width": 1000})
            self.assertEqual(answer.status, 200)
            self.assertFalse(answer.failed)
            eventually(lambda: "REPORT" in local.log, "the report")
            self.assertEqual(local.log.count("y" * 999 + "\n"), 20000)
            if not SANITIZED:
                self.assertLess(resident_kb(local.process.pid), before + 16 * 1024)

    def test_long_lines_are_split(self):
        with Local(odd="odd.py") as local:
            local.invoke(event={"do": "print_lines", "lines": 2, "width": 100000})
            eventually(lambda: "REPORT" in local.log, "the report")
            lines = [line for line in local.log.split("\n") if line.startswith("y")]
            self.assertEqual("".join(lines), "y" * 2 * 99999)
            self.assertLess(max(map(len, lines)), 16 * 1024)

    def test_lines_of_many_environments_are_whole(self):
        with Local("--timeout", "60", odd="odd.py") as local:
            events = [
                local.invoke(
                    event={"do": "print_lines", "lines": 2000, "width": 200},
                    headers={"X-Amz-Invocation-Type": "Event"},
                )
                for _ in range(3)
            ]
            self.assertEqual([event.status for event in events], [202] * 3)
            eventually(lambda: local.log.count("REPORT") == 3, "all three")
            printed = [line for line in local.log.split("\n") if line.startswith("y")]
            self.assertEqual(printed, ["y" * 199] * 6000)

    def test_quiet(self):
        with Local("--quiet", odd="odd.py") as local:
            answer = local.invoke_with_tail(event={"do": "print_raw", "text": "said\n"})
            self.assertIn("said\n", answer.log)
        self.assertEqual(local.last_log, "")

    def test_a_log_without_a_reader(self):
        """Standard error is a full pipe: invocations are served, memory does not grow, and the
        server ends in order."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with Local("--timeout", "60", odd="odd.py", stderr=writer) as local:
            os.close(writer)
            before = resident_kb(local.process.pid)
            for _ in range(3):
                answer = local.invoke(event={"do": "print_lines", "lines": 10000, "width": 1000})
                self.assertEqual(answer.status, 200)
                self.assertFalse(answer.failed)
            self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).status, 200)
            if not SANITIZED:
                self.assertLess(resident_kb(local.process.pid), before + 16 * 1024)
            start = time.monotonic()
            local.process.terminate()
            local.wait()
            self.assertLess(time.monotonic() - start, PATIENCE / 2)

    def test_a_reader_that_comes_back(self):
        reader, writer = os.pipe()
        with Local("--timeout", "60", odd="odd.py", stderr=writer) as local, open(
            reader, "rb", 0
        ) as log:
            os.close(writer)
            local.invoke(event={"do": "print_lines", "lines": 10000, "width": 1000})
            tail = b""

            def read():
                nonlocal tail
                while select.select([log], [], [], 0)[0]:
                    tail = tail[-100000:] + log.read(65536)
                return b"lines are missing here: the output was blocked\n" in tail

            # The number of missing lines is logged once the output takes bytes again.
            for _ in range(2000):
                local.invoke(event={"do": "sleep", "seconds": 0})
            eventually(read, "the number of missing lines")

    def test_a_slow_reader_gets_everything(self):
        reader, writer = os.pipe()
        got = bytearray()

        def read():
            with open(reader, "rb", 0) as log:
                while piece := log.read(65536):
                    got.extend(piece)
                    time.sleep(0.005)

        thread = threading.Thread(target=read)
        thread.start()
        self.addCleanup(thread.join)
        with Local("--timeout", "60", odd="odd.py", stderr=writer) as local:
            os.close(writer)
            answer = local.invoke(event={"do": "print_lines", "lines": 10000, "width": 1000})
            self.assertEqual((answer.status, answer.failed), (200, False))
            eventually(lambda: b"REPORT" in got, "the report")
        self.assertEqual(got.count(b"y" * 999 + b"\n"), 10000)
        self.assertNotIn(b"missing", got)

    def test_the_reader_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        with Local(odd="odd.py", stderr=writer) as local:
            os.close(writer)
            for _ in range(3):
                answer = local.invoke(event={"do": "print_lines", "lines": 1000, "width": 100})
                self.assertEqual((answer.status, answer.failed), (200, False))


if __name__ == "__main__":
    unittest.main()
