"""The progress bar of scopecache replay on a terminal."""

import os
import pty
import select
import subprocess
import time
import unittest

from replay_traces import COMMAND, PATIENCE, ReplayCase


class ProgressBar(ReplayCase):
    def test_a_bar_is_drawn_on_a_terminal(self):
        """The test sends lines until a bar is drawn."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        command = [COMMAND, "replay", "-", "--format", "text", "--max-entries", "9"]
        begin = time.monotonic()
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs
        ) as process:
            os.close(theirs)
            lines = 0
            while not select.select([ours], [], [], 0.02)[0] and lines < PATIENCE / 0.02:
                os.write(process.stdin.fileno(), b"a line\n")
                lines += 1
            waited = time.monotonic() - begin
            shown = os.read(ours, 4096)
            output, _ = process.communicate(timeout=PATIENCE)
            while select.select([ours], [], [], 0)[0]:
                try:
                    shown += os.read(ours, 4096)
                except OSError:
                    break
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"- [........................]   0 %", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)
        self.assertGreater(waited, 0.99, "not in the first second")
        self.assertIn(f"{lines:,} requests".encode(), output)


if __name__ == "__main__":
    unittest.main()
