"""The command line of `scopecache local`, and of `scopecache` itself: each error says what to
do."""

import contextlib
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
from local_server import (
    BOOTSTRAPS,
    COMMAND,
    PATIENCE,
    Local,
)  # pylint: disable=wrong-import-position

SCRIPT = BOOTSTRAPS / "exits_silently.sh"


def scopecache(*arguments):
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class LocalCommand(unittest.TestCase):
    def assert_refused(self, arguments, status, *words):
        result = scopecache("local", *arguments)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        self.assertTrue(result.stderr.startswith("scopecache local: "), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_help_is_help(self):
        result = scopecache("local", "--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for option in (
            "--function=NAME=BOOTSTRAP",
            "--listen=HOST:PORT",
            "--timeout=[FUNCTION:]SECONDS",
            "--init-timeout=[FUNCTION:]SECONDS",
            "--memory=[FUNCTION:]MB",
            "--max-environments=N",
            "--env=[FUNCTION:]NAME=VALUE",
            "--quiet",
            "--allow-remote",
            "--allow-origin=ORIGIN",
            "--watch",
            "--strict-shutdown",
            "--no-freeze",
            "--max-idle=[FUNCTION:]SECONDS",
            "--max-age=[FUNCTION:]SECONDS",
            "--seed=N",
        ):
            self.assertIn(option, result.stdout)
        everything = scopecache("--help")
        self.assertEqual(everything.returncode, 0)
        self.assertIn("  local ", everything.stdout)
        self.assertIn("  invoke ", everything.stdout)

    def test_the_first_commands(self):
        """The commands printed at the start work in a shell without settings."""
        with Local(odd="odd.py") as local:
            lines = [line for line in local.log.splitlines() if line.startswith("  ")]
            self.assertEqual(len(lines), 3, local.log)
            for line in lines[:2]:
                if shutil.which(shlex.split(line)[0]):
                    done = subprocess.run(
                        ["sh", "-c", line],
                        env={"PATH": os.defpath},
                        stdin=subprocess.DEVNULL,
                        capture_output=True,
                        text=True,
                        timeout=PATIENCE,
                        check=False,
                    )
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(json.loads(done.stdout)["event"], {})
            self.assertGreaterEqual(local.function()["invocations"], 1)
        with Local("--quiet", odd="odd.py") as local:
            self.assertEqual(local.log, "")

    def test_the_command_itself(self):
        self.assertRegex(scopecache("--version").stdout, r"^scopecache [0-9]+\.[0-9]+\.[0-9]+\n$")
        for arguments in (), ("loca",), ("--bad",):
            result = scopecache(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("Usage: scopecache COMMAND", result.stderr)
        self.assertIn('no command "loca"', scopecache("loca").stderr)

    def test_options_that_are_refused(self):
        function = f"f={SCRIPT}"
        for arguments, word in (
            ([], "which function? Give --function NAME=BOOTSTRAP"),
            (["--function", "f"], "--function takes NAME=BOOTSTRAP"),
            (["--function", "=x"], "--function takes NAME=BOOTSTRAP"),
            (["--function", "f="], "--function takes NAME=BOOTSTRAP"),
            (["-f", function, "left"], 'unexpected argument "left"'),
            (["-f", function, "--timeout", "0"], "--timeout takes seconds"),
            (["-f", function, "--timeout", "g:1"], 'there is no function "g"'),
            (["-f", function, "--timeout", "f:0"], "--timeout takes seconds"),
            (["-f", function, "--timeout", ":1:"], "--timeout takes seconds"),
            (["-f", function, "--memory", "f:"], "--memory takes a whole number"),
            (["-f", function, "--timeout", "901"], "--timeout takes seconds"),
            (["-f", function, "--timeout", "nan"], "--timeout takes seconds"),
            (["-f", function, "--init-timeout", "x"], "--init-timeout takes seconds"),
            (["-f", function, "--memory", "-1"], "--memory takes a whole number"),
            (
                ["-f", function, "--max-environments", "0"],
                "--max-environments takes a whole number",
            ),
            (["-f", function, "--max-idle", "0"], "--max-idle takes seconds"),
            (["-f", function, "--max-idle", "2-1"], 'or two of them as LEAST-MOST, not "2-1"'),
            (["-f", function, "--max-idle", "1-"], "--max-idle takes seconds"),
            (["-f", function, "--max-age", "-1"], "--max-age takes seconds"),
            (["-f", function, "--max-age", "1-2-3"], "--max-age takes seconds"),
            (["-f", function, "--max-age", "1209601"], "from 0.001 to 1209600"),
            (["-f", function, "--max-age", "g:1"], 'there is no function "g"'),
            (["-f", function, "--seed", "0"], "--seed takes a whole number"),
            (["-f", function, "--nothing"], "unrecognized option"),
        ):
            with self.subTest(arguments):
                self.assert_refused(arguments, 2, word)

    def test_invalid_bootstraps(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = pathlib.Path(folder, "plain")
            plain.write_text("#!/bin/sh\n", encoding="utf-8")
            for path, words in ((pathlib.Path(folder, "missing"), ["does not exist", "build it"]),
                                (folder, ["no file named bootstrap", "name the file"]),
                                (plain, ["not executable", "chmod +x"]),
                                ("/dev/null", ["is not a file"])):
                with self.subTest(path):
                    self.assert_refused(
                        ["--function", f"f={path}"], 1, "function f: ", *words, str(path)
                    )

    def test_invalid_names_and_variables(self):
        self.assert_refused(
            ["-f", f"a b={SCRIPT}"], 1, "letters, digits, dashes and underscores", "a b"
        )
        self.assert_refused(
            ["-f", f"f={SCRIPT}", "-f", f"f={SCRIPT}"], 1, "function f is there twice"
        )
        self.assert_refused(["-f", f"f={SCRIPT}", "--env", "NAME"], 1, "NAME=VALUE")

    def test_a_port_in_use(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
            self.assert_refused(["-f", f"f={SCRIPT}", "--listen", f"127.0.0.1:{port}"], 1,
                                f"port {port} of 127.0.0.1 is in use", "name another port")

    def test_addresses(self):
        for address in (
            "127.0.0.1",
            "127.0.0.1:",
            ":80",
            "127.0.0.1:65536",
            "127.0.0.1:x",
            "127.0.0.1:-1",
            "",
        ):
            with self.subTest(address):
                self.assert_refused(
                    ["-f", f"f={SCRIPT}", "--listen", address], 1, "an address is HOST:PORT"
                )
        self.assert_refused(
            ["-f", f"f={SCRIPT}", "--listen", "256.1.1.1:0"], 1, "cannot listen on 256.1.1.1"
        )
        for address in "127.0.0.1:0", "localhost:0", "127.1.2.3:0":
            with self.subTest(address), Local("--listen", address, f=SCRIPT) as local:
                self.assertRegex(local.url, f"^http://{address[:-2]}:[1-9][0-9]*$")
        if pathlib.Path("/proc/net/if_inet6").exists() and "00000001 " in pathlib.Path(
                "/proc/net/if_inet6").read_text(encoding="utf-8"):
            with Local("--listen", "[::1]:0", f=SCRIPT) as local:
                self.assertRegex(local.url, r"^http://\[::1\]:[1-9][0-9]*$")

    def test_addresses_that_other_machines_reach(self):
        for address in "0.0.0.0:0", "[::]:0":
            with self.subTest(address):
                self.assert_refused(["-f", f"f={SCRIPT}", "--listen", address], 1,
                                    "can be reached from other machines", "--allow-remote")

    def test_a_bootstrap_with_a_relative_path(self):
        # The path is relative to the command's folder; the function runs in its own.
        with tempfile.TemporaryDirectory() as folder:
            bootstrap = pathlib.Path(folder, "bootstrap")
            bootstrap.write_text(
                '#!/bin/sh\necho "in $PWD: $LAMBDA_TASK_ROOT"\nexit 1\n', encoding="utf-8"
            )
            bootstrap.chmod(0o755)
            here = os.getcwd()
            os.chdir(pathlib.Path(folder).parent)
            self.addCleanup(os.chdir, here)
            with Local("--function", f"f={pathlib.Path(folder).name}", other=SCRIPT) as local:
                answer = local.invoke_with_tail("f", {})
                real = os.path.realpath(folder)
                self.assertIn(f"in {real}: {real}\n", answer.log)


if __name__ == "__main__":
    unittest.main()
