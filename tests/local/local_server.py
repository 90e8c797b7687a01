"""`scopecache local` for a test: started on a free port and always ended. A process of it that
stays fails the test. Bootstraps are the scripts under bootstraps/."""

import base64
import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
import uuid

COMMAND = pathlib.Path(os.environ["SC_BUILD_DIR"], "scopecache")
BOOTSTRAPS = pathlib.Path(__file__).resolve().parent / "bootstraps"
LISTENING = "scopecache local: listening on "
MARK = "SC_TEST_MARK"
PATIENCE = 60  # seconds: enough on a busy machine; no test measures it
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def end_with_us():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def eventually(condition, what):
    """Wait until condition() is true, and return what it returned."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError(f"timed out waiting for {what}")


def one_of_several(attempt, what):
    """Call attempt() until it returns something true: on a loaded machine what has a time limit, as
    the handler of a signal, may be too late."""
    for _ in range(20):
        result = attempt()
        if result:
            return result
    raise AssertionError(f"no attempt had {what}")


def is_alive(pid):
    try:
        return (
            pathlib.Path(f"/proc/{pid}/stat")
            .read_text(encoding="utf-8")
            .rpartition(")")[2]
            .split()[0]
            != "Z"
        )
    except OSError:
        return False


def marked(mark):
    """The processes that have the mark in their environment."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
    return found


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[0]
    except OSError:
        return ""


class Answer:
    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()

    def json(self):
        return json.loads(self.body)

    @property
    def failed(self):
        return self.headers["X-Amz-Function-Error"] == "Unhandled"

    @property
    def log(self):
        return base64.b64decode(self.headers["X-Amz-Log-Result"]).decode()


class Local:
    """functions are NAME=SCRIPT, run by this Python if it ends in .py; or NAME=PATH."""

    def __init__(
        self,
        *options,
        env=None,
        stderr=None,
        pass_fds=(),
        before_exec=lambda: None,
        **functions,
    ):
        self.folder = tempfile.TemporaryDirectory(prefix="scopecache-test-")
        self.mark = f"{MARK}={uuid.uuid4()}"
        self.log_path = pathlib.Path(self.folder.name, "log")
        arguments = [str(COMMAND), "local"]
        for name, script in functions.items():
            arguments += ["--function", f"{name}={self.bootstrap(name, script)}"]
        name, _, value = self.mark.partition("=")
        self.process = None
        self.expected = 0  # the status with which it should end
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                arguments + list(options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log if stderr is None else stderr,
                env={**os.environ, **(env or {}), name: value},
                pass_fds=pass_fds,
                preexec_fn=lambda: (end_with_us(), before_exec()),
            )

    def bootstrap(self, name, script):
        path = BOOTSTRAPS / script
        if path.suffix != ".py":
            return path
        # A folder with a bootstrap in it, which runs the script under the Python
        # that runs the test.
        folder = pathlib.Path(self.folder.name, name)
        folder.mkdir()
        wrapper = folder / "bootstrap"
        wrapper.write_text(f"#!/bin/sh\nexec '{sys.executable}' -B -S '{path}'\n", encoding="utf-8")
        wrapper.chmod(0o755)
        return folder

    def __enter__(self):
        try:
            line = self.read_line()
            assert line.startswith(LISTENING), (line, self.log)
            self.url = line.removeprefix(LISTENING)
            self.port = int(self.url.rpartition(":")[2])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self.process.stdout], [], [], PATIENCE)[0], "no first line"
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, self.log
            line += byte
        return line.decode().rstrip("\n")

    def __exit__(self, *failure):
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            status = self.wait()
            rest = self.process.stdout.read()
            left = marked(self.mark)
            self.last_log = self.log
            if failure[0] is None:
                assert status == self.expected, (status, self.log)
                assert rest == b"", rest
                assert left == [], left
        finally:
            if failure and failure[0]:
                print(self.log, file=sys.stderr)
            self.process.kill()
            self.process.wait()
            for pid in marked(self.mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.stdout.close()
            self.folder.cleanup()

    def kill(self):
        self.expected = -signal.SIGKILL
        self.process.kill()
        self.wait()

    def wait(self):
        return self.process.wait(PATIENCE)

    @property
    def log(self):
        return self.log_path.read_bytes().decode(errors="replace")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def invoke(self, name="odd", event=None, headers=None, query=""):
        body = event if isinstance(event, (bytes, str, type(None))) else json.dumps(event)
        return self.request(
            "POST", f"/2015-03-31/functions/{name}/invocations{query}", body, headers
        )

    def invoke_with_tail(self, name="odd", event=None):
        return self.invoke(name, event, {"X-Amz-Log-Type": "Tail"})

    def inspect(self):
        return self.request("GET", "/_scopecache/environments").json()

    def environments(self, state=None):
        return [
            environment
            for environment in self.inspect()["environments"]
            if state is None or environment["state"] == state
        ]

    def settle(self):
        """Wait until all environments are idle: then the next invocation gets one of them."""
        eventually(
            lambda: all(one["state"] == "idle" for one in self.environments()), "idle environments"
        )

    def running(self, command):
        """The processes with this first word that the server's functions have started."""
        return [pid for pid in marked(self.mark) if command_of(pid) == command]

    def function(self, name="odd"):
        return next(
            function for function in self.inspect()["functions"] if function["name"] == name
        )
