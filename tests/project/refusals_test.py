"""CMake refuses each unsupported configuration in one sentence, which says what to do if there is a
remedy."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from repository import SOURCE

TOOLS = (
    "cmake",
    "gcc",
    "cc",
    "g++",
    "c++",
    "ld",
    "as",
    "ar",
    "ranlib",
    "nm",
    "objcopy",
    "objdump",
    "strip",
    "pkg-config",
    "uname",
    "sh",
    "make",
)


class Refusals(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="scopecache-refused-")
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)

    def configure(self, *options, **environment):
        """The exit status, and the output of CMake with single spaces."""
        done = subprocess.run(
            ["cmake", "-S", SOURCE, "-B", self.top / "build", *options],
            cwd=SOURCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        return done.returncode, re.sub(r"\s+", " ", done.stdout)

    def refused(self, sentence, *options, **environment):
        status, said = self.configure(*options, **environment)
        self.assertNotEqual(status, 0)
        self.assertIn(sentence, said)
        self.assertEqual(said.count("CMake Error"), 1, said)

    def for_machine(self, target):
        if not shutil.which("clang"):
            self.skipTest("there is no clang")
        return (
            "-G",
            "Ninja",
            "-DSC_BUILD_CLI=OFF",
            "-DCMAKE_C_COMPILER=clang",
            f"-DCMAKE_C_COMPILER_TARGET={target}",
            "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
        )

    def test_a_32_bit_machine(self):
        self.refused("scopecache needs a 64-bit machine", *self.for_machine("i686-linux-gnu"))

    def test_a_big_endian_machine(self):
        self.refused(
            "scopecache needs a little-endian machine", *self.for_machine("powerpc64-linux-gnu")
        )

    def test_a_missing_library_of_the_command(self):
        nothing = self.top / "nothing"
        nothing.mkdir()
        environment = {"PKG_CONFIG_LIBDIR": str(nothing), "PKG_CONFIG_PATH": ""}
        self.refused("leave the command out with -DSC_BUILD_CLI=OFF", "-G", "Ninja", **environment)
        status, said = self.configure("-G", "Ninja", "-DSC_BUILD_CLI=OFF", **environment)
        self.assertEqual(status, 0, said)

    def tools(self):
        folder = self.top / "bin"
        folder.mkdir()
        for tool in TOOLS:
            if shutil.which(tool):
                (folder / tool).symlink_to(shutil.which(tool))
        return str(folder)

    def test_no_pkg_config(self):
        self.refused("leave the command out with -DSC_BUILD_CLI=OFF", "-G", "Ninja",
                     f"-DPKG_CONFIG_EXECUTABLE={self.top}/nothing")

    def test_no_ninja(self):
        self.refused("There is no ninja: install it (Debian: ninja-build)", "-G", "Ninja",
                     "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF", PATH=self.tools())

    def test_everything_but_the_command(self):
        status, said = self.configure("--preset", "debug", "-DSC_BUILD_CLI=OFF")
        self.assertEqual(status, 0, said)
        self.assertIn("Generating done", said)


if __name__ == "__main__":
    unittest.main()
