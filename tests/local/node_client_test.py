"""An unchanged client: AWS's runtime client for Node.js, as ./dev test builds it."""

import base64
import json
import os
import pathlib
import tempfile
import threading
import unittest

from local_server import BOOTSTRAPS, Local, eventually

CLIENT = pathlib.Path(os.environ["SC_NODE_CLIENT"])


def node_function(folder):
    """A folder with a bootstrap that runs node_function.mjs under aws-lambda-ric."""
    bootstrap = pathlib.Path(folder, "bootstrap")
    bootstrap.write_text(
        "#!/bin/sh\nexport _HANDLER=node_function.handler\n"
        f"exec '{CLIENT}/node' '{CLIENT}/aws-lambda-ric/index.mjs'\n",
        encoding="utf-8",
    )
    bootstrap.chmod(0o755)
    text = (BOOTSTRAPS / "node_function.mjs").read_text(encoding="utf-8")
    pathlib.Path(folder, "node_function.mjs").write_text(text, encoding="utf-8")
    return folder


class NodeClient(unittest.TestCase):
    def setUp(self):
        self.node = node_function(self.enterContext(tempfile.TemporaryDirectory()))
        self.local = self.enterContext(Local("--timeout", "20", node=self.node))

    def invoke(self, event):
        return self.local.invoke_with_tail("node", event)

    def test_frozen_between_invocations(self):
        for _ in range(5):
            self.assertFalse(self.invoke({}).failed)
            eventually(lambda: self.local.environments()[0]["frozen"], "the freeze")
        self.assertEqual(self.local.environments()[0]["invocations"], 5)

    def test_an_answer(self):
        context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
        answer = self.local.invoke(
            "node",
            {"x": [1, "é"]},
            {"X-Amz-Log-Type": "Tail", "X-Amz-Client-Context": context},
        )
        self.assertEqual((answer.status, answer.failed), (200, False), answer.body)
        seen = answer.json()
        self.assertEqual((seen["count"], seen["text"]), (1, "é€😀"))
        self.assertEqual(seen["event"], {"x": [1, "é"]})
        self.assertEqual(seen["request_id"], answer.headers["x-amzn-RequestId"])
        self.assertEqual(
            (seen["function"], seen["memory"], seen["custom"]), ("node", "128", {"a": "b"})
        )
        self.assertEqual(seen["arn"], "arn:aws:lambda:us-east-1:012345678912:function:node")
        self.assertTrue(0 < seen["remaining"] <= 20000)
        self.assertTrue(seen["trace"].startswith("Root=1-"))
        self.assertRegex(answer.log, rf"\n\S+Z\t{seen['request_id']}\tINFO\thello from node\n")
        self.assertEqual(self.invoke({}).json()["count"], 2)
        self.assertEqual(self.local.function("node")["cold_starts"], 1)

    def test_a_function_that_fails(self):
        answer = self.invoke({"fail": "on purpose"})
        self.assertEqual((answer.status, answer.failed), (200, True))
        error = answer.json()
        self.assertEqual((error["errorType"], error["errorMessage"]), ("Error", "é: on purpose"))
        self.assertTrue(error["trace"])
        self.assertNotIn("\r", answer.log + self.local.log)
        self.assertRegex(
            answer.log,
            r"\tERROR\tTypeError: logged\n    at .*node_function\.mjs:\d+:\d+\)\n    at ",
        )
        # The environment is still used.
        self.assertEqual(self.invoke({}).json()["count"], 2)

    def test_a_function_that_exits(self):
        answer = self.invoke({"exit": 3})
        self.assertTrue(answer.failed)
        self.assertEqual(answer.json()["errorType"], "Runtime.ExitError")
        self.assertEqual(self.invoke({}).json()["count"], 1)

    def test_an_init_that_fails(self):
        with Local("--env", "FAIL_INIT=1", node=self.node) as local:
            answer = local.invoke("node", {})
            self.assertTrue(answer.failed)
            self.assertIn("no database", answer.json()["errorMessage"])

    def test_several_at_once(self):
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.invoke({"ms": 500}).json()))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer["count"] for answer in answers], [1] * 4)
        self.assertEqual(len({answer["log_stream"] for answer in answers}), 4)


if __name__ == "__main__":
    unittest.main()
