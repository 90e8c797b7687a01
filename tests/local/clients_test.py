"""Unchanged clients: boto3 and the AWS CLI as callers, AWS's runtime client for Python in the
function."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import boto3
import botocore.config
import botocore.exceptions

from local_server import BOOTSTRAPS, PATIENCE, Local, eventually, one_of_several

AWS = pathlib.Path(sys.executable).parent / "aws"
ACCESS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


# What a monitoring library does in a function of AWS's runtime: it registers as an extension, waits
# for events on a thread, and handles SIGTERM.
EXTENSION = """
import http.client, json, os, signal, threading

def send(method, path, headers, body=None):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer, json.loads(answer.read())

def wait():
    while True:
        events.append(send("GET", "event/next", {"Lambda-Extension-Identifier": own_id})[1])

def on_term(number, frame):
    print("saved", len(events), "events", flush=True)
    raise SystemExit(0)

events = []
answer, function = send("POST", "register", {"Lambda-Extension-Name": "watch"},
                        '{"events": ["INVOKE"]}')
own_id = answer.headers["Lambda-Extension-Identifier"]
threading.Thread(target=wait, daemon=True).start()
signal.signal(signal.SIGTERM, on_term)

def handler(event, context):
    return function["functionName"]
"""


def python_function(folder, module="python_function"):
    """A folder with a bootstrap that runs python_function.py, or another module, under
    awslambdaric."""
    bootstrap = pathlib.Path(folder, "bootstrap")
    bootstrap.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -m awslambdaric {module}.handler\n",
        encoding="utf-8",
    )
    bootstrap.chmod(0o755)
    if module == "python_function":
        pathlib.Path(folder, "python_function.py").symlink_to(BOOTSTRAPS / "python_function.py")
    else:
        pathlib.Path(folder, module + ".py").write_text(EXTENSION, encoding="utf-8")
    return folder


class Clients(unittest.TestCase):
    def setUp(self):
        self.python = python_function(self.enterContext(tempfile.TemporaryDirectory()))
        self.local = self.enterContext(Local("--timeout", "20", python=self.python))
        session = boto3.Session(
            aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
        )
        self.client = session.client(
            "lambda",
            endpoint_url=self.local.url,
            config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=PATIENCE),
        )
        self.addCleanup(self.client.close)

    def invoke(self, event, name="python", **more):
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event), **more)
        return answer, answer["Payload"].read()

    def aws(self, *arguments):
        command = [
            sys.executable,
            str(AWS),
            "lambda",
            "invoke",
            "--endpoint-url",
            self.local.url,
            *arguments,
        ]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, **ACCESS},
        )

    def test_the_line_for_the_cli_in_an_empty_environment(self):
        line = next(line for line in self.local.log.splitlines() if " aws lambda invoke " in line)
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                ["sh", "-c", line],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
                env={"PATH": f"{AWS.parent}:{os.defpath}", "HOME": home},
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"StatusCode": 200', done.stdout)
        self.assertEqual(json.JSONDecoder().raw_decode(done.stdout)[0]["event"], {})

    def test_frozen_between_invocations(self):
        for count in range(1, 6):
            answer, _ = self.invoke({"n": count})
            self.assertNotIn("FunctionError", answer)
            eventually(lambda: self.local.environments()[0]["frozen"], "the freeze")
        self.assertEqual(self.local.environments()[0]["invocations"], 5)

    def test_an_extension_in_the_python_runtime(self):
        folder = python_function(self.enterContext(tempfile.TemporaryDirectory()), "extension")
        # Without this variable AWS's client lets no signal handler run while it waits.
        env = ("--env", "AWS_EXECUTION_ENV=AWS_Lambda_python3.12")

        def run():
            with Local("--strict-shutdown", *env, watched=folder) as local:
                for _ in range(3):
                    self.assertEqual(local.invoke("watched", {}).json(), "watched")
                    local.settle()
            line = "EXTENSION\tName: watch\tState: Ready\tEvents: [INVOKE]\n"
            self.assertIn(line, local.last_log)
            return "saved 3 events\n" in local.last_log

        one_of_several(run, "SIGTERM")

    def test_boto3_and_the_python_runtime(self):
        context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
        answer, body = self.invoke({"x": [1, "é"]}, LogType="Tail", ClientContext=context)
        seen = json.loads(body)
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "$LATEST"))
        self.assertNotIn("FunctionError", answer)
        self.assertEqual((seen["count"], seen["event"], seen["text"]), (1, {"x": [1, "é"]}, "é€😀"))
        self.assertEqual(seen["request_id"], answer["ResponseMetadata"]["RequestId"])
        self.assertEqual(
            (seen["function"], seen["memory"], seen["custom"]), ("python", "128", {"a": "b"})
        )
        self.assertEqual(seen["arn"], "arn:aws:lambda:us-east-1:012345678912:function:python")
        self.assertTrue(0 < seen["remaining"] <= 20000)
        self.assertTrue(seen["trace"].startswith("Root=1-"))
        log = base64.b64decode(answer["LogResult"]).decode()
        self.assertIn("hello from python\n", log)
        self.assertIn(f"REPORT RequestId: {seen['request_id']}\t", log)
        self.assertEqual(json.loads(self.invoke({})[1])["count"], 2)
        self.assertEqual(self.local.function("python")["cold_starts"], 1)

    def test_names(self):
        partial = "012345678912:function:python"
        for name in "python:prod", partial, f"arn:aws:lambda:us-east-1:{partial}":
            self.assertEqual(self.invoke({}, name)[0]["StatusCode"], 200)
        seen = json.loads(self.invoke({}, Qualifier="prod")[1])
        self.assertEqual(seen["arn"], "arn:aws:lambda:us-east-1:012345678912:function:python:prod")

    def test_a_stack_trace_has_lines(self):
        answer, _ = self.invoke({"fail": "on purpose"}, LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        self.assertNotIn("\r", log + self.local.log)
        self.assertRegex(
            log, r"\n\[ERROR\] ValueError: é: on purpose\nTraceback \(most recent call last\):\n"
        )
        self.assertIn('\n    raise ValueError("é: " + event["fail"])\n', log.replace("\u00a0", " "))

    def test_a_function_that_fails(self):
        answer, body = self.invoke({"fail": "on purpose"})
        self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"))
        error = json.loads(body)
        self.assertEqual(
            (error["errorType"], error["errorMessage"]), ("ValueError", "é: on purpose")
        )
        self.assertTrue(error["stackTrace"])
        # The environment is still used.
        self.assertEqual(json.loads(self.invoke({})[1])["count"], 2)

    def test_a_stack_trace_of_a_thousand_frames(self):
        answer, body = self.invoke({"deep": True})
        self.assertEqual((answer["StatusCode"], answer.get("FunctionError")), (200, "Unhandled"))
        self.assertEqual(json.loads(body)["errorType"], "RecursionError")
        self.assertGreater(json.loads(self.invoke({})[1])["count"], 1)

    def test_a_function_that_exits(self):
        answer, body = self.invoke({"exit": 3})
        self.assertEqual(answer["FunctionError"], "Unhandled")
        self.assertIn(json.loads(body)["errorType"], ("Runtime.ExitError", "SystemExit"))
        self.assertEqual(json.loads(self.invoke({})[1])["event"], {})

    def test_an_init_that_fails(self):
        with Local("--env", "FAIL_INIT=1", python=self.python) as local:
            answer = local.invoke("python", {})
            self.assertTrue(answer.failed)
            self.assertEqual(answer.json()["errorType"], "RuntimeError")
            self.assertIn("no database", answer.json()["errorMessage"])

    def test_kinds_of_invocation(self):
        self.assertEqual(self.invoke({}, InvocationType="DryRun")[0]["StatusCode"], 204)
        answer, body = self.invoke({}, InvocationType="Event")
        self.assertEqual((answer["StatusCode"], body), (202, b""))
        request_id = answer["ResponseMetadata"]["RequestId"]
        eventually(lambda: f"END RequestId: {request_id}" in self.local.log, "the event's end")
        nothing = self.client.invoke(FunctionName="python")
        self.assertEqual(json.loads(nothing["Payload"].read())["event"], {})

    def test_errors_are_exceptions(self):
        errors = self.client.exceptions
        with self.assertRaisesRegex(
            errors.ResourceNotFoundException, "Function not found: arn:aws:lambda:"
        ):
            self.client.invoke(FunctionName="nobody")
        with self.assertRaisesRegex(
            errors.InvalidRequestContentException, "Could not parse request body"
        ):
            self.client.invoke(FunctionName="python", Payload=b"not json")
        with self.assertRaises(botocore.exceptions.ClientError) as raised:
            self.client.invoke(FunctionName="python", Payload=b'"' + b"x" * 7000000 + b'"')
        self.assertEqual(
            raised.exception.response["Error"]["Code"], "RequestEntityTooLargeException"
        )
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 413)
        with Local("--max-environments", "1", odd="odd.py") as local:
            connection = local.connect()
            connection.request(
                "POST", "/2015-03-31/functions/odd/invocations", b'{"do":"sleep","seconds":2}'
            )
            eventually(lambda: local.environments("busy"), "the invocation")
            client = boto3.client(
                "lambda",
                endpoint_url=local.url,
                region_name="us-east-1",
                aws_access_key_id="a",
                aws_secret_access_key="b",
                config=botocore.config.Config(retries={"max_attempts": 0}),
            )
            with self.assertRaises(client.exceptions.TooManyRequestsException) as throttled:
                client.invoke(FunctionName="odd")
            self.assertEqual(
                throttled.exception.response["Reason"], "ConcurrentInvocationLimitExceeded"
            )
            client.close()
            connection.close()

    def test_the_aws_cli(self):
        out = pathlib.Path(self.local.folder.name, "out.json")
        result = self.aws(
            "--function-name", "python", "--payload", '{"a": 1}', "--log-type", "Tail", str(out)
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        seen = json.loads(result.stdout)
        self.assertEqual((seen["StatusCode"], seen["ExecutedVersion"]), (200, "$LATEST"))
        self.assertIn("START RequestId:", base64.b64decode(seen["LogResult"]).decode())
        self.assertEqual(json.loads(out.read_bytes())["event"], {"a": 1})
        failed = self.aws("--function-name", "python", "--payload", '{"fail": "x"}', str(out))
        self.assertEqual(json.loads(failed.stdout)["FunctionError"], "Unhandled")
        unknown = self.aws("--function-name", "nobody", str(out))
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn(
            "(ResourceNotFoundException) when calling the Invoke operation: Function not found",
            unknown.stderr,
        )


if __name__ == "__main__":
    unittest.main()
