"""The manual pages: every exported function and every header has a page in section 3, which says
what it returns, whether it blocks and which threads may call it; and all pages are formatted
without a warning."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from repository import HEADERS, SOURCE, exported_functions


class Manual(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="scopecache-man-"))
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.pages = cls.top / "man3"
        subprocess.run(
            [sys.executable, "-B", SOURCE / "cmake/manual.py", cls.pages, *HEADERS], check=True
        )

    def page_of(self, function):
        """The text of the page; functions that are declared together share one."""
        text = (self.pages / f"{function}.3").read_text(encoding="utf-8")
        other = re.fullmatch(r"\.so (man3/\w+\.3)\n", text)
        return (self.top / other[1]).read_text(encoding="utf-8") if other else text

    def test_every_header_has_a_page(self):
        for header in HEADERS:
            page = (self.pages / f"scopecache-{header.stem}.3").read_text(encoding="utf-8")
            self.assertIn(f"#include <scopecache/{header.name}>", page)
            for function in exported_functions(header):
                self.assertIn(f".BR {function} (3)", page)

    def test_every_function_has_a_page(self):
        checked, missing = 0, []
        for header in HEADERS:
            for function in exported_functions(header):
                page = self.page_of(function)
                checked += 1
                declaration = re.search(rf"^(?:\\fB)?(.*\b){function}\(", page, re.MULTILINE)
                self.assertTrue(declaration, function)
                self.assertRegex(page, rf"\.SH NAME\n.*\b{function}\b.* \\- \w")
                returns = declaration[1].removeprefix("\\fB").strip() != "void"
                if returns != (".SH RETURN VALUE\n" in page):
                    missing.append(f"{function}: what it returns")
                if ".SH THREADS\n" not in page:
                    missing.append(f"{function}: which threads may call it")
                if ".SH BLOCKING\n" not in page and "does not block" not in page:
                    missing.append(f"{function}: whether it blocks")
        self.assertGreater(checked, 0)
        self.assertEqual(missing, [])

    def test_all_pages_are_formatted(self):
        if not shutil.which("groff"):
            self.skipTest("there is no groff")
        pages = [*self.pages.glob("*.3"), *(SOURCE / "docs/man").glob("*.1")]
        for page in pages:
            # The folder where `man` finds the pages that other pages name.
            run = subprocess.run(
                ["groff", "-ww", "-man", "-Tutf8", "-z", f"-I{self.top}", page],
                cwd=self.top,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.assertEqual((run.returncode, run.stdout), (0, ""), page.name)


if __name__ == "__main__":
    unittest.main()
