"""An installation can be used: built without ./dev into a temporary prefix, found by consumers
through pkg-config and CMake, shared and static, in C and in C++."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from repository import BUILD, C_FLAGS, CXX_FLAGS, HEADERS, SOURCE, exported_functions, run

CONSUMER = SOURCE / "tests/project/consumer"


def install(top, *options):
    """Build the libraries as a packager does, and install them; `top` is the test's own folder."""
    run(
        "cmake",
        "-S",
        SOURCE,
        "-B",
        top / "build",
        "-G",
        "Ninja",
        "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
        "-DCMAKE_INSTALL_LIBDIR=lib",
        "-DSC_BUILD_CLI=OFF",
        "-DSC_WERROR=ON",
        *options
    )
    run("cmake", "--build", top / "build")
    run("cmake", "--install", top / "build", "--prefix", top / "prefix")
    return top / "prefix"


class Prefix(unittest.TestCase):
    """Tests of one installation, made by the options of the class."""
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="scopecache-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.top)
        # Installed and then moved: no file may contain the first path.
        cls.prefix = install(cls.top, *cls.options).rename(cls.top / "moved")
        cls.lib = cls.prefix / "lib"
        cls.environment = dict(os.environ, PKG_CONFIG_PATH=str(cls.lib / "pkgconfig"),
                               LD_LIBRARY_PATH=str(cls.lib))
        for unwanted in ("ASAN_OPTIONS", "AWS_LAMBDA_RUNTIME_API"):
            cls.environment.pop(unwanted, None)

    def flags(self, module, *options):
        return run(
            "pkg-config", "--cflags", "--libs", *options, module, env=self.environment
        ).split()

    def keeps(self, program):
        self.assertEqual(run(program, env=self.environment), "kept\n")

    def answers(self, program):
        done = subprocess.run(
            [program], env=self.environment, stderr=subprocess.PIPE, text=True, check=False
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("AWS_LAMBDA_RUNTIME_API", done.stderr)

    def with_cmake(self, *options):
        build = pathlib.Path(tempfile.mkdtemp(dir=self.top))
        run(
            "cmake",
            "-S",
            CONSUMER,
            "-B",
            build,
            "-G",
            "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}",
            *options,
        )
        run("cmake", "--build", build)
        return build


class Whole(Prefix):
    def test_all_headers_are_there(self):
        installed = sorted(path.name for path in (self.prefix / "include/scopecache").iterdir())
        self.assertEqual(
            installed, sorted(path.name for path in (SOURCE / "include/scopecache").iterdir())
        )
        self.assertLess({header.name for header in HEADERS}, set(installed))

    def test_the_manual_is_there(self):
        installed = {path.name for path in (self.prefix / "share/man/man3").iterdir()}
        exported = {f"{name}.3" for header in HEADERS for name in exported_functions(header)}
        self.assertGreater(len(exported), 0)
        self.assertLessEqual(exported, installed)

    def test_pkg_config_shared(self):
        for name, module in (("keeps", "scopecache"), ("answers", "scopecache-function")):
            program = self.top / f"{name}-shared"
            run("gcc", *C_FLAGS, "-o", program, CONSUMER / f"{name}.c", *self.flags(module))
            self.assertIn("libscopecache.so.0.1", run("readelf", "--dynamic", program))
            getattr(self, name)(program)

    def test_pkg_config_static(self):
        for name, module in (("keeps", "scopecache"), ("answers", "scopecache-function")):
            program = self.top / f"{name}-static"
            run("gcc", *C_FLAGS, "-static", "-o", program, CONSUMER / f"{name}.c",
                *self.flags(module, "--static"))
            getattr(self, name)(program)

    def test_cmake_shared(self):
        build = self.with_cmake()
        self.assertIn("libscopecache.so.0.1", run("readelf", "--dynamic", build / "answers"))
        self.keeps(build / "keeps")
        self.answers(build / "answers")

    def test_cmake_static(self):
        build = self.with_cmake("-Dscopecache_USE_STATIC_LIBS=ON")
        self.assertNotIn("libscopecache", run("readelf", "--dynamic", build / "answers"))
        self.keeps(build / "keeps")
        self.answers(build / "answers")

    def test_cmake_refuses_another_version(self):
        source = (CONSUMER / "CMakeLists.txt").read_text(encoding="utf-8")
        folder = self.top / "later"
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text(
            source.replace("scopecache 0.1", "scopecache 9.0"), encoding="utf-8"
        )
        said = run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", status=1)
        self.assertIn('requested version "9.0"', said)

    def build_cxx(self, library, text):
        """Build a C++ program with an installed library, and run it."""
        if not shutil.which("g++"):
            self.skipTest("there is no g++")
        program = self.top / "cxx"
        run("g++", *CXX_FLAGS, "-o", program, "-x", "c++", "-", *self.flags(library), input=text)
        run(program, env=self.environment)

    def test_a_cxx_consumer_links(self):
        self.build_cxx("scopecache", """
        #include <scopecache/cache.h>
        int main()
        {
        	sc_cache *cache;
        	const sc_part part = sc_part_text("answer");
        	if (sc_cache_open(&cache, nullptr, nullptr) < 0)
        		return 1;
        	int rc = sc_cache_put(cache, sc_key{ &part, 1 }, "kept", 4);
        	sc_cache_close(cache);
        	return rc;
        }
        """)

    def test_the_cxx_headers_are_used(self):
        self.build_cxx("scopecache-function", """
        #include <scopecache/scopecache.hpp>
        int main()
        {
        	scopecache::cache cache;
        	cache.put(scopecache::key("answer"), 42);
        	return cache.get<int>(scopecache::key("answer")) == 42 ? 0 : 1;
        }
        """)

    def test_libraries_need_the_c_library_alone(self):
        for path in self.lib.glob("*.so"):
            needed = set(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "--dynamic", path)))
            # libgcc_s unwinds the stack when a thread ends; the C library needs it too.
            self.assertLessEqual({name for name in needed if not name.startswith("ld-linux")},
                                 {"libc.so.6", "libgcc_s.so.1"})

    def test_many_copies_are_loaded_late(self):
        program = self.top / "plugins"
        run(
            "gcc",
            *C_FLAGS,
            "-o",
            program,
            SOURCE / "tests/project/plugins.c",
            f"-I{self.prefix}/include",
            "-ldl",
            "-pthread",
            "-Wno-pedantic",
        )
        copies = [
            shutil.copy(self.lib / "libscopecache.so", self.top / f"plugin{number}.so")
            for number in range(100)
        ]
        self.assertEqual(run(program, *copies), "all of them\n")

    def test_libraries_are_hardened(self):
        for path in self.lib.glob("*.so"):
            headers = run("readelf", "--wide", "--dynamic", "--program-headers", path)
            self.assertIn("GNU_RELRO", headers)
            self.assertIn("BIND_NOW", headers)

    def test_the_command_is_installed(self):
        run("cmake", "--install", BUILD, "--prefix", self.top / "command")
        self.assertTrue((self.top / "command/share/man/man1/scopecache-local.1").exists())
        usage = run(self.top / "command/bin/scopecache", "--help")
        self.assertIn("usage", usage.lower())


class CachesAlone(Prefix):
    options = ("-DSC_BUILD_LAMBDA=OFF",)

    def test_the_runtime_is_not_there(self):
        installed = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*")}
        self.assertIn("lib/libscopecache.a", installed)
        self.assertEqual([name for name in installed if re.search("lambda|function", name)], [])

    def test_the_cxx_headers_do_without(self):
        if not shutil.which("g++"):
            self.skipTest("there is no g++")
        run("g++", "-std=c++17", "-fsyntax-only", "-x", "c++", "-", *self.flags("scopecache"),
            input="#include <scopecache/scopecache.hpp>\nscopecache::cache cache;\n")

    def test_consumers_keep(self):
        self.keeps(self.with_cmake() / "keeps")


class Fastest(Prefix):
    """gcc's other warnings: with -O3 and all of this machine's instructions it knows more, and
    guesses more."""
    options = ("-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O3 -march=native -DNDEBUG", "-DSC_BUILD_CLI=ON")

    def test_it_compiles_without_warnings_and_works(self):
        self.keeps(self.with_cmake("-Dscopecache_USE_STATIC_LIBS=ON") / "keeps")


if __name__ == "__main__":
    unittest.main()
