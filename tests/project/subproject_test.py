"""scopecache as a part of another build: only linked targets are built, and nothing is installed,
tested or set that was not asked for."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import repository
from repository import SOURCE

PARENT = SOURCE / "tests/project/parent"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("AWS_LAMBDA_RUNTIME_API", "ASAN_OPTIONS", "CFLAGS", "CMAKE_BUILD_TYPE")
}


def run(*command, **options):
    return repository.run(*command, env=ENVIRONMENT, **options)


class Subproject(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="scopecache-parent-")
        self.addCleanup(folder.cleanup)
        self.build = pathlib.Path(folder.name, "build")

    def configure(self, *options):
        if not shutil.which("g++"):
            self.skipTest("there is no g++")
        return run(
            "cmake",
            "-S",
            PARENT,
            "-B",
            self.build,
            "-G",
            "Ninja",
            f"-DSCOPECACHE={SOURCE}",
            f"-DCONSUMER={SOURCE}/tests/project/consumer",
            "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
            *options,
        )

    def programs_work(self):
        run("cmake", "--build", self.build)
        programs = self.build / "programs"
        self.assertEqual(run(programs / "keeps"), "kept\n")
        self.assertEqual(run(programs / "scopecache"), "kept\n")
        for name in ("answers", "runs"):
            self.assertIn("AWS_LAMBDA_RUNTIME_API", run(programs / name, status=1))

    def test_static(self):
        self.configure()
        self.programs_work()
        self.assertNotIn(
            "libscopecache", run("readelf", "--dynamic", self.build / "programs/answers")
        )
        self.assertEqual(list(self.build.rglob("*.so*")), [])
        # scopecache's own link options do not reach the programs of its parent.
        self.assertNotIn("-z,now", run("ninja", "-C", self.build, "-t", "commands", "keeps"))

    def test_shared_by_fetch_content(self):
        self.configure("-DHOW=FetchContent", "-DBUILD_SHARED_LIBS=ON")
        self.programs_work()
        self.assertIn(
            "libscopecache.so.0.1", run("readelf", "--dynamic", self.build / "programs/answers")
        )
        self.assertEqual(list(self.build.rglob("*.a")), [])

    def test_both_archives_as_a_whole(self):
        self.configure("-DWHOLE=ON")
        self.programs_work()

    def test_only_what_is_linked_is_built(self):
        self.configure("-DONLY_CACHES=ON")
        run("cmake", "--build", self.build)
        built = {path.name for path in self.build.rglob("*.o")}
        self.assertIn("cache.c.o", built)
        self.assertEqual(
            {name for name in built if name in ("loop.c.o", "http_message.c.o", "main.c.o")}, set()
        )
        self.assertEqual([path.name for path in self.build.rglob("*.a")], ["libscopecache.a"])

    def test_nothing_is_installed_or_tested(self):
        self.configure()
        self.assertIn("Total Tests: 0", run("ctest", "--test-dir", self.build, "-N"))
        run("cmake", "--build", self.build)
        prefix = self.build / "prefix"
        run("cmake", "--install", self.build, "--prefix", prefix)
        self.assertEqual([path for path in prefix.rglob("*") if path.is_file()], [])

    def test_it_is_installed_when_asked(self):
        self.configure("-DSC_INSTALL=ON", "-DCMAKE_INSTALL_LIBDIR=lib")
        run("cmake", "--build", self.build)
        prefix = self.build / "prefix"
        run("cmake", "--install", self.build, "--prefix", prefix)
        self.assertTrue((prefix / "lib/cmake/scopecache/scopecache-config.cmake").exists())
        self.assertFalse((prefix / "bin/scopecache").exists())

    def test_without_a_build_type_it_is_optimised_and_the_parent_is_not(self):
        self.configure()
        commands = json.loads((self.build / "compile_commands.json").read_text(encoding="utf-8"))
        flags = {entry["file"]: entry["command"] for entry in commands}
        ours = flags[str(SOURCE / "src/cache/cache.c")]
        self.assertIn("-O2", ours)
        self.assertIn("-DNDEBUG", ours)
        self.assertNotIn("-O2", flags[str(SOURCE / "tests/project/consumer/keeps.c")])
        self.configure("-DCMAKE_BUILD_TYPE=Debug")
        commands = json.loads((self.build / "compile_commands.json").read_text(encoding="utf-8"))
        self.assertNotIn(
            "-O2",
            next(one["command"] for one in commands if one["file"].endswith("src/cache/cache.c")),
        )

    def test_without_a_build_type_alone(self):
        run("cmake", "-S", SOURCE, "-B", self.build, "-G", "Ninja", "-DSC_BUILD_CLI=OFF")
        commands = json.loads((self.build / "compile_commands.json").read_text(encoding="utf-8"))
        for entry in commands:
            self.assertIn("-O2", entry["command"])
        self.assertIn("CMAKE_BUILD_TYPE", run("cmake", "-LA", "-N", self.build))

    def test_a_module_finds_only_the_headers_under_it(self):
        run("cmake", "-S", SOURCE, "-B", self.build, "-G", "Ninja", "-DSC_BUILD_CLI=OFF")
        commands = json.loads((self.build / "compile_commands.json").read_text(encoding="utf-8"))
        for source, header, found in (("src/http/http_message.c", "base/buffer.h", True),
                                      ("src/http/http_message.c", "lambda/loop.h", False),
                                      ("src/engine/shard.c", "cache/handle.h", False),
                                      ("src/cache/cache.c", "engine/shard.h", True),
                                      ("src/cache/cache.c", "http/http_message.h", False)):
            command = next(
                one["command"] for one in commands if one["file"] == str(SOURCE / source)
            ).split()
            options = command[:command.index("-o")]
            done = subprocess.run(
                [*options, "-fsyntax-only", "-x", "c", "-"],
                input=f'#include "{header}"\n',
                text=True,
                stderr=subprocess.PIPE,
                check=False,
                cwd=self.build,
            )
            self.assertEqual(
                "No such file" in done.stderr, not found, f"{source}: {header}\n{done.stderr}"
            )

    def test_in_a_build_by_meson(self):
        if not shutil.which("meson"):
            self.skipTest("there is no meson")
        top = self.build.parent / "meson"
        (top / "subprojects").mkdir(parents=True)
        (top / "subprojects/scopecache").symlink_to(SOURCE)
        shutil.copy(SOURCE / "tests/project/consumer/keeps.c", top)
        (top / "meson.build").write_text("""project('parent', 'c')
cmake = import('cmake')
options = cmake.subproject_options()
options.add_cmake_defines({'CMAKE_BUILD_TYPE': 'Release'})
scopecache = cmake.subproject('scopecache', options: options)
executable('keeps', 'keeps.c', dependencies: scopecache.dependency('scopecache-static'))
""", encoding="utf-8")
        run("meson", "setup", top / "build", top)
        run("ninja", "-C", top / "build", "keeps")
        self.assertEqual(run(top / "build/keeps"), "kept\n")


if __name__ == "__main__":
    unittest.main()
