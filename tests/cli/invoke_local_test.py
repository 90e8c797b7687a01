"""End to end: `scopecache invoke`, `scopecache local`, and a function in C on libscopecache-
lambda."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
# pylint: disable-next=wrong-import-position
from local_server import COMMAND, PATIENCE, Local, eventually

ECHO = str(pathlib.Path(os.environ["SC_BUILD_DIR"], "sct_echo_function"))


def invoke(local, *arguments, stdin=b""):
    return subprocess.run([COMMAND, "invoke", "--endpoint", local.url, *arguments], input=stdin,
                          capture_output=True, timeout=PATIENCE, check=False)


class InvokeLocal(unittest.TestCase):
    def test_one(self):
        with Local(echo=ECHO) as local:
            for payload in (
                b"{}",
                b'{"caf\xc3\xa9": "\xf0\x9f\x98\x80"}',
                b"[" + b"1," * 500000 + b"1]",
            ):
                result = invoke(local, "echo", "-", stdin=payload)
                self.assertEqual((result.returncode, result.stderr), (0, b""))
                self.assertEqual(result.stdout, payload)
            self.assertEqual(local.function("echo")["invocations"], 3)

    def test_failures(self):
        with Local(echo=ECHO) as local:
            failed = invoke(local, "echo", '"fail"')
            self.assertEqual((failed.returncode, failed.stdout), (1, b""))
            self.assertIn(
                b"echo: the function failed (Unhandled) Function.Asked: you asked for it",
                failed.stderr,
            )
            gone = invoke(local, "echo", '"exit"')
            self.assertEqual((gone.returncode, gone.stdout), (1, b""))
            self.assertIn(b"Runtime.ExitError", gone.stderr)
            unknown = invoke(local, "ecko")
            self.assertEqual((unknown.returncode, unknown.stdout), (1, b""))
            self.assertIn(b"404 ResourceNotFoundException", unknown.stderr)
            large = invoke(local, "echo", "-", "--raw", stdin=b'"' + b"x" * 7000000 + b'"')
            self.assertEqual((large.returncode, large.stdout), (1, b""))
            self.assertIn(b"413", large.stderr)
            self.assertEqual(invoke(local, "echo", "1").stdout, b"1")

    def test_too_many_at_once(self):
        odd = pathlib.Path(__file__).resolve().parents[1] / "local/bootstraps/odd.py"
        with Local("--max-environments", "1", odd=str(odd)) as local:
            connection = local.connect()
            connection.request(
                "POST",
                "/2015-03-31/functions/odd/invocations",
                b'{"do":"sleep","seconds":60}',
            )
            eventually(lambda: local.environments("busy"), "the invocation")
            refused = invoke(local, "odd")
            connection.close()
            self.assertEqual((refused.returncode, refused.stdout), (1, b""))
            self.assertEqual(
                refused.stderr,
                b"scopecache invoke: odd: the endpoint answered 429 TooManyRequestsException: "
                b"Rate Exceeded. (ConcurrentInvocationLimitExceeded)\n",
            )

    def test_many(self):
        with Local("--quiet", echo=ECHO) as local:
            result = invoke(
                local, "echo", '{"n": 1}', "--count", "500", "--parallel", "4", "--json"
            )
            told = json.loads(result.stdout)
            self.assertEqual((result.returncode, told["ok"], told["invocations"]), (0, 500, 500))
            function = local.function("echo")
            self.assertEqual((function["invocations"], function["errors"]), (500, 0))
            self.assertEqual(function["cold_starts"], len(local.environments()))
            self.assertLessEqual(function["cold_starts"], 4)


if __name__ == "__main__":
    unittest.main()
