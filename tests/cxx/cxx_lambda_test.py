"""Functions in C++ as processes under a Runtime API: what a handler returns and throws."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["SC_SOURCE_DIR"], "tests/examples")))

from runtime_api import Environment  # noqa: E402 (the path has to be there first)


class Functions(unittest.TestCase):
    def test_what_a_handler_returns_is_the_answer(self):
        with Environment("cxx_function") as function:
            self.assertEqual(function.invoke({"a": 1}).json(), [1, 1, {"a": 1}])
            answer = function.invoke({})
            self.assertEqual((answer.kind, answer.content_type), ("response", "application/json"))

    def test_what_a_handler_throws_fails_its_invocation_alone(self):
        with Environment("cxx_function") as function:
            for event, error_type, message in (
                    ("throw", "Function.Error", "thrown by the handler"),
                    ("fail", "Function.NoSuchReport", "there is none"),
                    ("number", "Function.Error", "an exception that is not a std::exception")):
                answer = function.invoke(event)
                self.assertEqual((answer.kind, answer.error_type), ("error", error_type))
                self.assertEqual(answer.json()["errorMessage"], message)
            self.assertEqual(function.invoke({}).json(), [4, 1, {}])

    def test_a_holder_that_throws_fails_the_init(self):
        function = Environment("cxx_function", REFUSE="1")
        answer = function.finish_invocation()
        self.assertEqual(answer.kind, "init")
        self.assertIn("the holder cannot be made", answer.json()["errorMessage"])
        self.assertEqual(function.finish_invocation().kind, "exit")
        self.assertIn("the holder cannot be made", function.said())
        self.assertEqual(function.end(), 1)

    def test_the_macros_of_the_c_headers(self):
        with Environment("cxx_main") as function:
            self.assertEqual(function.invoke({}).json(), 3)


if __name__ == "__main__":
    unittest.main()
