"""The configuration that stays fresh behind the answers: no caller waits but the first, and an
outage of the source is no error."""

import json
import pathlib
import struct
import tempfile
import time
import unittest

from runtime_api import Environment

REFRESH_S = 0.1
TTL_S = 6 * REFRESH_S
DELAY_S = 0.15
PATIENCE_S = 60


class FreshConfig(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.flags = pathlib.Path(folder.name, "flags.json")
        self.meter = pathlib.Path(folder.name, "meter")

    def start(self, function="fresh_config"):
        return Environment(function, FLAGS_METER=str(self.meter), FLAGS_FILE=str(self.flags),
                           FLAGS_DELAY_MS=str(int(DELAY_S * 1000)),
                           FLAGS_REFRESH_MS=str(int(REFRESH_S * 1000)))

    def write(self, number):
        self.flags.write_text(json.dumps(number), encoding="utf-8")

    def ask(self, function):
        answer = function.invoke({})
        self.assertEqual(answer.kind, "response", answer.body)
        return answer.json()

    def test_a_change_comes_without_a_wait(self):
        self.write(1)
        with self.start() as function:
            self.assertEqual(self.ask(function), {"flags": 1, "age_ms": 0, "stale": False})
            self.write(2)
            time.sleep(2 * REFRESH_S)
            # This one asks for the refresh, which runs after its answer and before the next event.
            told = self.ask(function)
            self.assertEqual(told["flags"], 1)
            self.assertGreaterEqual(told["age_ms"], REFRESH_S * 1000)
            self.assertEqual(self.ask(function)["flags"], 2)

    def test_a_frozen_environment_answers_with_what_it_has(self):
        self.write(1)
        with self.start() as function:
            self.ask(function)
            self.write(2)
            time.sleep(1.5 * TTL_S)
            told = self.ask(function)
            self.assertEqual((told["flags"], told["stale"]), (1, True))
            self.assertEqual(self.ask(function)["flags"], 2)

    def test_an_outage_is_no_error(self):
        self.write(1)
        with self.start() as function:
            self.ask(function)
            self.flags.unlink()
            time.sleep(TTL_S + REFRESH_S)
            for _ in range(20):
                told = self.ask(function)
                self.assertEqual((told["flags"], told["stale"]), (1, True))
                time.sleep(REFRESH_S / 4)
            self.write(3)
            deadline = time.monotonic() + PATIENCE_S
            while self.ask(function)["flags"] != 3:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(REFRESH_S)

    def test_without_a_first_value_it_is(self):
        with self.start() as function:
            answer = function.invoke({})
            self.assertEqual(answer.error_type, "Function.FlagsUnavailable")
            self.assertIn("No such file", answer.json()["errorMessage"])
            # The source is left alone for a while; then a value is found.
            self.write(1)
            deadline = time.monotonic() + PATIENCE_S
            while function.invoke({}).kind != "response":
                self.assertLess(time.monotonic(), deadline)
                time.sleep(REFRESH_S / 4)

    def test_flags_that_are_too_large_are_an_error(self):
        for length, error in ((4096, None), (4097, "the flags have more than 4096 bytes")):
            self.flags.write_text('"' + "x" * (length - 2) + '"', encoding="utf-8")
            with self.start() as function:
                answer = function.invoke({})
                self.assertEqual(answer.kind, "error" if error else "response")
                if error:
                    self.assertEqual(answer.json()["errorMessage"], error)

    def test_with_nothing_kept_an_outage_is_an_error(self):
        self.write(1)
        with self.start("flags_cold") as function:
            for _ in range(3):
                self.assertEqual(self.ask(function), {"flags": 1, "age_ms": 0, "stale": False})
            self.flags.unlink()
            for _ in range(2):
                self.assertEqual(function.invoke({}).error_type, "Function.FlagsUnavailable")
        opens, queries = struct.unpack("QQ", self.meter.read_bytes())
        self.assertEqual((opens, queries), (5, 5))


if __name__ == "__main__":
    unittest.main()
