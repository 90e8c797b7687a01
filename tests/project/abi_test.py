"""The shared libraries export what the public headers declare and the version scripts name: no
more, no less, and the same in all three. Their names change with every version that may break."""

import os
import re
import subprocess
import unittest

from repository import BUILD, HEADERS, INCLUDE, LIBRARIES, SOURCE, exported_functions


def declared(library):
    return {name for header in HEADERS if header.name in LIBRARIES[library]
            for name in exported_functions(header)}


def built(library):
    paths = list(BUILD.rglob(f"lib{library}.so"))
    assert len(paths) == 1, paths
    return paths[0]


def exported(library):
    run = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", built(library)],
                         stdout=subprocess.PIPE, text=True, check=True)
    symbols = [line.split()[:2] for line in run.stdout.splitlines()]
    # The names of versions are absolute symbols.
    return {name.split("@")[0] for name, kind in symbols if kind != "A"}


def soname(library):
    run = subprocess.run(
        ["readelf", "--wide", "--dynamic", built(library)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=dict(os.environ, LC_ALL="C"),
    )
    return re.findall(r"\(SONAME\).*\[(.*)\]", run.stdout)


def breaks_with():
    """The part of the version that changes when compatibility breaks: before 1.0 the minor too."""
    text = (INCLUDE / "scopecache/version.h").read_text(encoding="utf-8")
    major, minor = (re.search(rf"^#define SC_VERSION_{part} (\d+)$", text, re.M).group(1)
                    for part in ("MAJOR", "MINOR"))
    return f"{major}.{minor}" if major == "0" else major


def without_comments(header):
    return re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.S)


def structs():
    """The structs that the public headers define, and their members."""
    found = {}
    for header in HEADERS:
        found.update(
            re.findall(r"^struct (\w+) \{\n(.*?)^\};", without_comments(header), re.M | re.S)
        )
    assert len(found) > 10, found
    return found


def mapped(library):
    paths = list(SOURCE.glob(f"src/*/{library}.map"))
    assert len(paths) == 1, paths
    text = re.sub(r"/\*.*?\*/|#.*", "", paths[0].read_text(encoding="utf-8"), flags=re.S)
    names = set()
    for block in re.findall(r"global:(.*?)(?:local:|\})", text, re.S):
        names |= set(block.replace(";", " ").split())
    return names


class Abi(unittest.TestCase):
    def test_every_declaration_has_a_library(self):
        known = {header for headers in LIBRARIES.values() for header in headers}
        for header in HEADERS:
            if header.name not in known:
                self.assertEqual(exported_functions(header), {}, header.name)

    def test_libraries_export_what_headers_declare(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.assertNotEqual(declared(library), set())
                self.assertEqual(exported(library), declared(library))

    def test_version_scripts_name_what_headers_declare(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.assertEqual(mapped(library), declared(library))

    def test_every_struct_can_grow(self):
        """Every public struct has a size or reserved words. Except a key and its parts: they never
        grow, because a new kind of part is a new type code."""
        for name, body in structs().items():
            if name not in ("sc_key", "sc_part"):
                self.assertRegex(body, r"\bsize_t size;|\breserved\[", name)

    def test_no_function_returns_a_struct_or_has_its_name(self):
        functions = set.union(*(declared(library) for library in LIBRARIES))
        self.assertEqual(functions & set(structs()), set())
        for header in HEADERS:
            text = without_comments(header)
            returned = re.findall(r"^struct (\w+) (sc_\w+)\(", text, re.M)
            self.assertEqual([name for _, name in returned if name in functions], [], header.name)

    def test_sonames_change_with_what_may_break(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.assertEqual(soname(library), [f"lib{library}.so.{breaks_with()}"])


if __name__ == "__main__":
    unittest.main()
