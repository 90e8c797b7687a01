"""The Invoke API: names, kinds of invocation, headers both ways, errors in Lambda's shape."""

import base64
import json
import socket
import unittest
import urllib.parse

from local_server import Local, eventually

ARN = "arn:aws:lambda:us-east-1:012345678912:function:odd"
MB = 1024 * 1024


class InvokeApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.local = cls.enterClassContext(
            Local(
                "--env",
                "AWS_REGION=us-east-1",
                "--env",
                "COLOUR=blue",
                odd="odd.py",
                env={
                    "AWS_EXECUTION_ENV": "x",
                    "_X_AMZN_TRACE_ID": "x",
                    "TZ": "Asia/Tokyo",
                    "MINE": "yes",
                },
            )
        )

    def echo(self, event=None, **more):
        return self.local.invoke(event=event or {"do": "echo"}, **more).json()

    def assert_error(self, answer, status, kind, *words):
        self.assertEqual(
            (answer.status, answer.headers["x-amzn-errortype"]), (status, kind), answer.body
        )
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertRegex(answer.headers["x-amzn-RequestId"], r"^[0-9a-f-]{36}$")
        message = answer.json()["Message"]
        for word in words:
            self.assertIn(word, message)

    def test_an_answer(self):
        answer = self.local.invoke(event={"do": "text", "text": "héllo", "x": 1})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body.decode(), "héllo")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.headers["X-Amz-Executed-Version"], "$LATEST")
        self.assertRegex(
            answer.headers["x-amzn-RequestId"],
            r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        )
        self.assertRegex(
            answer.headers["X-Amzn-Trace-Id"],
            r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$",
        )
        self.assertIsNone(answer.headers["X-Amz-Function-Error"])
        self.assertIsNone(answer.headers["X-Amz-Log-Result"])

    def test_the_headers_that_the_function_gets(self):
        answer = self.local.invoke(
            event={"do": "echo"},
            headers={
                "X-Amz-Client-Context": base64.b64encode(
                    b'{\n"custom": {"a": "\xc3\xa9"}\r\n}'
                ).decode(),
                "X-Amzn-Trace-Id": "Root=1-2-3;Sampled=1",
                "X-Amz-Tenant-Id": "blue",
            },
        )
        headers = answer.json()["headers"]
        request_id = answer.headers["x-amzn-RequestId"]
        self.assertEqual(headers["Lambda-Runtime-Aws-Request-Id"], request_id)
        self.assertEqual(headers["Lambda-Runtime-Invoked-Function-Arn"], ARN)
        self.assertEqual(headers["Lambda-Runtime-Trace-Id"], "Root=1-2-3;Sampled=1")
        self.assertEqual(answer.headers["X-Amzn-Trace-Id"], "Root=1-2-3;Sampled=1")
        context = headers["Lambda-Runtime-Client-Context"].encode("latin-1").decode()
        self.assertEqual(json.loads(context), {"custom": {"a": "é"}})
        self.assertEqual(headers["Lambda-Runtime-Aws-Tenant-Id"], "blue")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertRegex(headers["Lambda-Runtime-Deadline-Ms"], r"^[1-9][0-9]{12}$")
        self.assertRegex(headers["Lambda-Runtime-Invocation-Id"], r"^[0-9a-f-]{36}$")
        self.assertNotEqual(
            headers["Lambda-Runtime-Invocation-Id"], headers["Lambda-Runtime-Aws-Request-Id"]
        )
        plain = self.echo()["headers"]
        for absent in ("Lambda-Runtime-Client-Context", "Lambda-Runtime-Aws-Tenant-Id"):
            self.assertNotIn(absent, plain)

    def test_invalid_tenant_ids(self):
        for tenant in "x" * 257, "a,b", "caf\xe9":
            with self.subTest(tenant):
                answer = self.local.invoke(event={}, headers={"X-Amz-Tenant-Id": tenant})
                self.assertEqual(
                    (answer.status, answer.headers["x-amzn-errortype"]),
                    (400, "InvalidParameterValueException"),
                )
        tenant = "Aa0._:/=+-@ " * 21 + "aaaa"
        answer = self.local.invoke(event={"do": "echo"}, headers={"X-Amz-Tenant-Id": tenant})
        self.assertEqual(answer.json()["headers"]["Lambda-Runtime-Aws-Tenant-Id"], tenant)

    def test_the_environment_variables(self):
        variables = self.echo()["environment"]
        expected = {
            "AWS_LAMBDA_FUNCTION_NAME": "odd",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/odd",
            "TZ": ":UTC",
            "_HANDLER": "function.handler",
            "COLOUR": "blue",
            "MINE": "yes",
        }
        self.assertEqual({name: variables.get(name) for name in expected}, expected)
        self.assertRegex(variables["AWS_LAMBDA_RUNTIME_API"], r"^127\.0\.0\.1:[0-9]+$")
        self.assertRegex(
            variables["AWS_LAMBDA_LOG_STREAM_NAME"],
            r"^[0-9]{4}/[0-9]{2}/[0-9]{2}/\[\$LATEST\][0-9a-f]{32}$",
        )
        self.assertTrue(variables["LAMBDA_TASK_ROOT"].endswith("/odd"))
        self.assertEqual(variables["PWD"], variables["LAMBDA_TASK_ROOT"])
        for absent in ("_X_AMZN_TRACE_ID", "AWS_EXECUTION_ENV"):
            self.assertNotIn(absent, variables)

    def test_credentials_are_made_up_only_where_there_are_none(self):
        with Local(
            odd="odd.py", env={"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "too"}
        ) as local:
            variables = local.invoke(event={"do": "echo"}).json()["environment"]
            self.assertEqual(variables["AWS_ACCESS_KEY_ID"], "mine")
            self.assertNotIn("AWS_SESSION_TOKEN", variables)
        with Local(
            "--env", "HOME=/nonexistent", odd="odd.py", env={"HOME": "/nonexistent"}
        ) as local:
            variables = local.invoke(event={"do": "echo"}).json()["environment"]
            self.assertEqual(variables.get("AWS_ACCESS_KEY_ID"), "local")

    def test_every_way_to_name_a_function(self):
        for name, qualifier in (
            ("odd", ""),
            ("odd:prod", ":prod"),
            ("odd:$LATEST", ":$LATEST"),
            ("odd:7", ":7"),
            ("123456789012:function:odd", ""),
            ("123456789012:function:odd:prod", ":prod"),
            ("function:odd", ""),
            (ARN, ""),
            (f"{ARN}:prod", ":prod"),
            ("arn:aws-us-gov:lambda:us-gov-east-1:123456789012:function:odd", ""),
        ):
            for quoted in {name, urllib.parse.quote(name, safe="")}:
                with self.subTest(quoted):
                    answer = self.local.invoke(quoted, {"do": "echo"})
                    self.assertEqual(answer.status, 200, answer.body)
                    self.assertEqual(
                        answer.json()["headers"]["Lambda-Runtime-Invoked-Function-Arn"],
                        ARN + qualifier,
                    )

    def test_the_qualifier_of_the_query(self):
        answer = self.local.invoke(event={"do": "echo"}, query="?Qualifier=prod")
        self.assertEqual(
            answer.json()["headers"]["Lambda-Runtime-Invoked-Function-Arn"], ARN + ":prod"
        )
        same = self.local.invoke("odd:prod", {"do": "echo"}, query="?Qualifier=prod")
        self.assertEqual(same.status, 200)
        self.assert_error(
            self.local.invoke("odd:prod", {}, query="?Qualifier=test"),
            400,
            "InvalidParameterValueException",
        )
        self.assert_error(
            self.local.invoke("odd", {}, query="?Qualifier=a%20b"),
            400,
            "InvalidParameterValueException",
        )

    def test_unknown_function(self):
        self.assert_error(
            self.local.invoke("nobody", {}),
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:012345678912:function:nobody",
        )

    def test_invalid_names(self):
        for name in (
            "a%20b",
            "a:b:c:d:e:f:g:h:i",
            "arn:aws:s3:::bucket",
            "x" * 65,
            "odd:",
            "%2F",
            "a/b",
        ):
            with self.subTest(name):
                self.assert_error(self.local.invoke(name, {}), 400, "ValidationException")

    def test_other_paths_and_methods(self):
        self.assert_error(self.local.request("GET", "/"), 404, "UnknownOperationException")
        self.assert_error(
            self.local.request("GET", "/2015-03-31/functions"), 404, "UnknownOperationException"
        )
        self.assert_error(
            self.local.request("POST", "/2015-03-31/functions/odd/invocations/x", b"{}"),
            404,
            "UnknownOperationException",
        )
        for method in "GET", "PUT", "DELETE", "PATCH":
            self.assert_error(
                self.local.request(method, "/2015-03-31/functions/odd/invocations"),
                405,
                "MethodNotAllowedException",
            )

    def test_events(self):
        for event in (
            '{"do":"echo","a":[1,2.5e3,null,true,"\\u0000\\ud83d\\ude00"]}',
            ' {"do":"echo"}\n',
            '{"do":"echo","n":123456789012345678901234567890}',
            '{"do":"echo","n":1e999}',
        ):
            with self.subTest(event):
                self.assertEqual(self.echo(event)["event"], json.loads(event))
        for event in "17", '"text"', "[]", "null", "true":
            with self.subTest(event):
                self.assertEqual(self.echo(event)["event"], {"value": json.loads(event)})

    def test_no_event_is_an_empty_object(self):
        self.assertEqual(self.local.invoke(event=b"").json()["event"], {})

    def test_events_that_are_not_json(self):
        for event in (
            b"hello",
            b"{",
            b"{}{}",
            b"[1,]",
            b"{'a':1}",
            b'{"a":}',
            b"\xff",
            b'"\xff"',
            b"nul",
            b"01",
            b'"\n"',
            b"{}\0",
            b"[" * 100000,
        ):
            with self.subTest(event[:20]):
                self.assert_error(
                    self.local.invoke(event=event),
                    400,
                    "InvalidRequestContentException",
                    "Could not parse request body into json",
                )

    def test_a_chunked_event(self):
        connection = self.local.connect()
        connection.request(
            "POST",
            "/2015-03-31/functions/odd/invocations",
            iter([b'{"do":', b'"echo"', b"}"]),
            encode_chunked=True,
        )
        self.assertEqual(json.loads(connection.getresponse().read())["event"], {"do": "echo"})
        connection.close()

    def test_the_largest_event(self):
        event = b'{"do":"sleep","seconds":0,"x":"' + b"x" * (6 * MB - 33) + b'"}'
        self.assertEqual(len(event), 6 * MB)
        self.assertEqual(self.local.invoke(event=event).status, 200)
        self.assert_error(
            self.local.invoke(event=event + b" "),
            413,
            "RequestEntityTooLargeException",
            "6291457 byte payload",
            "RequestResponse",
            "limit 6291456 bytes",
        )
        self.assert_error(
            self.local.invoke(event=event[: MB + 1], headers={"X-Amz-Invocation-Type": "Event"}),
            413,
            "RequestEntityTooLargeException",
            "Event",
            "limit 1048576 bytes",
        )

    def test_an_event_beyond_every_limit(self):
        # The body is not kept, and the request is still answered.
        self.assert_error(
            self.local.invoke(event=b"x" * (40 * MB)), 413, "RequestEntityTooLargeException"
        )

    def test_invalid_client_contexts(self):
        for context in (
            "!",
            "e30",
            base64.b64encode(b"not json").decode(),
            base64.b64encode(b'"' + b"x" * 2700 + b'"').decode(),
        ):
            with self.subTest(context[:10]):
                self.assert_error(
                    self.local.invoke(event={}, headers={"X-Amz-Client-Context": context}),
                    400,
                    "InvalidRequestContentException",
                    "client context",
                )

    def test_kinds_of_invocation(self):
        before = self.local.function()["invocations"]
        dry = self.local.invoke(event={}, headers={"X-Amz-Invocation-Type": "DryRun"})
        self.assertEqual((dry.status, dry.body), (204, b""))
        self.assertRegex(dry.headers["x-amzn-RequestId"], r"^[0-9a-f-]{36}$")
        self.assertEqual(self.local.function()["invocations"], before)
        event = self.local.invoke(
            event={"do": "print_raw", "text": "no caller waits\n"},
            headers={"X-Amz-Invocation-Type": "Event"},
        )
        self.assertEqual((event.status, event.body), (202, b""))
        request_id = event.headers["x-amzn-RequestId"]
        eventually(lambda: f"END RequestId: {request_id}" in self.local.log, "the event's end")
        self.assertIn("no caller waits\n", self.local.log)
        self.assertEqual(self.local.function()["invocations"], before + 1)
        same = self.local.invoke(event={}, headers={"X-Amz-Invocation-Type": "RequestResponse"})
        self.assertEqual(same.status, 200)
        self.assert_error(
            self.local.invoke(event={}, headers={"X-Amz-Invocation-Type": "Later"}),
            400,
            "InvalidParameterValueException",
        )
        self.assert_error(
            self.local.invoke(event={}, headers={"X-Amz-Log-Type": "Head"}),
            400,
            "InvalidParameterValueException",
        )

    def test_the_log_of_an_invocation(self):
        answer = self.local.invoke_with_tail(event={"do": "print_raw", "text": "one\ntwo, unended"})
        request_id = answer.headers["x-amzn-RequestId"]
        start, one, two, end, report, nothing = answer.log.split("\n")
        self.assertEqual(start, f"START RequestId: {request_id} Version: $LATEST")
        self.assertEqual((one, two, nothing), ("one", "two, unended", ""))
        self.assertEqual(end, f"END RequestId: {request_id}")
        self.assertRegex(
            report,
            rf"^REPORT RequestId: {request_id}\tDuration: [0-9]+\.[0-9]{{2}} ms\t"
            r"Billed Duration: [1-9][0-9]* ms\tMemory Size: 128 MB\t"
            r"Max Memory Used: [1-9][0-9]* MB\t",
        )
        again = self.local.invoke_with_tail(
            event={"do": "print_raw", "fd": 2, "text": "on standard error\n"}
        )
        self.assertNotIn("one", again.log)
        self.assertIn("on standard error\n", again.log)
        self.assertNotIn("Init Duration", again.log)

    def test_the_log_tail_is_the_last_4_kib(self):
        answer = self.local.invoke_with_tail(
            event={"do": "print_lines", "lines": 1000, "width": 100}
        )
        self.assertEqual(len(answer.log.encode()), 4096)
        self.assertTrue(answer.log.endswith("\t\n"), answer.log[-50:])

    def test_one_connection_serves_many_requests(self):
        connection = self.local.connect()
        for _ in range(20):
            connection.request("POST", "/2015-03-31/functions/odd/invocations", b"{}")
            self.assertEqual(connection.getresponse().read()[:1], b"{")
        connection.close()

    def test_garbage_does_not_stop_the_server(self):
        for garbage in (
            b"\0" * 100,
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"x" * 200000,
            b"POST / HTTP/1.1\r\n:\r\n\r\n",
            b"POST /2015-03-31/functions/odd/invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /2015-03-31/functions/odd/invocations HTTP/1.1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nz\r\n",
        ):
            with socket.create_connection(("127.0.0.1", self.local.port)) as connection:
                connection.settimeout(1)
                try:
                    connection.sendall(garbage)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
                except OSError:
                    pass
        self.assertEqual(self.local.invoke(event={"do": "sleep", "seconds": 0}).status, 200)


if __name__ == "__main__":
    unittest.main()
