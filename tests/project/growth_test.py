"""A program and a library of different versions work together: one of them has additional rows at
the ends of tables and additional fields at the ends of structs."""

import pathlib
import shutil
import tempfile
import unittest

from repository import C_FLAGS, SOURCE, run

FOLDERS = ("include", "src/base", "src/engine", "src/cache")
CACHE_H = "include/scopecache/cache.h"

# The file, the text to insert after, and the inserted text.
GROWTH = (
    (
        CACHE_H,
        '"1: keys and values stay out of core dumps, and are wiped when they go")',
        (
            ' NUMBER(later, 5, 0, 9, "of a later version") POINTER(void *, later_pointer, "of a'
            ' later version")'
        ),
    ),
    (
        "include/scopecache/stats.h",
        'X(locked_bytes, "bytes of the region of a secret cache that stay out of swap")',
        ' X(later, "of a later version")',
    ),
    (
        CACHE_H,
        "uint64_t tag_count;",
        " uint64_t later;",
    ),
    (CACHE_H, "NULL: the thread's, in all three */", " uint64_t later;"),
    ("include/scopecache/memo.h", "uint64_t currsize;", " uint64_t later;"),
)


def is_last(behind):
    """Whether a row or a field is the last, so that the addition is at the end."""
    line, _, rest = behind.partition("\n")
    return not line.endswith("\\") and (not line.strip() or rest.lstrip().startswith("}"))


class Growth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.top = pathlib.Path(cls.folder.name)
        for version in ("present", "grown"):
            for folder in FOLDERS:
                shutil.copytree(SOURCE / folder, cls.top / version / folder)
        for name, after, what in GROWTH:
            path = cls.top / "grown" / name
            text = path.read_text(encoding="utf-8")
            assert text.count(after) == 1, after
            assert is_last(text.partition(after)[2]), f"not the last of its table: {after}"
            path.write_text(text.replace(after, after + what), encoding="utf-8")
        for version in ("present", "grown"):
            cls.build(cls.top / version)

    @classmethod
    def build(cls, top):
        run(
            "gcc",
            "-std=c17",
            "-O1",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
            "-pthread",
            "-D_POSIX_C_SOURCE=200809L",
            "-D_DEFAULT_SOURCE",
            f"-I{top / 'include'}",
            f"-I{top / 'src'}",
            *sorted(top.glob("src/*/*.c")),
            f"-Wl,--version-script={top / 'src/cache/scopecache.map'}",
            "-o",
            top / "libscopecache.so",
        )
        run(
            "gcc",
            *C_FLAGS,
            f"-I{top / 'include'}",
            SOURCE / "tests/project/growth_consumer.c",
            "-o",
            top / "consumer",
            f"-L{top}",
            "-lscopecache",
        )

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def together(self, program, library):
        run(self.top / program / "consumer", env={"LD_LIBRARY_PATH": str(self.top / library)})

    def test_an_older_program_with_a_newer_library(self):
        self.together("present", "grown")

    def test_a_newer_program_with_an_older_library(self):
        self.together("grown", "present")

    def test_both_of_one_version(self):
        self.together("present", "present")
        self.together("grown", "grown")


if __name__ == "__main__":
    unittest.main()
