"""The Extensions API: registrations, events, errors, and what the init phase, an invocation and the
end of an environment owe to an extension. The functions do what SCRIPT says: see
bootstraps/extended.py. Expected texts are those of AWS's Runtime Interface Emulator."""

import contextlib
import json
import os
import pathlib
import re
import signal
import time
import unittest
import uuid

from local_server import Local, eventually, is_alive, one_of_several

BASE = "/2020-01-01/extension"
NAME, ID = "Lambda-Extension-Name", "Lambda-Extension-Identifier"
TYPE = "Lambda-Extension-Function-Error-Type"
FEATURES = "Lambda-Extension-Accept-Feature"
OK = "{}"


def registration(body, **headers):
    return {"request": ["POST", BASE + "/register", {NAME: "one", **headers}, body]}


def request(method, path, body=None, **headers):
    return {"request": [method, BASE + path, headers, body]}


ended = "asked to end\nended\n"  # by SIGTERM, in time


class Extensions(unittest.TestCase):
    def start(self, *script, name="extended", **more):
        options = more.pop("options", ())
        env = {"SCRIPT": json.dumps(script), **more}
        variables = (f"--env={key}={value}" for key, value in env.items())
        return Local(*options, *variables, **{name: name + ".py"})

    def invoke(self, local, *requests, **more):
        answer = local.invoke_with_tail("extended", {"requests": requests, **more})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertFalse(answer.failed, answer.body)
        return answer

    def answers(self, *script):
        """What the server answers to requests in the init phase."""
        with self.start(*script) as local:
            self.invoke(local)
            return json.loads(local.log.partition("init: ")[2].partition("\n")[0])

    def assert_error(self, answer, status, error_type, message=None):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual(answer[1]["Content-Type"], "application/json")
        error = json.loads(answer[2])
        self.assertEqual(error["errorType"], error_type)
        if message is not None:
            self.assertEqual(error["errorMessage"], message)


