"""./dev on a machine without packages: what it installs, and its messages when it cannot. The
script runs in its own folder, with a PATH of stand-ins that record their calls."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from repository import SOURCE

REAL = (
    "sh",
    "dirname",
    "basename",
    "cat",
    "cksum",
    "cut",
    "env",
    "find",
    "grep",
    "mkdir",
    "nproc",
    "rm",
    "sed",
    "sleep",
    "sort",
    "tail",
    "tr",
)

DPKG_QUERY = """#!/bin/sh
shift 3
for package in "$@"; do
	case " $INSTALLED " in *" $package "*) echo "$package installed" ;; *) status=1 ;; esac
done
exit ${status:-0}
"""

APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
echo "Reading package lists..."
exit "${APT_STATUS:-0}"
"""

# Fetches of lists look like fetches of packages; one of the packages is upgraded.
APT_GET_THAT_TALKS = """#!/bin/sh
case "$*" in
*update*)
	for number in 1 2 3 4 5 6 7 8; do echo "Get:$number http://deb InRelease"; done ;;
*install*)
	sleep 2 # It is looked at before the number of packages is there.
	echo "1 upgraded, 1 newly installed, 0 to remove and 7 not upgraded."
	for number in 1 2; do echo "Get:$number http://deb package"; done
	for number in 1 2; do echo "Unpacking package ($number) ..."; done
	for number in 1 2; do echo "Setting up package ($number) ..."; done
	sleep 3 ;;
esac
"""

CMAKE = """#!/bin/sh
echo "cmake $*" >>"$CALLS"
echo "no compiler today"
exit 1
"""

# The first package of each choice in the script.
BUILD_PACKAGES = " ".join(
    choice.split("|")[0]
    for choice in (
        re.search(
            r"^build_packages='([^']+)'", (SOURCE / "dev").read_text(encoding="utf-8"), re.MULTILINE
        )
        .group(1)
        .split()
    )
)



class Dev(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="scopecache-dev-"))
        self.addCleanup(shutil.rmtree, self.top)
        (self.top / "bin").mkdir()
        for name in ("dev", "CMakePresets.json"):
            shutil.copy(SOURCE / name, self.top)
        for name in REAL:
            (self.top / "bin" / name).symlink_to(shutil.which(name))
        self.stand_in("cmake", CMAKE)
        self.calls = self.top / "calls"

    def stand_in(self, name, text):
        path = self.top / "bin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def debian(self, user_id=0):
        self.stand_in("dpkg-query", DPKG_QUERY)
        self.stand_in("apt-get", APT_GET)
        self.stand_in("id", f"#!/bin/sh\necho {user_id}\n")

    def dev(self, *arguments, **environment):
        environment = {
            "PATH": str(self.top / "bin"),
            "CALLS": str(self.calls),
            "HOME": "/",
            **environment,
        }
        done = subprocess.run(
            [self.top / "dev", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        called = self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []
        return done, called

    def test_help_names_the_commands(self):
        done, called = self.dev("help")
        self.assertEqual((done.returncode, called), (0, []))
        self.assertIn("./dev COMMAND", done.stdout)
        self.assertEqual(self.dev()[0].stdout, done.stdout)

    def test_the_help_of_the_benchmarks_builds_nothing(self):
        (self.top / "bench").symlink_to(SOURCE / "bench")
        for name in "", "families":
            done, called = self.dev("bench", *name.split(), "--help", SC_DEV_INSTALL="no")
            self.assertEqual((done.returncode, called), (0, []))
            self.assertIn(f"usage: ./dev bench {name}".rstrip(), done.stdout)

    def test_an_unknown_command(self):
        done, _ = self.dev("biuld")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'biuld'", done.stderr)

    def test_without_apt_it_names_the_packages(self):
        done, called = self.dev("build")
        self.assertEqual((done.returncode, called), (1, []))
        self.assertIn("no apt-get", done.stderr)
        self.assertIn("ninja-build", done.stderr)

    def test_without_apt_and_told_so_it_goes_on(self):
        done, called = self.dev("build", SC_DEV_INSTALL="no")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(called[0][:22], "cmake --preset release")
        self.assertIn("no compiler today", done.stderr)

    def test_neither_root_nor_sudo(self):
        self.debian(user_id=1000)
        done, called = self.dev("build", INSTALLED=BUILD_PACKAGES.replace("cmake", ""))
        self.assertEqual((done.returncode, called), (1, []))
        self.assertIn("apt-get install --no-install-recommends cmake \n", done.stderr)

    def test_root_installs_what_is_missing(self):
        self.debian()
        installed = BUILD_PACKAGES.replace("gcc", "").replace("cmake", "")
        done, called = self.dev("build", INSTALLED=installed)
        self.assertIn("Installing from Debian: gcc cmake", done.stdout)
        self.assertEqual([call.split()[-1] for call in called[:1]], ["update"])
        self.assertTrue(
            called[1].endswith(" install --no-install-recommends --no-remove gcc cmake"), called[1]
        )
        self.assertTrue(called[2].startswith("cmake --preset release"), called[2])
        log = (self.top / "build/install.log").read_text(encoding="utf-8")
        self.assertIn("Reading package lists...", log)

    def test_how_far_it_is(self):
        self.debian()
        self.stand_in("apt-get", APT_GET_THAT_TALKS)
        done, _ = self.dev("build", INSTALLED="gcc libc6-dev")
        self.assertEqual(
            re.findall(r"([0-9]+) % of ([0-9]+) packages", done.stdout), [("100", "2")], done.stdout
        )
        self.assertNotIn("arithmetic", done.stderr)

    def test_sudo_does_not_ask_without_a_terminal(self):
        self.debian(user_id=1000)
        self.stand_in("sudo", '#!/bin/sh\necho "sudo $*" >>"$CALLS"\nshift\nexec "$@"\n')
        _, called = self.dev("build", INSTALLED=BUILD_PACKAGES.replace("cmake", ""))
        self.assertTrue(
            called[0].startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get "), called[0]
        )

    def test_either_of_two_packages_will_do(self):
        self.debian()
        installed = BUILD_PACKAGES.replace("pkg-config", "pkgconf").replace("openssl", "gnutls")
        _, called = self.dev("build", INSTALLED=installed)
        self.assertEqual([call for call in called if call.startswith("apt-get")], [])

    def test_an_installation_that_fails(self):
        self.debian()
        done, called = self.dev("build", INSTALLED="", APT_STATUS="100")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(called), 2)
        self.assertIn("apt-get could not install: gcc", done.stderr)
        self.assertIn("Reading package lists...", done.stderr)

    def test_the_last_line_of_a_test_that_cannot_begin(self):
        self.debian()
        done, _ = self.dev("test", INSTALLED="", APT_STATUS="100")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed")


if __name__ == "__main__":
    unittest.main()
