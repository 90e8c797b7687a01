"""Between two invocations the processes of an environment are stopped; everything else goes on."""

import json
import os
import pathlib
import signal
import time
import unittest

from local_server import Local, eventually, is_alive, marked, one_of_several


def state_of(pid):
    """The letter of the process's state; T: stopped."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[0]


def switches(pid):
    """How often the threads of the process were switched."""
    count = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text(encoding="utf-8").splitlines():
            if "ctxt_switches" in line:
                count += int(line.split()[1])
    return count


class Freeze(unittest.TestCase):
    def ask(self, local, do="sleep", **event):
        answer = local.invoke(event={"do": do, "seconds": 0, **event})
        self.assertFalse(answer.failed, answer.body)
        return answer.json()

    def frozen(self, local):
        """The environment, once it is frozen."""
        one = eventually(
            lambda: [one for one in local.environments() if one["frozen"]], "the freeze"
        )[0]
        eventually(lambda: state_of(one["pid"]) == "T", "the processes to stop")
        return one

    def test_nothing_runs(self):
        with Local(odd="odd.py") as local:
            self.ask(local, "tick")
            pid = self.frozen(local)["pid"]
            before = switches(pid)
            time.sleep(0.3)
            self.assertEqual(switches(pid), before)
            # It goes on with the next invocation, where it was.
            first = self.ask(local, "ticks")["ticks"]
            self.frozen(local)
            again = self.ask(local, "ticks", seconds=0.3)["ticks"]
            self.assertGreater(again, first)
            self.assertEqual(local.function()["cold_starts"], 1)

    def test_many_thaws(self):
        for options in (), ("--no-isolation",):
            with self.subTest(options), Local(*options, odd="odd.py") as local:
                for count in range(1, 21):
                    self.assertEqual(self.ask(local)["count"], count)
                    self.frozen(local)

    def test_without(self):
        with Local("--no-freeze", odd="odd.py") as local:
            self.ask(local, "tick")
            local.settle()
            one = local.environments()[0]
            self.assertFalse(one["frozen"])
            before = switches(one["pid"])
            eventually(lambda: switches(one["pid"]) > before + 10, "ticks")
            self.assertFalse(local.environments()[0]["frozen"])

    def test_what_it_has_started(self):
        with Local(odd="odd.py") as local:
            for session in False, True:
                self.ask(local, "grandchild", session=session)
                self.frozen(local)
            children = local.running("sleep")
            self.assertEqual(len(children), 2)
            if "refuses namespaces" in local.log:
                self.assertIn("T", [state_of(pid) for pid in children])
            else:
                self.assertEqual([state_of(pid) for pid in children], ["T", "T"])
            self.ask(local)
            local.process.terminate()
            self.assertEqual(local.wait(), 0)
            self.assertFalse(any(map(is_alive, children)))

    def test_it_ends_in_order(self):
        script = "SCRIPT=" + json.dumps([{"register": "one", "events": ["INVOKE"]}])

        def end():
            with Local("--env", script, extended="extended.py") as local:
                for _ in range(3):
                    self.assertFalse(local.invoke("extended", {}).failed)
                    pid = self.frozen(local)["pid"]
                local.process.terminate()
                self.assertEqual(local.wait(), 0)
                self.assertFalse(is_alive(pid))
            return "asked to end\nended\n" in local.last_log

        one_of_several(end, "an end in order")

    def test_it_is_recycled(self):
        with Local("--max-idle", "0.5", extended="extended.py") as local:

            def recycle():
                self.assertFalse(local.invoke("extended", {}).failed)
                self.frozen(local)
                eventually(lambda: not local.environments(), "its end")
                return "asked to end\nended\n" in local.log

            one_of_several(recycle, "an end in order")

    def test_it_is_killed(self):
        with Local(odd="odd.py") as local:
            first = self.ask(local)["id"]
            os.kill(self.frozen(local)["pid"], signal.SIGKILL)
            eventually(lambda: not local.environments(), "its end")
            self.assertIn("between invocations: Runtime exited with error: signal", local.log)
            self.assertNotEqual(self.ask(local)["id"], first)

    def test_a_kill_of_the_server(self):
        with Local(odd="odd.py") as local:
            self.ask(local)
            pid = self.frozen(local)["pid"]
            local.kill()
            eventually(lambda: not is_alive(pid), "the end of the function")
            eventually(lambda: not marked(local.mark), "the end of all")


if __name__ == "__main__":
    unittest.main()