class Registration(Extensions):
    def test_an_accepted_one(self):
        plain, account = self.answers(
            {"register": "one"},
            registration(OK, **{NAME: "two", FEATURES: "x, accountId ,y"}),
            {"wait": True},
        )
        for answer in plain, account:
            self.assertEqual(answer[0], 200)
            self.assertEqual(str(uuid.UUID(answer[1][ID])), answer[1][ID])
        told = {
            "functionName": "extended",
            "functionVersion": "$LATEST",
            "handler": "function.handler",
        }
        self.assertEqual(json.loads(plain[2]), told)
        self.assertEqual(json.loads(account[2]), {"accountId": "012345678912", **told})

    def test_refused_ones(self):
        cases = (
            ({NAME: ""}, OK, "Extension.InvalidExtensionName", "Empty extension name"),
            # The name is looked at before the body.
            ({NAME: ""}, "{", "Extension.InvalidExtensionName", "Empty extension name"),
            ({}, "", "InvalidRequestFormat", "unexpected end of JSON input"),
            ({}, "{", "InvalidRequestFormat", None),
            ({}, "[]", "InvalidRequestFormat", None),
            ({}, '"x"', "InvalidRequestFormat", None),
            ({}, '{"events":"INVOKE"}', "InvalidRequestFormat", None),
            ({}, '{"events":[1]}', "InvalidRequestFormat", None),
            (
                {},
                '{"configurationKeys":["A"]}',
                "InvalidRequestFormat",
                "configurationKeys are deprecated; use environment variables instead",
            ),
            (
                {},
                '{"events":["INVOKE","SHUTDOWN"]}',
                "Extension.InvalidEventType",
                "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
            ),
            (
                {},
                '{"events":["invoke"]}',
                "Extension.InvalidEventType",
                "invoke: ErrorInvalidEventType",
            ),
            (
                {},
                '{"events":["\\"\\u20ac\\n"]}',
                "Extension.InvalidEventType",
                '"\u20ac\n: ErrorInvalidEventType',
            ),
            ({}, '{"events":[null]}', "Extension.InvalidEventType", ": ErrorInvalidEventType"),
        )
        answers = self.answers(
            *(registration(body, **headers) for headers, body, _, _ in cases),
            registration("[" * 100000),
            request("GET", "/register"),
            request("PUT", "/register", OK),
        )
        for case, answer in zip(cases, answers):
            with self.subTest(case):
                self.assert_error(answer, 403, *case[2:])
        self.assert_error(
            answers[-3],
            413,
            "RequestEntityTooLarge",
            "Exceeded maximum allowed payload size (65536 bytes).",
        )
        self.assertEqual([answer[0] for answer in answers[-2:]], [405, 405])

    def test_lenient_ones(self):
        # They register for no events, and are ready soon after: else there would be no invocation.
        script = []
        for number, body in enumerate(
            ("{}", "null", '{"events":null}', '{"x":1,"EVENTS":[]}', '{"configurationKeys":[]}')
        ):
            script += [registration(body, **{NAME: str(number)}), {"wait": True}]
        for answer in self.answers(*script):
            self.assertEqual(answer[0], 200, answer)

    def test_too_many_and_the_same_name(self):
        names = [str(number) for number in range(9)]
        answers = self.answers(
            *({"register": name} for name in names),
            registration(OK, **{NAME: "8"}),
            {"register": "9"},
            registration(OK, **{NAME: "10"}),
            # The limit comes before the name.
            registration(OK, **{NAME: "8"}),
        )
        self.assertEqual([answer[0] for answer in answers[:9]], [200] * 9)
        self.assert_error(
            answers[9],
            403,
            "Extension.InvalidExtensionState",
            "Extension with this name already registered",
        )
        self.assertEqual(answers[10][0], 200)
        for answer in answers[11:]:
            self.assert_error(
                answer, 403, "Extension.TooManyExtensions", "Extension limit (10) reached"
            )

    def test_too_late(self):
        with self.start() as local:
            late, invalid = self.invoke(local, registration(OK), registration("{")).json()[
                "answers"
            ]
        self.assert_error(
            late, 403, "Extension.RegistrationClosed", "Extension registration closed already"
        )
        self.assert_error(invalid, 403, "InvalidRequestFormat")

    def test_each_environment_has_its_own(self):
        with self.start({"register": "one"}, options=["--timeout", "60"]) as local:
            with contextlib.closing(local.connect()) as connection:
                connection.request(
                    "POST",
                    "/2015-03-31/functions/extended/invocations",
                    json.dumps({"requests": [{"sleep": 5}]}),
                )
                eventually(lambda: local.environments("busy"), "the first environment")
                second = self.invoke(local).json()["ids"]
                first = json.loads(connection.getresponse().read())["ids"]
            self.assertNotEqual(first, second)
            local.settle()
            self.assertEqual([one["extensions"] for one in local.environments()], [1, 1])
            self.assertEqual(
                local.log.count("EXTENSION\tName: one\tState: Ready\tEvents: []\n"), 2
            )
            # The id of another environment is unknown.
            answer = self.invoke(
                local, *(request("GET", "/event/next", **{ID: other}) for other in first + second)
            ).json()
            unknown = [answer for answer in answer["answers"] if "Unknown" in answer[2]]
            self.assertEqual(len(unknown), 1)
            other = (first if answer["ids"] == second else second)[0]
            self.assert_error(
                unknown[0],
                403,
                "Extension.UnknownExtensionIdentifier",
                f"Unknown extension {other}",
            )


