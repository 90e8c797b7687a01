"""One subject in a process of its own, and its cache server if it has one.

A driver gets a command on a line and answers with a line (docs/benchmarks.md). Between two commands
it waits, and another subject uses the machine. Its costs are read from /proc: the memory and the
processor time of all its processes."""

import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile
import time

ANSWER_SECONDS = 600
# glibc maps large blocks until the first of them is freed; later ones may come from memory that was
# touched before. In a process that opens one cache after another, all but the first would be faster
# than in a program. A fixed threshold prevents that.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"}


class Failed(Exception):
    """The subject cannot be measured; the text says why."""


class Server:
    """A cache server on a Unix socket in a private folder."""

    def __init__(self, command, log):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scopecache-bench-"))
        self.socket = self.folder / "socket"
        words = [str(self.socket) if word == "SOCKET" else word for word in command]
        started = time.monotonic_ns()
        try:
            with open(log, "ab") as output:
                self.process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL,
                                                stdout=output, stderr=output)
        except OSError as error:
            shutil.rmtree(self.folder)
            raise Failed(f"cannot start {words[0]}: {error.strerror}") from error
        # Poll, because a server does not report when it is ready.
        while not self._answers():
            if self.process.poll() is not None or time.monotonic_ns() - started > 30e9:
                self.stop()
                raise Failed(f"{words[0]} does not listen; see {log}")
            time.sleep(0.0002)
        self.started_ns = time.monotonic_ns() - started

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self):
        """Kill it at once: it has nothing to save."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Driver:
    def __init__(self, subject, log, for_memory=False, size=None):
        self.name = subject.name
        self.server = None
        command = subject.command(for_memory)
        if subject.server:
            self.server = Server(subject.server(size), log)
            command = [*command, str(self.server.socket)]
        try:
            with open(log, "ab") as errors:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    bufsize=1,
                    env=ENVIRONMENT,
                )
            self.about = self._answer("ready")
        except OSError as error:
            self._stop_server()
            raise Failed(f"cannot start {command[0]}: {error.strerror}") from error
        except Failed:
            self.stop()
            raise

    def _answer(self, good):
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise Failed(f"no answer in {ANSWER_SECONDS} s")
        word, _, rest = self.process.stdout.readline().rstrip("\n").partition(" ")
        if word != good:
            raise Failed(rest if word == "error" else "its driver ended")
        return rest

    def ask(self, *words):
        """Send the driver a command, and return the numbers of its answer."""
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
        except OSError as error:
            raise Failed("its driver ended") from error
        return [int(word) for word in self._answer("ok").split()]

    def _pids(self, holder_only=False):
        """The processes of the subject; the last one holds the entries."""
        pids = [self.process.pid] + ([self.server.process.pid] if self.server else [])
        return pids[-1:] if holder_only else pids

    def resident_bytes(self):
        """The private memory of the process, as the kernel counts it, without code and files."""
        total = 0
        for pid in self._pids(holder_only=True):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
                if line.startswith("Anonymous:"):
                    total += int(line.split()[1]) * 1024
        return total

    def cpu_ns(self):
        # The kernel's name for the processor clock of another process: see clock_getcpuclockid(3).
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self._pids())

    def faults(self):
        """The page faults of the process since its start."""
        return sum(
            int(
                pathlib.Path(f"/proc/{pid}/stat")
                .read_text("ascii", "replace")
                .rpartition(")")[2]
                .split()[7]
            )
            for pid in self._pids()
        )

    def _stop_server(self):
        if self.server:
            self.server.stop()

    def stop(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._stop_server()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
