"""What the tests of scopecache replay have in common: running it, and writing traces."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

COMMAND = pathlib.Path(os.environ["SC_BUILD_DIR"], "scopecache")
PATIENCE = 120


def u32(numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def zstd_frame(data, block=100_000, with_size=True):
    """A zstd frame with raw blocks (RFC 8878)."""
    # One segment with a size of four bytes; or a window of 128 KiB, and no size.
    head = b"\xa0" + struct.pack("<I", len(data)) if with_size else b"\x00\x38"
    pieces = [data[at:at + block] for at in range(0, len(data), block)] or [b""]
    body = b"".join(((len(piece) << 3 | (number == len(pieces))).to_bytes(3, "little") + piece)
                    for number, piece in enumerate(pieces, 1))
    return b"\x28\xb5\x2f\xfd" + head + body


def zstd_run(byte, count):
    """A zstd frame with one RLE block, of at most 128 KiB."""
    return b"\x28\xb5\x2f\xfd\x00\x38" + (count << 3 | 2 | 1).to_bytes(3, "little") + byte


class ReplayCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def replay(self, *arguments, stdin=b""):
        return subprocess.run(
            [COMMAND, "replay", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    def results(self, *arguments, stdin=b""):
        """The results of a replay that must succeed."""
        done = self.replay(*arguments, "--json", stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)["results"]

    def sized(self, rows, *options):
        """The results for a trace of rows `key,size`."""
        return self.results("-", "--format=csv", "--size-column=2", *options, stdin=rows)

    def refuses(self, words, *arguments, stdin=b"", status=2):
        """Assert that a replay fails and prints only its error."""
        done = self.replay(*arguments, "--json", stdin=stdin)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        message = " ".join(done.stderr.decode().split())
        self.assertIn(words, message)
        return message
