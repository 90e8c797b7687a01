"""Each public header compiles alone, with warnings as errors, as C17 and as C++17."""

import shutil
import subprocess
import unittest

from repository import HEADERS, INCLUDE

COMPILERS = {
    "gcc, C17": ("gcc", "-x", "c", "-std=c17"),
    "gcc, C++17": ("g++", "-x", "c++", "-std=c++17"),
    "clang, C17": ("clang", "-x", "c", "-std=c17"),
    "clang, C++17": ("clang", "-x", "c++", "-std=c++17"),
}


def compile_alone(header, compiler, *options):
    """The compiler's output for a file that only includes the header, twice."""
    line = f"#include <scopecache/{header.name}>\n"
    return subprocess.run(
        [
            *compiler,
            *options,
            f"-I{INCLUDE}",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-fsyntax-only",
            "-",
        ],
        input=line + line,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


class Headers(unittest.TestCase):
    def each_compiles(self, name):
        compiler = COMPILERS[name]
        if not shutil.which(compiler[0]):
            self.skipTest(f"there is no {compiler[0]}")
        self.assertGreater(len(HEADERS), 0)
        for header in HEADERS:
            with self.subTest(header=header.name):
                run = compile_alone(header, compiler)
                self.assertEqual(run.returncode, 0, run.stderr)

    def test_gcc_c17(self):
        self.each_compiles("gcc, C17")

    def test_gcc_cxx17(self):
        self.each_compiles("gcc, C++17")

    def test_clang_c17(self):
        self.each_compiles("clang, C17")

    def test_clang_cxx17(self):
        self.each_compiles("clang, C++17")


if __name__ == "__main__":
    unittest.main()
