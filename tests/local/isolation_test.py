"""What environments see of each other and of the machine, and which processes and files stay: with
namespaces, without them, and without /proc too. docs/local.md has the table.
"""

import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import confinement
from local_server import BOOTSTRAPS, COMMAND, Local, eventually, marked

CLONE = confinement.CLONE_NEWNS | 0x20000000
HAS_NAMESPACES = confinement.in_child(
    lambda: confinement.check(
        confinement.LIBC.unshare(CLONE | (0 if os.geteuid() == 0 else confinement.CLONE_NEWUSER))
    )
)
HAS_HIDDEN_PROC = confinement.in_child(confinement.hide_proc)
WARNING = "scopecache local: warning: "


def without_proc():
    confinement.hide_proc()
    confinement.refuse_namespaces()


def own_folder():
    """The folder in /tmp that this repository is in, if it is in one: it stays visible."""
    parts = BOOTSTRAPS.resolve().parts
    return parts[2] if parts[:2] == ("/", "tmp") else None


def flat(listing):
    """Names, without the folders that stay visible because the test's own files are in them."""
    return [
        name for name in listing if not name.startswith("scopecache-test-") and name != own_folder()
    ]


class Isolation(unittest.TestCase):
    def start(self, *options, **more):
        """A server with its own folder for temporary files, self.temporary."""
        self.temporary = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory(prefix="scopecache-test-"))
        )
        more["env"] = {"TMPDIR": str(self.temporary), **more.get("env", {})}
        return self.enterContext(Local(*options, **more))

    def address(self, local, name="odd"):
        return local.invoke(name, {"do": "echo"}).json()["environment"]["AWS_LAMBDA_RUNTIME_API"]


