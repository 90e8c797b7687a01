"""The Runtime API: what runtimes may do, and what they may not. The odd function returns the
answers that it got; see bootstraps/odd.py."""

import json
import unittest

from local_server import Local, eventually

LIMIT = 6 * 1024 * 1024 + 100


class RuntimeApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Some go on while they seem idle.
        cls.local = cls.enterClassContext(
            Local("--timeout", "30", "--no-freeze", odd="odd.py", early="early_answer.py")
        )

    def invoke(self, do, **event):
        self.local.settle()
        answer = self.local.invoke_with_tail(event={"do": do, **event})
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    def pid(self):
        return self.invoke("sleep", seconds=0).json()["id"]

    def test_answers_twice(self):
        pid = self.pid()
        answer = self.invoke("answer_twice")
        self.assertEqual(answer.json()["which"], "first")
        first, first_body, second, second_body, error, init = json.loads(
            answer.log.partition("answers: ")[2].partition("\n")[0]
        )
        self.assertEqual((first, json.loads(first_body)), (202, {"status": "OK"}))
        self.assertEqual(
            (second, json.loads(second_body)["errorType"]), (403, "InvalidStateTransition")
        )
        self.assertEqual((error, init), (403, 403))
        self.assertEqual(self.pid(), pid)

    def test_answers_for_another_request(self):
        pid = self.pid()
        answer = self.invoke("answer_another").json()
        self.assertEqual(answer["which"], "right")
        wrong, body, longer = answer["wrong"]
        self.assertEqual(
            (wrong, json.loads(body)["errorType"], longer), (400, "InvalidRequestID", 400)
        )
        self.assertEqual(self.pid(), pid)

    def test_answers_before_it_has_asked(self):
        answer = self.local.invoke("early", {}).json()
        self.assertEqual(
            (answer["status"], json.loads(answer["body"])["errorType"]), (400, "InvalidRequestID")
        )

    def test_the_echo_of_the_invocation_id(self):
        answer = self.invoke("wrong_invocation_id").json()
        self.assertEqual((answer["which"], answer["wrong"]), ("right", 400))

    def test_answers_of_every_size(self):
        for size in 2, 6 * 1024 * 1024, LIMIT:
            with self.subTest(size):
                answer = self.invoke("large", bytes=size)
                self.assertFalse(answer.failed)
                self.assertEqual(len(answer.body), size)
                self.assertIn("large: 202", answer.log)

    def test_answers_that_are_too_large(self):
        pid = self.pid()
        for size in LIMIT + 1, 7 * 1024 * 1024, 20 * 1024 * 1024:
            with self.subTest(size):
                answer = self.invoke("large", bytes=size)
                self.assertTrue(answer.failed)
                self.assertEqual(
                    answer.json(),
                    {
                        "errorType": "Function.ResponseSizeTooLarge",
                        "errorMessage": "Response payload size exceeded maximum allowed"
                        " payload size (6291556 bytes).",
                    },
                )
                self.assertIn(
                    'large: 413 {"errorMessage":"Exceeded maximum allowed payload size'
                    ' (6291556 bytes).",'
                    '"errorType":"RequestEntityTooLarge"}',
                    answer.log,
                )
                self.assertIn(
                    "Status: error\tError Type: Function.ResponseSizeTooLarge\t\n", answer.log
                )
        self.assertEqual(self.pid(), pid)

    def test_chunks_and_trailers(self):
        answer = self.invoke("chunked")
        self.assertFalse(answer.failed)
        self.assertEqual(answer.json(), [1, 2])
        self.assertIn("chunked: 202", answer.log)

    def test_a_stream_that_fails_halfway(self):
        error = {"errorMessage": "half-way", "errorType": "Function.Broken"}
        answer = self.invoke("chunked", error=error)
        self.assertTrue(answer.failed)
        self.assertEqual(answer.json(), error)
        self.assertEqual(answer.headers["Content-Type"], "application/json")

    def test_a_function_error(self):
        pid = self.pid()
        error = {"errorMessage": "\u00e9\u20ac", "errorType": "Odd", "stackTrace": ["here"]}
        answer = self.invoke("function_error", error=error)
        self.assertTrue(answer.failed)
        self.assertEqual(answer.json(), error)
        self.assertIn("Status: error\tError Type: Function.Odd\t\n", answer.log)
        self.assertEqual(self.pid(), pid)

    def test_types_of_errors(self):
        for sent, logged in (
            ("Runtime.Bad", "Runtime.Bad"),
            ("Function.bad", "Function.Unknown"),
            ("Function.", "Function.Unknown"),
            ("x", "Runtime.Unknown"),
            ("Runtime.A1", "Runtime.Unknown"),
            ("", "Runtime.Unknown"),
        ):
            with self.subTest(sent):
                self.assertIn(
                    f"Error Type: {logged}\t",
                    self.invoke("function_error", error={}, type=sent).log,
                )

    def test_asks_again_before_it_has_answered(self):
        answer = self.invoke("poll_again", x="é" * 1000).json()
        self.assertTrue(answer["same"] and answer["same_deadline"])
        self.assertEqual(answer["event"], {"do": "poll_again", "x": "é" * 1000})

    def test_another_connection_for_each_request(self):
        pid = self.pid()
        self.assertEqual(self.invoke("other_connections").json()["id"], pid)
        self.assertEqual(self.pid(), pid)

    def test_an_abandoned_poll(self):
        pid = self.pid()
        self.assertEqual(self.invoke("abandon_poll").json()["id"], pid)
        eventually(lambda: self.local.environments("idle"), "the second question")
        self.assertEqual(self.pid(), pid)

    def test_a_runtime_that_stopped_polling(self):
        first = self.local.invoke(event={"do": "hang_up"}).json()["id"]
        eventually(lambda: "hung up" in self.local.log, "the end of its connection")
        # It seems idle, but the next invocation must not go to it.
        self.assertNotEqual(self.pid(), first)
        eventually(lambda: first not in [e["id"] for e in self.local.environments()], "its end")

    def test_invalid_requests(self):
        self.assertEqual(
            self.invoke("wrong_requests").json()["statuses"], [405, 405, 404, 404, 400, 405]
        )


if __name__ == "__main__":
    unittest.main()
