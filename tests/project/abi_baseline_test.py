"""The ABI equals its baseline, and each kind of change is detected."""

import pathlib
import platform
import shutil
import tempfile
import unittest

import abi_baseline
from repository import SOURCE

CACHE_H = "include/scopecache/cache.h"

# Changes of one function of one header that must be detected: a text and its replacement.
CHANGES = {
    "a field that moves": (
        CACHE_H,
        "	const void *data;\n	size_t len;\n	/* Set by",
        "	size_t len;\n	const void *data;\n	/* Set by",
    ),
    "a field that grows": (CACHE_H, "void *reserved[2]; /* NULL */", "void *reserved[3];"),
    "a row that is not the last": (
        CACHE_H,
        "	NUMBER(max_entries,",
        "	NUMBER(earlier, 0, 0, 1, \"\") NUMBER(max_entries,",
    ),
    "a parameter more": (
        "include/scopecache/version.h",
        "sc_version_number(void)",
        "sc_version_number(int)",
    ),
}


@unittest.skipUnless(shutil.which("abidw") and shutil.which("abidiff"), "needs abigail-tools")
class Baseline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.dumped = {
            library: abi_baseline.dump(library, SOURCE, cls.folder)
            for library in abi_baseline.LIBRARIES
        }

    def test_the_abi_is_that_of_the_baseline(self):
        for library in abi_baseline.LIBRARIES:
            baseline = abi_baseline.baseline(library)
            if not baseline.exists():
                self.skipTest(f"there is no baseline for {platform.machine()}")
            changes = abi_baseline.differences(baseline, self.dumped[library])
            self.assertEqual(changes, "", f"\n{changes}\nIf this is meant: ./dev abi --renew")

    def copy(self, name):
        top = self.folder / name.replace(" ", "-")
        for folder in ("include", "src"):
            shutil.copytree(SOURCE / folder, top / folder)
        return top

    def assert_seen(self, top, what=""):
        changes = abi_baseline.differences(
            self.dumped["scopecache"], abi_baseline.dump("scopecache", top, top)
        )
        self.assertNotEqual(changes, "")
        self.assertIn(what, changes)

    def test_what_changes_it_is_seen(self):
        for name, (file, text, other) in CHANGES.items():
            with self.subTest(name):
                top = self.copy(name)
                path = top / file
                self.assertIn(text, path.read_text(encoding="utf-8"))
                path.write_text(
                    path.read_text(encoding="utf-8").replace(text, other, 1), encoding="utf-8"
                )
                self.change_definitions(top)
                self.assert_seen(top)

    @staticmethod
    def change_definitions(top):
        """A changed declaration has a changed definition too, as in a real change."""
        if "sc_version_number(int)" in (top / "include/scopecache/version.h").read_text(
            encoding="utf-8"
        ):
            path = top / "src/cache/version.c"
            text = path.read_text(encoding="utf-8")
            path.write_text(
                text.replace("sc_version_number(void)", "sc_version_number(int any)"),
                encoding="utf-8",
            )

    def test_a_function_that_is_gone_is_seen(self):
        without = self.copy("without")
        script = without / "src/cache/scopecache.map"
        script.write_text(
            script.read_text(encoding="utf-8").replace("\tsc_cache_peek;\n", ""), encoding="utf-8"
        )
        self.assert_seen(without, "sc_cache_peek")


if __name__ == "__main__":
    unittest.main()