@unittest.skipUnless(HAS_NAMESPACES, "this system refuses namespaces")
class WithNamespaces(Isolation):
    def test_no_warning(self):
        self.assertNotIn(WARNING, self.start(odd="odd.py").log)

    def test_a_tmp_for_each(self):
        local = self.start("--timeout", "60", one="odd.py", two="odd.py")
        for name in "one", "two":
            answer = local.invoke(name, {"do": "files", "name": "fixed"}).json()
            self.assertEqual(flat(answer["before"]), [])
        self.assertFalse(os.path.exists("/tmp/fixed"))

    def test_a_tmp_is_kept_while_warm_and_over_a_reset(self):
        for end in {"do": "exit"}, {"do": "sleep", "seconds": 600}:
            with self.subTest(end):
                local = self.start("--timeout", "0.5", odd="odd.py")
                first = local.invoke(event={"do": "files", "name": "a"}).json()
                local.settle()
                self.assertEqual(
                    flat(local.invoke(event={"do": "files", "name": "b"}).json()["before"]), ["a"]
                )
                local.settle()
                self.assertTrue(local.invoke(event=end).failed)
                after = local.invoke(event={"do": "files", "name": "c"}).json()
                self.assertNotEqual(after["id"], first["id"])
                self.assertEqual((after["count"], flat(after["before"])), (1, ["a", "b"]))

    def test_a_tmp_is_removed_with_its_environment(self):
        local = self.start("--max-environments", "1", one="odd.py", two="odd.py")
        local.invoke("one", {"do": "files", "name": "mark-of-one", "locked": True})
        self.assertTrue(list(self.temporary.glob("*/*/mark-of-one")))
        eventually(lambda: local.environments("idle"), "an idle environment")
        self.assertEqual(local.invoke("two", {"do": "sleep", "seconds": 0}).status, 200)
        eventually(lambda: local.environments("idle"), "an idle environment")
        eventually(lambda: not list(self.temporary.glob("*/*/mark-of-one")), "the end of its files")
        self.assertEqual(
            flat(local.invoke("one", {"do": "files", "name": "x"}).json()["before"]), []
        )

    def test_no_files_stay_behind(self):
        with self.subTest("in order"):
            local = self.start(odd="odd.py")
            local.invoke(event={"do": "files", "name": "a", "locked": True})
            local.process.terminate()
            self.assertEqual(local.wait(), 0)
            self.assertEqual(list(self.temporary.iterdir()), [])
        with self.subTest("killed"):
            local = self.start(odd="odd.py")
            local.invoke(event={"do": "files", "name": "a", "locked": True})
            local.kill()
            eventually(lambda: not list(self.temporary.iterdir()), "the end of its files")
            eventually(lambda: not marked(local.mark), "the end of the janitor")

    def test_folders_deeper_than_a_path_is_long_do_not_stay_behind(self):
        local = self.start("--timeout", "60", odd="odd.py")
        self.assertFalse(local.invoke(event={"do": "nest", "depth": 800}).failed)
        local.process.terminate()
        self.assertEqual(local.wait(), 0)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_working_folder_that_is_removed(self):
        folder = tempfile.mkdtemp(dir="/tmp", prefix="scopecache-test-")
        local = self.start(odd="odd.py", before_exec=lambda: os.chdir(folder))
        os.rmdir(folder)
        # A folder that cannot be read is a fault of the machine, not of the function.
        os.symlink(folder, folder)
        answer = local.invoke(event={"do": "echo"})
        os.unlink(folder)
        self.assertEqual(answer.json()["errorType"], "Runtime.Unknown")
        self.assertIn("cannot set up namespaces", answer.json()["errorMessage"])
        # Of a checkout below /tmp the function sees only what its working folder is in.
        if not BOOTSTRAPS.is_relative_to("/tmp"):
            self.assertFalse(local.invoke(event={"do": "echo"}).failed)

    def test_code_below_tmp_stays_visible(self):
        with tempfile.TemporaryDirectory(dir="/tmp", prefix="scopecache-test-") as folder:
            shutil.copy(BOOTSTRAPS / "looks_around.sh", folder)
            local = self.start(shell=pathlib.Path(folder, "looks_around.sh"))
            log = local.invoke_with_tail("shell", {}).log
            self.assertIn(pathlib.Path(folder).name, log)
            self.assertIn("\nown number: 2\n", log)

    def test_a_function_sees_only_its_own_processes(self):
        local = self.start(one="odd.py", two="odd.py")
        local.invoke("one", {"do": "sleep", "seconds": 0})
        answer = local.invoke("two", {"do": "spy"}).json()
        self.assertEqual(answer["streams"], [answer["id"]])
        self.assertLessEqual(max(answer["processes"]), 10)

    @unittest.skipUnless(os.geteuid() == 0, "only root can change its user")
    def test_user_namespaces_without_root(self):
        readable = (
            subprocess.run(
                ["test", "-x", COMMAND, "-a", "-x", BOOTSTRAPS / "looks_around.sh"],
                check=False,
                preexec_fn=confinement.become_nobody,
            ).returncode
            == 0
        )
        if not readable:
            self.skipTest("the user nobody may not read the build")
        with tempfile.TemporaryDirectory(prefix="scopecache-test-") as folder:
            os.chmod(folder, 0o777)
            local = self.enterContext(
                Local(
                    shell="looks_around.sh",
                    env={"TMPDIR": folder},
                    before_exec=confinement.become_nobody,
                )
            )
            if WARNING in local.log:
                self.skipTest("this system refuses user namespaces")
            log = local.invoke_with_tail("shell", {}).log
            self.assertIn(f"\nuser: {confinement.NOBODY} of {confinement.NOBODY}\n", log)
            self.assertIn("\nown number: 2\n", log)
            self.assertNotIn("mine", log)
            self.assertIn("mine", local.invoke_with_tail("shell", {}).log)
            local.process.terminate()
            self.assertEqual(local.wait(), 0)
            self.assertEqual(os.listdir(folder), [])


