"""list_buckets with its client kept and with nothing kept: what they answer, what they save, and
what they bear from an S3 that does odd things."""

import pathlib
import socket
import tempfile
import unittest

from runtime_api import BUILD, Environment, meter
from s3_stub import S3Stub, error, listing

COLD = "list_buckets_cold"
GLOBAL = "global_variable"
# The same in C++, where there was a compiler for it.
CXX = tuple(name for name in (GLOBAL + "_cxx",) if (BUILD / name).exists())
ALL = (COLD, GLOBAL, *CXX)
WHO = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-west-1",
}


class ListBuckets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.meter = pathlib.Path(folder.name, "meter")

    def start(self, program, stub, **environment):
        return Environment(
            program,
            **{**WHO, "AWS_ENDPOINT_URL": stub.url, "S3_METER": str(self.meter), **environment}
        )

    def assert_error(self, answer, *words):
        self.assertEqual(
            (answer.kind, answer.error_type), ("error", "Function.BucketsUnavailable"), answer.body
        )
        for word in words:
            self.assertIn(word, answer.json()["errorMessage"])

    def test_answers_are_the_buckets(self):
        for program in ALL:
            with self.subTest(program), S3Stub() as stub, self.start(program, stub) as function:
                for names in (
                    [],
                    ["one"],
                    ["zebra", "b.c-d", "x" * 63],
                    [f"bucket-{i}" for i in range(10000)],
                ):
                    stub.body = listing(*names)
                    answer = function.invoke({})
                    self.assertEqual(answer.json(), {"buckets": names})
                    self.assertEqual(answer.content_type, "application/json")

    def test_what_is_kept(self):
        for program, connections in (COLD, 20), *((kept, 1) for kept in (GLOBAL, *CXX)):
            with self.subTest(program), S3Stub() as stub:
                self.meter.unlink(missing_ok=True)
                with self.start(program, stub) as function:
                    for _ in range(20):
                        self.assertEqual(function.invoke({}).kind, "response")
                    self.assertEqual(stub.connections, connections)
                    self.assertEqual(meter(self.meter), (connections, 20))

    def test_a_connection_that_was_closed_is_made_anew(self):
        with S3Stub() as stub, self.start(GLOBAL, stub) as function:
            stub.hang_up = True
            for _ in range(3):
                self.assertEqual(function.invoke({}).kind, "response")
            self.assertEqual(stub.connections, 3)

    def test_down_and_up_again(self):
        for program in ALL:
            # A port that is bound and does not listen is ours, and refuses; the stub can bind it
            # too.
            with self.subTest(program), socket.socket() as reserved:
                reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                reserved.bind(("127.0.0.1", 0))
                port = reserved.getsockname()[1]
                with Environment(
                    program, **WHO, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}"
                ) as function:
                    for _ in range(2):
                        self.assert_error(function.invoke({}), "S3 could not be asked")
                    with S3Stub(port) as stub:
                        stub.body = listing("back")
                        self.assertEqual(function.invoke({}).json(), {"buckets": ["back"]})

    def test_errors_have_their_status_and_code(self):
        cases = [
            (403, error("AccessDenied"), "S3 answered 403 AccessDenied"),
            (500, b"", "S3 answered 500"),
            (503, error("SlowDown"), "S3 answered 503 SlowDown"),
            (403, b"<Error>", "S3 answered 403"),
            (400, error("odd code\n\x1b[0m"), "S3 answered 400"),
            (204, b"", "S3 answered 204"),
            (301, error("PermanentRedirect"), "S3 answered 301 PermanentRedirect"),
        ]
        for program in ALL:
            with S3Stub() as stub, self.start(program, stub) as function:
                stub.headers = [("Location", stub.url + "/elsewhere")]
                for status, body, message in cases:
                    with self.subTest(program, status=status):
                        stub.status, stub.body = status, body if status != 204 else b""
                        answer = function.invoke({})
                        self.assert_error(answer)
                        self.assertEqual(answer.json()["errorMessage"], message)
                self.assertEqual(
                    {path for _, path, _ in stub.requests}, {"/"}, "redirects are not followed"
                )
                stub.status, stub.body = 200, listing("a")
                self.assertEqual(function.invoke({}).kind, "response")

    def test_answers_that_are_none(self):
        whole = listing("a", "b")
        bad = {
            b"": "protocol",
            b"hello": "protocol",
            whole[:-9]: "protocol",
            b"<html></html>": "protocol",
            b"<!DOCTYPE x [<!ENTITY e 'eeee'>]>" + whole: "protocol",
            listing(""): "protocol",
            error("AccessDenied"): "protocol",
            listing("x" * 256): "too large",
            listing(*["y"] * 10001): "too large",
            b" " * (4 << 20) + whole: "too large",
        }
        for program in ALL:
            with S3Stub() as stub, self.start(program, stub) as function:
                for body, word in bad.items():
                    with self.subTest(program, body=body[:40]):
                        stub.body = body
                        self.assert_error(function.invoke({}), word)
                stub.body = whole
                self.assertEqual(function.invoke({}).json(), {"buckets": ["a", "b"]})

    def test_an_answer_that_breaks_off(self):
        with S3Stub() as stub, self.start(GLOBAL, stub) as function:
            stub.missing_bytes = 5
            self.assert_error(function.invoke({}), "S3 could not be asked")
            stub.missing_bytes = 0
            self.assertEqual(function.invoke({}).kind, "response")

    def test_an_s3_that_says_nothing_is_given_up_before_the_deadline(self):
        for program in ALL:
            with self.subTest(program), S3Stub() as stub, self.start(program, stub) as function:
                stub.silent = True
                self.assert_error(function.invoke({}, timeout_ms=400), "did not answer in time")
                self.assert_error(function.invoke({}, timeout_ms=50), "no time left")
                stub.silent = False
                self.assertEqual(function.invoke({}).kind, "response")

    def test_an_environment_that_says_too_little(self):
        with S3Stub() as stub:
            cases = [
                ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID"),
                ({"AWS_SECRET_ACCESS_KEY": ""}, "not set"),
                ({"AWS_REGION": ""}, "AWS_REGION is not set"),
                ({"AWS_REGION": "a.b/c"}, "not a region"),
                ({"AWS_ENDPOINT_URL": "file:///etc/passwd"}, "neither https nor http"),
                ({"AWS_ENDPOINT_URL": "http://" + "x" * 3000}, "too long"),
                ({"AWS_SESSION_TOKEN": "a\r\nx: y"}, "not a session token"),
                ({"AWS_SESSION_TOKEN": "t" * 9000}, "not a session token"),
            ]
            for environment, word in cases:
                for program in ALL:
                    with self.subTest(program, word=word), self.start(
                        program, stub, **environment
                    ) as function:
                        for _ in range(2):
                            self.assert_error(function.invoke({}), word)
            self.assertEqual(stub.requests, [])

    def test_whose_settings_win(self):
        with S3Stub() as stub, S3Stub() as other:
            with self.start(GLOBAL, other, AWS_ENDPOINT_URL_S3=stub.url + "/", AWS_REGION="",
                            AWS_DEFAULT_REGION="us-west-2") as function:
                self.assertEqual(function.invoke({}).kind, "response")
            self.assertEqual((len(stub.requests), len(other.requests)), (1, 0))
            self.assertIn("/us-west-2/s3/aws4_request", stub.requests[0][2]["Authorization"])

    def test_a_certificate_bundle_is_used(self):
        missing = str(self.meter.with_name("no-such-bundle.pem"))
        with S3Stub() as stub:
            url = stub.url.replace("http:", "https:")
            with self.start(GLOBAL, stub, AWS_ENDPOINT_URL=url, AWS_CA_BUNDLE=missing) as function:
                self.assert_error(function.invoke({}), "S3 could not be asked", missing)

    def test_nothing_listens_and_time_is_short(self):
        # A listener whose queue is full neither accepts nor refuses.
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            try:
                for filler in fillers:
                    filler.setblocking(False)
                    filler.connect_ex(deaf.getsockname())
                url = "http://127.0.0.1:%d" % deaf.getsockname()[1]
                with Environment(GLOBAL, **WHO, AWS_ENDPOINT_URL=url) as function:
                    self.assert_error(function.invoke({}, timeout_ms=400), "did not answer in time")
            finally:
                for filler in fillers:
                    filler.close()


if __name__ == "__main__":
    unittest.main()
