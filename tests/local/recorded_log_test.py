"""How the log reads with what runtime clients write when a function fails. recorded/ has what they
wrote to their output and to the telemetry descriptor: a function that says hello and then fails ran
under the client, against a server that answers one `next` with an event, and both ends of two pipes
were kept as they came.

    python, python-plain   awslambdaric 4.2.2, with the descriptor and without
    node, node-plain       aws-lambda-ric 3.3.0 under Node 20, with and without; the function also
                           logs an error object
    java                   aws-lambda-java-runtime-interface-client 2.6.0
    go, go-panic           aws-lambda-go 1.54.0: an error, a panic
    rust                   lambda_runtime 0.14: an error, then a panic
    cpp, cpp-verbose       aws-lambda-cpp b83d8fa, a release, without and with LOG_VERBOSITY=3; it
                           throws an exception, which ends the process
    c                      our runtime: its error is answered with 403; then an assertion fails
    shell                  dash

Those for Go, Rust, C++ and C do not know the descriptor and write the same without it."""

import base64
import pathlib
import unittest

from local_server import Local

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded"

# Lines in a row; a colon ends the beginning of a longer line.
PYTHON = [
    "hello from python",
    "[INFO]\t:",
    "[ERROR] ValueError: é: on purpose",
    "Traceback (most recent call last):",
    '\u00a0\u00a0File "/var/task/rec.py", line 6, in handler',
    '\u00a0\u00a0\u00a0\u00a0raise ValueError("é: on purpose")',
]
EXPECTED = {
    "python": PYTHON,
    "python-plain": PYTHON,
    "java": [
        "hello from java",
        "logged",
        "é: on purpose: java.lang.IllegalStateException",
        "java.lang.IllegalStateException: é: on purpose",
        "\tat Rec.handleRequest(Rec.java:7)",
    ],
    "go": ["2026/11/27 :", "2026/11/27 :"],
    "go-panic": ["2026/11/27 :", "2026/11/27 :"],
    "rust": [
        "ERROR Lambda runtime invoke{:",
        "",
        "thread 'main' :",
        "é: on purpose",
        "stack backtrace:",
    ],
    "node": [
        "Executing 'rec.handler' in function directory '/var/task'",
        "2026-11-27T:",
        "2026-11-27T:",
        "    at Runtime.handler (file:///var/task/rec.mjs:3:17)",
        "    at Runtime.handleOnceNonStreaming (:",
        "2026-11-27T:",
    ],
    "node-plain": [
        "Executing 'rec.handler' in function directory '/var/task'",
        "2026-11-27T:",
        "2026-11-27T:",
        "    at Runtime.handler (file:///var/task/rec.mjs:3:17)",
        "    at Runtime.handleOnceNonStreaming (:",
        "2026-11-27T:",
    ],
    "cpp": [
        "hello from C++",
        "terminate called after throwing an instance of 'std::runtime_error'",
        "  what():  é: on purpose",
    ],
    "cpp-verbose": [
        "[INFO] [:",
        "[DEBUG] [:",
        "[DEBUG] [:",
        "[DEBUG] [:",
        "",
        "[DEBUG] [:",
        "",
    ],
    "c": [
        "hello from C",
        "[ERROR] the invocation could not be answered: the error was answered 403",
        "hello from C",
        "recc: rec.c:15: handle: Assertion `!\"é: on purpose\"' failed.",
    ],
    "shell": ["hello from a shell", "/var/task/fail.sh: 2: no-such-program: not found"],
}


def read(name):
    return (RECORDED / name).read_bytes() if (RECORDED / name).exists() else b""


class Recorded(unittest.TestCase):
    def lines_between(self, log):
        lines = log.split("\n")
        first = next(i for i, line in enumerate(lines) if line.startswith("START "))
        last = next(i for i, line in enumerate(lines) if line.startswith("END "))
        return lines[first + 1 : last]

    def test_each_client(self):
        local = self.enterContext(Local("--timeout", "20", odd="odd.py"))
        self.assertEqual({path.stem for path in RECORDED.iterdir()}, set(EXPECTED))
        for name, expected in EXPECTED.items():
            with self.subTest(name):
                output, frames = read(f"{name}.output"), read(f"{name}.frames")
                answer = local.invoke_with_tail(
                    event={
                        "do": "replay",
                        "output": base64.b64encode(output).decode(),
                        "frames": base64.b64encode(frames).decode(),
                    }
                )
                lines = self.lines_between(answer.log)
                self.assertGreaterEqual(len(lines), len(expected), lines)
                for line, wanted in zip(lines, expected):
                    self.assertTrue(
                        line == wanted or (wanted.endswith(":") and line.startswith(wanted[:-1])),
                        (line, wanted),
                    )
                self.assertFalse(
                    [line for line in lines if "\r" in line or "\0" in line or "\ufffd" in line]
                )
                # Nothing is lost, and nothing of the framing is shown.
                texts = [line for line in output.decode().replace("\r", "\n").split("\n") if line]
                self.assertEqual([line for line in texts if line not in lines], [])


if __name__ == "__main__":
    unittest.main()
