"""`scopecache invoke` on the command line: its output and exit status, against a server whose
answers the test chooses."""

import contextlib
import http.server
import json
import os
import pathlib
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

COMMAND = pathlib.Path(os.environ["SC_BUILD_DIR"], "scopecache")
MANUAL = pathlib.Path(os.environ["SC_SOURCE_DIR"], "docs/man/scopecache-invoke.1")
PATIENCE = 60


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            nth = len(self.server.requests)
            self.server.requests.append((self.path, body))
        self.server.seen.release()
        status, headers, answer = self.server.answer(nth, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):
            super().handle()


class Server(http.server.ThreadingHTTPServer):
    """answer(nth, body) gives status, headers, body; `seen` is released for each request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.requests = answer, []
        self.lock, self.seen, self.ended = (
            threading.Lock(),
            threading.Semaphore(0),
            threading.Event(),
        )
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(self, *failure):
        self.ended.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass


def echo(nth, body):
    return 200, {"x-amzn-RequestId": f"id-{nth}"}, body


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**clean, **more}


def invoke(*arguments, stdin=b"", **more):
    return subprocess.run([COMMAND, "invoke", *arguments], input=stdin, capture_output=True,
                          timeout=PATIENCE, check=False, env=environment(**more))


class Usage(unittest.TestCase):
    """Assert that the command refuses its options; no server listens on port 1 of loopback."""

    HERE = ("--endpoint", "http://127.0.0.1:1")

    def refuses(self, words, *arguments, **more):
        result = invoke(*arguments, **more)
        self.assertEqual((result.returncode, result.stdout), (2, b""), result.stderr)
        self.assertIn(words, " ".join(result.stderr.decode().split()))

    def test_names_and_payloads(self):
        self.refuses("which function?", *self.HERE)
        self.refuses("cannot be empty", "", *self.HERE)
        self.refuses("unexpected argument \"3\"", "f", "2", "3", *self.HERE)
        self.refuses("cannot open the payload /no/file: No such file", "f", "@/no/file", *self.HERE)
        self.refuses("not JSON: line 1, column", "f", "{'a': 1}", *self.HERE)
        self.refuses("--raw sends it as it is", "f", "{'a': 1}", *self.HERE)
        self.refuses("not JSON", "f", "", *self.HERE)
        self.refuses("not JSON", "f", "-", *self.HERE, stdin=b"{}}")

    def test_numbers(self):
        for option, bad in (
            ("--count", ("0", "-1", "x", "", "1x", "1e3", " 1", "1000000001", "9" * 30)),
            ("--parallel", ("0", "1001", "many")),
            ("--timeout", ("0", "-1", "nan", "inf", "3601", "1s", "", "0.0001")),
        ):
            for number in bad:
                with self.subTest(option=option, number=number):
                    self.refuses(f"{option} takes", "f", f"{option}={number}", *self.HERE)

    def test_contradicting_options(self):
        self.refuses(
            "--parallel 2 is more than 1 invocation: give a larger --count",
            "f",
            "--parallel",
            "2",
            *self.HERE
        )
        self.refuses("--parallel 9 is more than 8 invocations", "f", "-p9", "-n8", *self.HERE)
        self.refuses("contradict each other", "f", "--quiet", "--json", *self.HERE)
        self.refuses("unrecognized option", "f", "--cuont", "2", *self.HERE)

    def test_endpoints(self):
        self.refuses("scopecache local prints on its first line", "f")
        self.refuses(
            "https and signed requests are not supported",
            "f",
            "--endpoint",
            "https://lambda.eu-west-1.amazonaws.com",
        )
        self.refuses("begin with http://", "f", AWS_ENDPOINT_URL="localhost")
        self.refuses("its port is not between", "f", "--endpoint", "http://127.0.0.1:0")

    def test_more_connections_than_files_may_be_open(self):
        def forbid():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        result = subprocess.run(
            [COMMAND, "invoke", "f", "-n1000", "-p1000", *self.HERE],
            preexec_fn=forbid,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env=environment(),
        )
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--parallel 1000 needs", result.stderr)

    def test_help_and_the_manual_know_the_same_options(self):
        result = invoke("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"Usage: scopecache invoke", result.stdout)
        helped = set(
            re.findall(r"^ +(?:-\w, )? *--([a-z-]+)", result.stdout.decode(), re.MULTILINE)
        )
        options = re.search(
            r"^\.SH OPTIONS\n(.*?)^\.SH", MANUAL.read_text(encoding="utf-8"), re.M | re.S
        )[1]
        documented = set(re.findall(r"^\.TP\n\.BR? .*\\-\\-([a-z\\-]+)", options, re.MULTILINE))
        self.assertEqual(helped - {"help", "usage"}, documented)


class OneInvocation(unittest.TestCase):
    def test_the_answer_is_printed_unchanged(self):
        with Server(lambda nth, body: (200, {}, b"\x00\xff not JSON")) as server:
            result = invoke("f", "--endpoint", server.url)
        self.assertEqual(
            (result.returncode, result.stdout, result.stderr), (0, b"\x00\xff not JSON", b"")
        )
        self.assertEqual(server.requests, [("/2015-03-31/functions/f/invocations", b"{}")])

    def test_payloads(self):
        with tempfile.NamedTemporaryFile() as file, Server(echo) as server:
            file.write(b'{"from": "a file"}\n')
            file.flush()
            for arguments, stdin, sent in ((['{"from": "here"}'], b"", b'{"from": "here"}'),
                                           ([f"@{file.name}"], b"", b'{"from": "a file"}\n'),
                                           (["-"], b"[1, 2]", b"[1, 2]"),
                                           (["--raw", "{'"], b"", b"{'"),
                                           (["--raw", ""], b"", b""),
                                           (["--", "-"], b"3", b"3")):
                result = invoke("f", "--endpoint", server.url, *arguments, stdin=stdin)
                self.assertEqual((result.returncode, result.stdout), (0, sent), result.stderr)
                self.assertEqual(server.requests[-1][1], sent)

    def test_sources_of_the_endpoint(self):
        with Server(echo) as server:
            for more in (
                {"AWS_ENDPOINT_URL": server.url},
                {"AWS_ENDPOINT_URL_LAMBDA": server.url, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
                {"AWS_ENDPOINT_URL_LAMBDA": "", "AWS_ENDPOINT_URL": server.url},
            ):
                self.assertEqual(invoke("f", **more).returncode, 0)
            result = invoke("f", "-e", server.url + "/base/", AWS_ENDPOINT_URL="http://127.0.0.1:1")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(server.requests[-1][0], "/base/2015-03-31/functions/f/invocations")

    def test_a_function_error(self):
        error = b'{"errorMessage":"no such user","errorType":"Function.NoSuchUser"}'
        with Server(
            lambda nth, body: (200, {"X-Amz-Function-Error": "Unhandled"}, error)
        ) as server:
            result = invoke("f", "--endpoint", server.url)
            as_json = invoke("f", "--endpoint", server.url, "--json")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(
            b"f: the function failed (Unhandled) Function.NoSuchUser: no such user", result.stderr
        )
        self.assertIn(error, result.stderr)
        told = json.loads(as_json.stdout)
        self.assertEqual(as_json.returncode, 1)
        self.assertEqual(told["answer"]["function_error"], "Unhandled")
        self.assertEqual(told["answer"]["payload"], json.loads(error))
        self.assertEqual((told["ok"], told["function_errors"]), (0, 1))

    def test_a_refusal(self):
        for status, words in (
            (404, b"404 ResourceNotFoundException: no f here"),
            (429, b"answered 429"),
            (500, b"answered 500"),
        ):
            headers = {"x-amzn-ErrorType": "ResourceNotFoundException"} if status == 404 else {}
            with Server(lambda nth, body: (status, headers, b'{"Message": "no f here"}')) as server:
                result = invoke("f", "--endpoint", server.url)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(words, result.stderr)

    def test_messages_have_no_control_characters(self):
        with Server(lambda nth, body: (500, {}, b'{"message": "a\\u001b[2Jb"}')) as server:
            self.assertNotIn(b"\x1b", invoke("f", "--endpoint", server.url).stderr)

    def test_json_has_figures_and_the_answer(self):
        with Server(echo) as server:
            result = invoke("f", "[1, 2.50]", "--endpoint", server.url, "--json")
        told = json.loads(result.stdout)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(
            told["answer"],
            {"status": 200, "request_id": "id-0", "function_error": "", "payload": [1, 2.5]},
        )
        self.assertIn(b'"payload": [1, 2.50]', result.stdout)
        self.assertEqual((told["function"], told["endpoint"], told["invocations"], told["ok"]),
                         ("f", server.url, 1, 1))

    def test_quiet_prints_only_errors(self):
        with Server(echo) as server:
            result = invoke("f", "-q", "--endpoint", server.url)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))

    def test_no_server(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            for more in ((), ("-n100000", "-p10")):
                result = invoke("f", "--endpoint", url, *more)
                self.assertEqual((result.returncode, result.stdout), (1, b""))
                self.assertIn(
                    f"{url}: cannot connect to the endpoint: Connection refused".encode(),
                    result.stderr,
                )
                self.assertIn(b"Is `scopecache local` running?", result.stderr)

    def test_an_unknown_host(self):
        result = invoke("f", "--endpoint", "http://no.such.host.invalid")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"cannot find the host no.such.host.invalid", result.stderr)

    def test_no_answer_in_time(self):
        with Server(lambda nth, body: server.ended.wait() and (200, {}, b"")) as server:
            result = invoke("f", "--endpoint", server.url, "--timeout", "0.2")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(b"no complete answer in 0.2 s", result.stderr)

    def test_standard_output_is_full(self):
        with Server(echo) as server, open("/dev/full", "wb") as full:
            result = subprocess.run(
                [COMMAND, "invoke", "f", "-e", server.url],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=PATIENCE,
                check=False,
            )
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"cannot write to standard output: No space left", result.stderr)


class ManyInvocations(unittest.TestCase):
    def test_all_are_sent_and_counted(self):
        with Server(echo) as server:
            result = invoke("f", "-n300", "-p7", "--endpoint", server.url, "--json")
        told = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(server.requests), 300)
        self.assertEqual(
            (told["requested"], told["invocations"], told["ok"], told["parallel"]),
            (300, 300, 300, 7),
        )
        self.assertEqual((told["sent_bytes"], told["received_bytes"]), (600, 600))
        points = [told["latency_us"][name] for name in ("min", "p50", "p90", "p99", "p99_9", "max")]
        self.assertEqual(points, sorted(points))
        self.assertGreater(points[0], 0)
        self.assertLessEqual(points[-1], told["elapsed_s"] * 1e6)
        self.assertAlmostEqual(told["rate_per_s"], 300 / told["elapsed_s"], delta=1)
        self.assertNotIn("answer", told)

    def test_the_table(self):
        def some_fail(nth, body):
            headers = {"X-Amz-Function-Error": "Unhandled"} if nth % 10 == 3 else {}
            return 429 if nth % 10 == 5 else 200, headers, body
        with Server(some_fail) as server:
            result = invoke("f", "-n100", "--endpoint", server.url)
        lines = [line.split() for line in result.stdout.decode().splitlines()]
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            lines[:4],
            [
                ["invocations", "100", "of", "f,", "1", "at", "once"],
                ["ok", "80"],
                ["function", "errors", "10"],
                ["throttled", "(429)", "10"],
            ],
        )
        self.assertEqual(lines[-2], "latency, ms min p50 p90 p99 p99.9 max".split())
        self.assertEqual(len(lines[-1]), 6)
        self.assertIn(b"the first failure: the function failed (Unhandled)", result.stderr)

    def stopped(self, number, *options):
        """Stop it by a signal when three invocations were answered and the fourth is in
        progress."""
        with Server(
            lambda nth, body: (nth < 3 or server.ended.wait()) and (200, {}, b"{}")
        ) as server:
            with subprocess.Popen([COMMAND, "invoke", "f", "-n1000", "-e", server.url, *options],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                for _ in range(4):
                    self.assertTrue(server.seen.acquire(timeout=PATIENCE))
                process.send_signal(number)
                out, error = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 128 + number, error)
        return out

    def test_an_interrupted_run_prints_its_figures(self):
        self.assertIn(b"3 of 1,000", self.stopped(signal.SIGINT))
        told = json.loads(self.stopped(signal.SIGINT, "--json"))
        self.assertEqual(
            (told["interrupted"], told["requested"], told["invocations"]), (True, 1000, 3)
        )
        self.assertIn(b"3 of 1,000", self.stopped(signal.SIGTERM))
        self.assertEqual(self.stopped(signal.SIGINT, "--quiet"), b"")

    def on_a_terminal(self, *options):
        """The output on a terminal during a run of about two seconds."""
        ours, theirs = pty.openpty()
        shown = b""
        try:
            with Server(lambda nth, body: server.ended.wait(0.1) or (200, {}, b"{}")) as server:
                with subprocess.Popen([COMMAND, "invoke", "f", "-n20", "-e", server.url, *options],
                                      stdout=subprocess.PIPE, stderr=theirs) as process:
                    os.close(theirs)
                    with contextlib.suppress(OSError):
                        while select.select([ours], [], [], PATIENCE)[0]:
                            shown += os.read(ours, 4096)
                    process.communicate(timeout=PATIENCE)
        finally:
            os.close(ours)
        self.assertEqual(process.returncode, 0)
        return shown

    def test_a_bar_is_drawn_on_a_terminal(self):
        shown = self.on_a_terminal()
        self.assertRegex(shown, rb"\rf \[#+\.+\] +[1-9][0-9] %, [0-9] s left")
        self.assertNotIn(b"[....................", shown, "not in the first second")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), "it is wiped away")
        self.assertEqual(self.on_a_terminal("--quiet"), b"")

    def test_no_bar_in_a_file(self):
        with Server(lambda nth, body: server.ended.wait(0.1) or (200, {}, b"{}")) as server:
            self.assertEqual(invoke("f", "-n15", "-e", server.url).stderr, b"")


if __name__ == "__main__":
    unittest.main()