class Identifiers(Extensions):
    def test_wrong_ones(self):
        unknown = "01234567-89AB-4CDE-8F01-23456789ABCD"
        paths = (("GET", "/event/next"), ("POST", "/init/error"), ("POST", "/exit/error"))
        answers = self.answers(
            *(
                request(method, path, **{**headers, **({TYPE: "Extension.Bad"} if typed else {})})
                for method, path in paths
                for headers, typed in (({}, True), ({ID: "x"}, True), ({ID: unknown}, True))
            )
        )
        for number, (method, path) in enumerate(paths):
            missing, invalid, other = answers[3 * number : 3 * number + 3]
            with self.subTest(path):
                self.assert_error(
                    missing,
                    403,
                    "Extension.MissingExtensionIdentifier",
                    "Missing Lambda-Extension-Identifier header",
                )
                self.assert_error(
                    invalid,
                    403,
                    "Extension.InvalidExtensionIdentifier",
                    "Invalid Lambda-Extension-Identifier",
                )
                self.assert_error(
                    other,
                    403,
                    "Extension.UnknownExtensionIdentifier",
                    f"Unknown extension {unknown.lower()}"
                    if method == "GET"
                    else "Unknown Lambda-Extension-Identifier",
                )

    def test_wrong_methods_and_paths(self):
        answers = self.answers(
            request("POST", "/event/next", **{ID: "x"}),
            request("GET", "/init/error"),
            request("DELETE", "/exit/error"),
            request("POST", "/nothing"),
            request("GET", ""),
            request("POST", "/register/"),
        )
        self.assertEqual([answer[0] for answer in answers], [405, 405, 405, 404, 404, 404])


class States(Extensions):
    """An extension in each of its states, and what it may do in it."""

    def transition(self, answer, before, after):
        self.assertRegex(
            json.loads(answer[2])["errorMessage"],
            f"^State transition from {before} to {after} failed for extension [0-9a-f-]{{36}}. "
            "Error: State transition is not allowed$",
        )
        self.assert_error(answer, 403, "Extension.InvalidExtensionState")

    def test_ready(self):
        error = {ID: "ID", TYPE: "Extension.Bad"}
        with self.start({"register": "one"}) as local:
            self.invoke(local)
            again, init, untyped, exit, once_more, then = self.invoke(
                local,
                request("GET", "/event/next", **{ID: "ID"}),
                request("POST", "/init/error", OK, **error),
                request("POST", "/exit/error", OK, **{ID: "ID"}),
                request("POST", "/exit/error", OK, **error),
                request("POST", "/exit/error", OK, **error),
                request("GET", "/event/next", **{ID: "ID"}),
            ).json()["answers"]
        self.transition(again, "Ready", "Ready")
        self.transition(init, "Ready", "InitError")
        self.assert_error(untyped, 403, "Extension.MissingHeader", TYPE + " not found")
        for answer in exit, once_more:
            self.assertEqual((answer[0], json.loads(answer[2])), (202, {"status": "OK"}))
        self.transition(then, "ExitError", "Ready")

    def test_an_error_in_init(self):
        error = {ID: "ID", TYPE: "Extension.Bad"}
        script = (
            registration('{"events":["INVOKE"]}'),
            request("POST", "/init/error", OK, **error),
            request("POST", "/init/error", OK, **error),
            request("POST", "/exit/error", OK, **error),
            request("GET", "/event/next", **{ID: "ID"}),
            {"print": True},
            {"exit": 3},
        )
        with self.start(*script) as local:
            answer = local.invoke_with_tail("extended", {})
            _, first, second, exit, next = json.loads(
                local.log.partition("init: ")[2].partition("\n")[0]
            )
        self.assertEqual((first[0], second[0]), (202, 202))
        self.transition(exit, "InitError", "Exited")
        self.transition(next, "InitError", "Ready")
        # The extension is the cause of the exit.
        self.assertEqual(answer.json()["errorType"], "Extension.InitError")
        self.assertIn("exit status 3", answer.json()["errorMessage"])
        self.assertIn("Error Type: Extension.InitError\t", answer.log)
        self.assertIn(
            "EXTENSION\tName: one\tState: InitError\tEvents: [INVOKE]\n", local.last_log
        )

    def test_an_error_in_an_invocation(self):
        with self.start({"register": "one", "events": ["INVOKE"]}) as local:
            answer = local.invoke(
                "extended",
                {
                    "requests": [
                        request("POST", "/exit/error", OK, **{ID: "ID", TYPE: "Extension.Bad"}),
                        {"exit": 1},
                    ]
                },
            )
            self.assertTrue(answer.failed)
            self.assertEqual(answer.json()["errorType"], "Extension.ExitError")
            # The next environment has nothing of it.
            self.invoke(local)


