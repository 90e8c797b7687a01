"""A Runtime API small enough to read, for one function in one process.

    with Environment("explicit_cache", REPORTS_DB=path) as function:
        answer = function.invoke({"user": "alice", "param": "2024"})

It says only what the protocol says, so that what is tested is the function and not a local
Lambda."""

import dataclasses
import http.server
import json
import os
import pathlib
import queue
import subprocess
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ["SC_BUILD_DIR"])
PATIENCE_S = 60
PREFIX = "/2018-06-01/runtime"


@dataclasses.dataclass
class Answer:
    kind: str  # "response" or "error", as the function posted it; "init", "exit" when there is none
    body: bytes = b""
    content_type: str = ""
    error_type: str = ""

    def json(self):
        return json.loads(self.body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is sent as a whole

    def log_message(self, format, *args):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        event = self.server.events.get() if self.path == PREFIX + "/invocation/next" else None
        if event is None:  # the environment is over
            self.close_connection = True
            return
        number, body, timeout_ms, tenant = event
        deadline_ms = int(time.time() * 1000) + timeout_ms
        self.reply(
            200,
            body,
            [
                ("Lambda-Runtime-Aws-Request-Id", f"request-{number}"),
                ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:f"),
                ("Content-Type", "application/json"),
                *([("Lambda-Runtime-Aws-Tenant-Id", tenant)] if tenant else ()),
            ],
        )

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request_id, _, kind = self.path.removeprefix(PREFIX + "/invocation/").partition("/")
        if self.path == PREFIX + "/init/error":
            kind = "init"
        self.reply(202, b'{"status":"OK"}')
        answer = Answer(kind, body, self.headers.get("Content-Type", ""),
                        self.headers.get("Lambda-Runtime-Function-Error-Type", ""))
        self.server.answers.put((request_id, answer))


class Environment:
    """One process of the program, from its start to its orderly end."""

    def __init__(self, program, **environment):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.events, self.server.answers = queue.Queue(), queue.Queue()
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        kept = {
            name: value
            for name, value in os.environ.items()
            if name == "PATH" or name.endswith("SAN_OPTIONS")
        }
        self.log = tempfile.TemporaryFile()
        self.invocations = 0
        self.process = subprocess.Popen(
            [BUILD / program],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={
                **kept,
                "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self.server.server_port,
                **environment,
            },
        )
        threading.Thread(target=self.tell_of_exit, daemon=True).start()

    def tell_of_exit(self):
        self.process.wait()
        self.server.answers.put((None, Answer("exit")))

    def said(self):
        """What the process has written so far."""
        self.log.seek(0)
        return self.log.read().decode()

    def start_invocation(self, event, timeout_ms=10000, tenant=None):
        """Send an event, given as bytes or as what JSON is made of."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.invocations += 1
        self.server.events.put((self.invocations, body, timeout_ms, tenant))

    def finish_invocation(self):
        request_id, answer = self.server.answers.get(timeout=PATIENCE_S)
        if answer.kind in ("response", "error"):
            assert request_id == f"request-{self.invocations}", request_id
        return answer

    def invoke(self, event, timeout_ms=10000, tenant=None):
        self.start_invocation(event, timeout_ms, tenant)
        return self.finish_invocation()

    def end(self):
        """End the process as Lambda does, and return its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=PATIENCE_S)
        finally:
            self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.server.events.put(None)
        self.server.shutdown()
        self.server.server_close()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure:
            print(self.said())
            self.close()
        elif not self.log.closed:
            said, status = self.said(), self.end()
            assert status == 0, f"exit status {status} after SIGTERM; it said: {said}"


def meter(path):
    """(opens, queries) as the upstream modules have counted them; (0, 0) before the first."""
    try:
        data = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        return 0, 0
    return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")
