"""scopecache.hpp with each compiler and each version of C++, with warnings as errors. The compiled
programs are run."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from repository import INCLUDE, SOURCE, files, name_of

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror")
# Use the first name that the compiler knows: older ones call C++23 c++2b.
STANDARDS = {"C++17": ("c++17",), "C++20": ("c++20",), "C++23": ("c++23", "c++2b")}
COMPILERS = ("g++", "clang++")
PROGRAMS = ("cxx_cache_test", "cxx_resource_test", "cxx_main")


def run(*command, **options):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )


def knows(compiler, standard):
    return (
        run(compiler, f"-std={standard}", "-x", "c++", "-fsyntax-only", "/dev/null").returncode == 0
    )


class Cxx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="scopecache-cxx-"))
        cls.addClassCleanup(shutil.rmtree, cls.top)
        # Without the sanitizers of this build, which belong to one compiler.
        for command in (
            (
                "cmake",
                "-S",
                SOURCE,
                "-B",
                cls.top,
                "-G",
                "Ninja",
                "-DCMAKE_BUILD_TYPE=Release",
                "-DSC_BUILD_CLI=OFF",
            ),
            ("ninja", "-C", cls.top, "scopecache-static", "scopecache-lambda-static"),
        ):
            done = run(*command)
            assert done.returncode == 0, done.stdout
        cls.libraries = (
            cls.top / "src/lambda/libscopecache-lambda.a",
            cls.top / "src/cache/libscopecache.a",
        )

    def options(self, compiler, name):
        if not shutil.which(compiler):
            self.skipTest(f"there is no {compiler}")
        standard = next((one for one in STANDARDS[name] if knows(compiler, one)), None)
        if not standard:
            self.skipTest(f"this {compiler} has no {name}")
        return (compiler, f"-std={standard}", *WARNINGS, f"-I{INCLUDE}", f"-I{SOURCE / 'tests'}",
                f"-I{SOURCE / 'examples'}")

    def all_run(self, compiler, name):
        options = self.options(compiler, name)
        for test in PROGRAMS:
            with self.subTest(test):
                program = self.top / f"{test}-{compiler}-{name}"
                done = run(
                    *options,
                    "-o",
                    program,
                    SOURCE / f"tests/cxx/{test}.cpp",
                    *self.libraries,
                    "-pthread",
                )
                self.assertEqual(done.returncode, 0, done.stdout)
                environment = {
                    key: value
                    for key, value in os.environ.items()
                    if key != "AWS_LAMBDA_RUNTIME_API"
                }
                done = run(program, env=environment)
                if test == "cxx_main":  # a function, which there is no Runtime API for
                    self.assertEqual(done.returncode, 1)
                    self.assertIn("AWS_LAMBDA_RUNTIME_API", done.stdout)
                else:
                    self.assertEqual(done.returncode, 0, done.stdout)
        # The libraries of the examples exist for one build only.
        examples = [path for path in files(".cpp") if name_of(path).startswith("examples/")]
        self.assertEqual(len(examples), 4)
        done = run(*options, "-fsyntax-only", *examples)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_each_header_compiles_alone(self):
        headers = [path for path in files(".hpp") if name_of(path).startswith("include/")]
        self.assertGreater(len(headers), 1)
        options = self.options("g++", "C++17")
        for header in headers:
            with self.subTest(header.name):
                line = f"#include <scopecache/{header.name}>\n"
                done = run(*options, "-fsyntax-only", "-x", "c++", "-", input=line + line)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_key_of_a_double_does_not_compile(self):
        for value, compiles in (
            ("1", True),
            ("1.5", False),
            ("(int *)nullptr", False),
            ("'c'", False),
        ):
            done = run("g++", "-std=c++17", f"-I{INCLUDE}", "-fsyntax-only", "-x", "c++", "-",
                       input=f"#include <scopecache/key.hpp>\nauto made = SC_KEY({value});\n")
            self.assertEqual(done.returncode == 0, compiles, value)


for _compiler in COMPILERS:
    for _name in STANDARDS:
        setattr(Cxx, f"test_{_compiler.replace('+', 'x')}_{_name.replace('+', 'x')}",
                lambda self, compiler=_compiler, name=_name: self.all_run(compiler, name))

if __name__ == "__main__":
    unittest.main()