class Events(Extensions):
    def test_what_an_extension_is_told(self):
        with self.start(
            {"register": "one", "events": ["INVOKE"]},
            {"register": "two", "events": ["INVOKE", "INVOKE"]},
            {"register": "none"},
        ) as local:
            told = []
            for count in 1, 2:
                headers = {"X-Amzn-Trace-Id": f'Root=1-"{count}"'}
                answer = local.invoke("extended", {}, headers, query="?Qualifier=live").json()
                told.append(answer["headers"])
                local.settle()
            self.assertIn("EXTENSION\tName: two\tState: Ready\tEvents: [INVOKE]\n", local.log)
            events = self.invoke(local).json()["events"]
        # Two extensions have got each invocation; the third one may be among them already.
        expected = [
            {
                "eventType": "INVOKE",
                "deadlineMs": int(headers["Lambda-Runtime-Deadline-Ms"]),
                "requestId": headers["Lambda-Runtime-Aws-Request-Id"],
                "invokedFunctionArn": headers["Lambda-Runtime-Invoked-Function-Arn"],
                "tracing": {
                    "type": "X-Amzn-Trace-Id",
                    "value": headers["Lambda-Runtime-Trace-Id"],
                },
            }
            for headers in told
        ]
        self.assertEqual([event[0] for event in events], [200] * len(events))
        self.assertEqual(
            [json.loads(event[2]) for event in events[:4]], [*expected[:1] * 2, *expected[1:] * 2]
        )
        ids = {event[1]["Lambda-Extension-Event-Identifier"] for event in events}
        self.assertEqual(len(ids), len(events))
        self.assertEqual({event[1]["Content-Type"] for event in events}, {"application/json"})

    def test_an_invocation_ends_when_all_have_asked_again(self):
        with self.start({"register": "slow", "events": ["INVOKE"], "seconds": 1}) as local:
            answer = local.invoke("extended", {})
            self.assertFalse(answer.failed)
            # Its caller has the answer; it is not idle yet.
            self.assertEqual(local.environments()[0]["state"], "answered")
            report = eventually(
                lambda: re.search(
                    r"\tDuration: ([0-9.]+) ms\t.*Init Duration: ([0-9.]+) ms", local.log
                ),
                "the report",
            )
            self.assertGreaterEqual(float(report[1]), 990)
            self.assertGreaterEqual(float(report[2]), 990)
            # The log comes with the end of the invocation.
            self.assertGreaterEqual(
                float(re.search(r"\tDuration: ([0-9.]+) ms", self.invoke(local).log)[1]), 290
            )
            self.assertEqual(local.function("extended")["cold_starts"], 1)

    def test_many_invocations(self):
        with self.start(*({"register": f"e{n}", "events": ["INVOKE"]} for n in range(3))) as local:
            for _ in range(50):
                self.invoke(local)
            self.assertEqual(local.function("extended")["cold_starts"], 1)
            self.assertEqual(local.environments()[0]["invocations"], 50)

    def test_one_that_never_asks_again(self):
        with self.start(
            {"register": "stuck", "events": ["INVOKE"], "asks": 1}, options=("--timeout", "1")
        ) as local:
            self.assertFalse(local.invoke("extended", {}).failed)
            eventually(lambda: "Task timed out after 1.00 seconds" in local.log, "the timeout")
            eventually(lambda: not local.environments(), "the end of the environment")

    def test_one_that_is_not_ready_in_init(self):
        with self.start(
            {"register": "no-op", "asks": 0}, options=("--init-timeout", "1")
        ) as local:
            answer = local.invoke("extended", {})
            self.assertTrue(answer.failed)
            self.assertIn(
                "Init timed out after 1.00 seconds: the extension no-op has not asked for an event",
                answer.json()["errorMessage"],
            )

    def test_one_that_exits_with_its_function(self):
        with self.start({"register": "one", "events": ["INVOKE"], "seconds": 30}) as local:
            connection = local.connect()
            self.addCleanup(connection.close)
            connection.request("POST", "/2015-03-31/functions/extended/invocations", b"{}")
            eventually(lambda: local.environments("starting"), "the start")
            os.kill(local.environments()[0]["pid"], signal.SIGKILL)
            self.assertIn(b"Runtime.ExitError", connection.getresponse().read())