class RuntimeApis(Isolation):
    def test_another_environment_is_refused(self):
        local = self.start("--timeout", "60", victim="odd.py", odd="odd.py")
        address = self.address(local, "victim")
        answer = local.invoke(event={"do": "intrude", "address": address}).json()
        self.assertIn(answer["outcome"], ("RemoteDisconnected", "ConnectionResetError"))
        self.assertIn(
            "function victim: a process that is not the function's was refused", local.log
        )
        self.assertFalse(local.invoke("victim", {"do": "echo"}).failed)

    def test_requests_of_another_environment_that_has_closed_are_refused(self):
        local = self.start("--timeout", "60", victim="odd.py", odd="odd.py")
        address = self.address(local, "victim")
        for count in range(20):
            local.invoke(event={"do": "intrude_and_close", "address": address})
            answer = local.invoke("victim", {"do": "sleep", "seconds": 0}).json()
            self.assertEqual(answer["count"], count + 2)

    def test_processes_outside_are_refused(self):
        local = self.start(odd="odd.py")
        host, port = self.address(local).split(":")
        request = "GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
        script = f"exec 3<>/dev/tcp/{host}/{port}; printf '{request}' >&3; cat <&3"
        result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        self.assertEqual(result.stdout, "")

    def test_descendants_are_served(self):
        for options in (), ("--no-isolation",):
            with self.subTest(options):
                local = self.start(*options, odd="odd.py")
                self.assertEqual(
                    local.invoke(event={"do": "answer_from_child"}).json(), "grandchild"
                )
                self.assertFalse(local.invoke(event={"do": "echo"}).failed)

    def test_no_isolation_serves_all_processes(self):
        local = self.start("--no-isolation", victim="odd.py", odd="odd.py")
        answer = local.invoke(
            event={"do": "intrude", "address": self.address(local, "victim")}
        ).json()
        self.assertEqual(answer["outcome"], 404)
        self.assertNotIn(WARNING, local.log)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_slow_body_is_cut_off(self):
        local = self.start("--timeout", "1", "--init-timeout", "1", "--no-freeze", odd="odd.py")
        local.invoke(event={"do": "trickle"})
        eventually(lambda: "the body was cut\n" in local.log, "the end of the connection")
        local.settle()
        self.assertEqual(local.invoke(event={"do": "sleep", "seconds": 0}).json()["count"], 2)


class NothingStaysBehind:
    """The rows of the table. Each subclass is a column: `refused` sets up what its system lacks."""

    options = ()
    refused = staticmethod(lambda: None)

    def launch(self, *options):
        return self.start(*self.options, *options, odd="odd.py", before_exec=self.refused)

    def kill_server_and_keepers(self, local):
        """Stop all of them first, so that none reacts to the end of another."""
        ours = [
            pid
            for pid in marked(local.mark)
            if pathlib.Path(f"/proc/{pid}/exe").resolve() == COMMAND.resolve()
        ]
        for number in signal.SIGSTOP, signal.SIGKILL:
            for pid in ours:
                os.kill(pid, number)
        local.kill()
        return ours

    def test_after_a_crash_and_a_timeout(self):
        local = self.launch("--timeout", "0.5")
        for end in {"do": "exit"}, {"do": "sleep", "seconds": 600}:
            local.invoke(event={"do": "grandchild", "session": True})
            eventually(lambda: len(local.running("sleep")) == 1, "what it starts")
            self.assertTrue(local.invoke(event=end).failed)
            eventually(lambda: not local.running("sleep"), "the end of what it started")

    def test_after_the_server_has_ended_in_order(self):
        local = self.launch()
        for session in False, True:
            local.invoke(event={"do": "grandchild", "session": session})
        local.process.send_signal(signal.SIGINT)
        self.assertEqual(local.wait(), 0)
        self.assertEqual(marked(local.mark), [])

    def test_after_the_server_was_killed(self):
        local = self.launch()
        for session in False, True:
            local.invoke(event={"do": "grandchild", "session": session})
        eventually(lambda: len(local.running("sleep")) == 2, "what it starts")
        local.kill()
        eventually(lambda: not marked(local.mark), "the end of everything")


@unittest.skipUnless(HAS_NAMESPACES, "this system refuses namespaces")
class NothingWithNamespaces(NothingStaysBehind, Isolation):
    def test_after_server_and_keeper_were_killed(self):
        local = self.launch()
        for session in False, True:
            local.invoke(event={"do": "grandchild", "session": session})
        eventually(lambda: len(local.running("sleep")) == 2, "what it starts")
        self.assertEqual(len(self.kill_server_and_keepers(local)), 3)
        eventually(lambda: not marked(local.mark), "the end of everything")