class Shutdown(Extensions):
    one = {"register": "one"}

    def end(self, *script, **more):
        """Invoke once, and end the server. Returns the log, and how long that took."""
        with self.start(*script, **more) as local:
            self.invoke(local)
            local.settle()
            pid = local.environments()[0]["pid"]
            start = time.monotonic()
            local.process.terminate()
            self.assertEqual(local.wait(), 0)
            seconds = time.monotonic() - start
            self.assertFalse(is_alive(pid))
        return local.last_log, seconds

    def test_half_a_second_with_an_extension(self):
        # It takes longer than one without an extension may.
        one_of_several(
            lambda: ended in self.end(self.one, TERM_SECONDS=0.35)[0], "time enough to end"
        )

    def test_no_longer_than_that(self):
        log, seconds = self.end(self.one, TERM_SECONDS=600)
        self.assertNotIn(ended, log)
        self.assertGreater(seconds, 0.45)

    def test_strict(self):
        log, _ = self.end(options=["--strict-shutdown"])
        self.assertNotIn("asked to end", log)
        one_of_several(
            lambda: ended in self.end(self.one, options=["--strict-shutdown"])[0], "SIGTERM"
        )

    def test_a_timeout(self):
        with self.start(self.one, options=["--timeout", "1"]) as local:

            def time_out():
                answer = local.invoke("extended", {"requests": [{"sleep": 50}]})
                self.assertEqual(answer.json()["errorType"], "Sandbox.Timedout")
                return ended in local.log

            one_of_several(time_out, "SIGTERM")
        with self.start(options=["--timeout", "1"]) as local:
            answer = local.invoke("extended", {"requests": [{"sleep": 50}]})
            self.assertEqual(answer.json()["errorType"], "Sandbox.Timedout")
            self.assertNotIn("asked to end", local.log)

    def test_one_that_makes_room(self):
        script = "extended:SCRIPT=" + json.dumps([self.one])
        with Local(
            "--max-environments", "1", "--env", script, extended="extended.py", odd="odd.py"
        ) as local:

            def make_room():
                self.invoke(local)
                local.settle()
                self.assertFalse(local.invoke(event={}).failed)
                local.settle()
                return ended in local.log

            one_of_several(make_room, "SIGTERM")


class OwnRuntime(unittest.TestCase):
    """The C runtime of this project as an extension of its own."""

    function = pathlib.Path(os.environ["SC_BUILD_DIR"], "local_saving_function")
    end = "fini after 3 invocations\nresource closed\n"

    def run_and_end(self, *options):
        with Local("--strict-shutdown", *options, saving=self.function) as local:
            for count in 1, 2, 3:
                answer = local.invoke("saving", {})
                self.assertEqual(answer.body, str(count).encode())
                local.settle()
        return local.last_log

    def test_without_an_extension_it_is_killed(self):
        log = self.run_and_end()
        self.assertNotIn("fini", log)
        self.assertNotIn("closed", log)

    def test_with_one_nothing_is_lost(self):
        def run():
            log = self.run_and_end("--env", "SCOPECACHE_EXTENSION=saving")
            self.assertIn("EXTENSION\tName: saving\tState: Ready\tEvents: []\n", log)
            self.assertNotIn("[WARN]", log)
            return log.endswith(self.end)

        one_of_several(run, "an end in order")

    def test_a_name_of_an_option(self):
        def run():
            log = self.run_and_end("--env", "saving:SCOPECACHE_EXTENSION=own")
            self.assertIn("EXTENSION\tName: own\t", log)
            return log.endswith(self.end)

        one_of_several(run, "an end in order")


if __name__ == "__main__":
    unittest.main()