class NothingWhereTheyAreRefused(NothingStaysBehind, Isolation):
    refused = staticmethod(confinement.refuse_namespaces)

    def test_a_warning_says_what_may_go_wrong(self):
        local = self.launch("--quiet")
        self.assertEqual(local.log.count(WARNING), 1)
        self.assertRegex(
            local.log, r"refuses namespaces: .* /tmp, .* a function can read the variables of other"
        )
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_after_server_and_keeper_were_killed(self):
        local = self.launch()
        for session in False, True:
            local.invoke(event={"do": "grandchild", "session": session})
        started = eventually(
            lambda: len(local.running("sleep")) == 2 and local.running("sleep"), "what it starts"
        )
        local.invoke(
            event={"do": "sleep", "seconds": 600}, headers={"X-Amz-Invocation-Type": "Event"}
        )
        eventually(lambda: local.environments("busy"), "an invocation that does not end by itself")
        self.assertGreaterEqual(len(self.kill_server_and_keepers(local)), 2)
        # The kernel kills the function's process; no process is left to kill what it has started.
        eventually(lambda: sorted(marked(local.mark)) == sorted(started), "the function's end")
        for pid in started:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not marked(local.mark), "the end of everything")

    def test_runtime_apis_are_still_guarded(self):
        local = self.start(victim="odd.py", odd="odd.py", before_exec=self.refused)
        answer = local.invoke(
            event={"do": "intrude", "address": self.address(local, "victim")}
        ).json()
        self.assertIn(answer["outcome"], ("RemoteDisconnected", "ConnectionResetError"))


class NothingWithoutCloseRange(NothingStaysBehind, Isolation):
    """On Linux before 5.9, where descriptors are closed one by one."""

    refused = staticmethod(confinement.refuse_close_range)

    def test_nothing_is_inherited(self):
        given = fcntl.fcntl(0, fcntl.F_DUPFD, 50)
        self.addCleanup(os.close, given)
        local = self.start(odd="odd.py", pass_fds=(given,), before_exec=self.refused)
        local.invoke(event={"do": "sleep", "seconds": 0})
        self.assertIn(str(given), os.listdir(f"/proc/{local.process.pid}/fd"))
        for pid in set(marked(local.mark)) - {local.process.pid}:
            self.assertNotIn(str(given), os.listdir(f"/proc/{pid}/fd"))


class NothingWithoutNamespacesAndCloseRange(NothingStaysBehind, Isolation):
    @staticmethod
    def refused():
        confinement.refuse_close_range()
        confinement.refuse_namespaces()


class WithoutSignalfd(Isolation):
    def test_a_keeper_that_cannot_work_kills(self):
        local = self.start(odd="odd.py", before_exec=confinement.refuse_signalfd)
        answer = local.invoke(event={"do": "echo"})
        self.assertRegex(answer.json()["errorMessage"], "signal: killed$|has not begun$")


class NothingIfNoIsolationIsWanted(NothingStaysBehind, Isolation):
    options = ("--no-isolation",)

    def test_a_keeper_that_is_stopped(self):
        local = self.launch("--timeout", "0.5")
        local.invoke(event={"do": "grandchild", "session": True})
        eventually(lambda: len(local.running("sleep")) == 1, "what it starts")
        answer = local.invoke(event={"do": "stop_keeper", "seconds": 600})
        self.assertEqual(answer.json()["errorType"], "Sandbox.Timedout")
        self.assertEqual(local.running("sleep"), [])
        self.assertFalse(local.invoke(event={"do": "stop_keeper", "seconds": 0}).failed)
        local.process.terminate()
        self.assertEqual(local.wait(), 0)

    def test_a_keeper_that_is_stopped_again_and_again(self):
        local = self.launch("--timeout", "0.5")
        answer = local.invoke(event={"do": "stop_keeper", "again": True, "seconds": 600})
        self.assertEqual(answer.json()["errorType"], "Sandbox.Timedout")
        self.assertFalse(local.invoke(event={"do": "echo"}).failed)

    def test_an_exit_under_a_keeper_that_is_stopped(self):
        local = self.launch("--timeout", "0.5")
        answer = local.invoke(event={"do": "stop_keeper", "exit": True})
        self.assertEqual(answer.json()["errorType"], "Sandbox.Timedout")
        self.assertFalse(local.invoke(event={"do": "echo"}).failed)


@unittest.skipIf(b"__asan_init" in COMMAND.read_bytes(), "the sanitizers need /proc")
@unittest.skipUnless(HAS_HIDDEN_PROC, "this system does not allow mounting over /proc")
class NothingWithoutProc(NothingStaysBehind, Isolation):
    refused = staticmethod(without_proc)

    def test_a_warning_says_what_may_go_wrong(self):
        self.assertIn("does not tell whose a connection is", self.launch("--quiet").log)


if __name__ == "__main__":
    unittest.main()
