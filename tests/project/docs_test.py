"""The documentation agrees with the code: a comment explains every exported function and a test
names it, every relative link has a target, and every function, file and ./dev command that a page
names exists."""

import re
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree

from repository import (
    C_FLAGS,
    CXX_FLAGS,
    HEADERS,
    INCLUDE,
    SOURCE,
    exported_functions,
    files,
    name_of,
    run,
)

# The program around the C code of the README.
AROUND = """
#include <scopecache/function.h>

int fetch_data(struct sc_load *load, void *context);
int example(struct sc_invocation *inv, const char *user, int my_param);

int example(struct sc_invocation *inv, const char *user, int my_param)
{
	struct sc_value value;
	struct sc_error error;
	int rc;
%s
	return rc;
}
"""

# The declarations before the C code of docs/cache.md.
BEFORE = """
#include <scopecache/cache.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct document;
struct document *document_parse(void *source, const char *name);
size_t document_bytes(const struct document *document);
int document_answer(const struct document *document);
void document_free(struct document *document);

"""

# The declarations before the C++ code of docs/cxx.md.
BEFORE_CXX = """
#include <string>

struct database {
	std::string query(std::string_view user, int year);
};
database *database_open();
extern database db;

"""

LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks_of(language, page):
    text = (SOURCE / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


SYNTAX = (f"-I{INCLUDE}", "-fsyntax-only", "-x")


def check_c(source, *options):
    run("gcc", *C_FLAGS, *options, *SYNTAX, "c", "-", input=source)


class Docs(unittest.TestCase):
    maxDiff = None

    def test_every_function_is_documented(self):
        missing, checked = [], 0
        for header in HEADERS:
            lines = header.read_text(encoding="utf-8").splitlines()
            for name, line in exported_functions(header).items():
                first = line - 1
                while first > 0 and lines[first - 1].strip():
                    first -= 1
                checked += 1
                if not lines[first].startswith("/*"):
                    missing.append(f"{name_of(header)}:{line}: {name}")
        self.assertGreater(checked, 0)
        self.assertEqual(missing, [])

    def test_every_function_is_named_by_a_test(self):
        tested = set()
        for path in files(".c", ".py"):
            if name_of(path).startswith("tests/"):
                tested |= set(re.findall(r"\bsc_\w+", path.read_text(encoding="utf-8")))
        untested = [name for header in HEADERS for name in exported_functions(header)
                    if name not in tested]
        self.assertEqual(untested, [])

    def test_every_relative_link_leads_somewhere(self):
        broken, checked = [], 0
        for page in files(".md"):
            for link in LINK.findall(page.read_text(encoding="utf-8")):
                if re.match(r"[a-z]+:|#", link):
                    continue
                checked += 1
                if not (page.parent / link.split("#")[0]).exists():
                    broken.append(f"{name_of(page)}: {link}")
        self.assertGreater(checked, 0)
        self.assertEqual(broken, [])

    def test_the_example_of_the_readme_compiles(self):
        blocks = blocks_of("c", "README.md")
        self.assertEqual(len(blocks), 1)
        check_c(AROUND % blocks[0])

    def test_the_figures_of_the_readme_are_those_of_the_benchmarks(self):
        readme = (SOURCE / "README.md").read_text(encoding="utf-8")
        hit, memory = re.search(
            r"A hit takes ([\d.]+) ns .*takes (\d+) bytes of memory", readme
        ).groups()
        page = (SOURCE / "docs/benchmarks.md").read_text(encoding="utf-8")
        self.assertIn(f"| hit, 1,000 keys, 1 thread | {hit} |", page)
        self.assertRegex(page, rf"\| bytes per entry [^#]*\n\| scopecache \| {memory} \|")

    def test_the_examples_of_the_page_about_caches_compile(self):
        blocks = blocks_of("c", "docs/cache.md")
        self.assertGreater(len(blocks), 1)
        # The functions are never called.
        check_c(BEFORE + "\n".join(blocks), "-Wno-unused-function")

    def test_the_example_of_the_page_about_the_runtime_compiles(self):
        blocks = blocks_of("c", "docs/runtime.md")
        self.assertEqual(len(blocks), 1)
        check_c(blocks[0])

    def test_the_examples_of_the_page_about_cxx_compile(self):
        blocks = blocks_of("cpp", "docs/cxx.md")
        self.assertGreater(len(blocks), 1)
        if not shutil.which("g++"):
            self.skipTest("there is no g++")
        source = BEFORE_CXX + "\n".join(blocks)
        run("g++", *CXX_FLAGS, *SYNTAX, "c++", "-", input=source)

    def test_every_folder_is_in_the_table(self):
        page = (SOURCE / "docs/architecture.md").read_text(encoding="utf-8")
        for folder in (SOURCE / "src").iterdir():
            self.assertIn(f"| `src/{folder.name}/` |", page)

    def test_every_function_on_a_page_exists(self):
        known, checked = set(), 0
        for path in files(".c", ".h", ".hpp", ".cpp", ".txt"):
            known |= set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        for page in files(".md"):
            named = set(re.findall(r"\bsci?_[a-z]\w*", page.read_text(encoding="utf-8")))
            checked += len(named)
            self.assertEqual(named - known, set(), name_of(page))
        self.assertGreater(checked, 0)
        page = (SOURCE / "docs/architecture.md").read_text(encoding="utf-8")
        called = set(re.findall(r"`(\w+)\(\)`", page))
        self.assertGreater(len(called), 0)
        self.assertEqual(called - known, set())

    def test_every_file_on_the_map_exists(self):
        page = (SOURCE / "docs/architecture.md").read_text(encoding="utf-8")
        named = set(re.findall(r"\b\w+\.(?:c|h|hpp|py)\b", page))
        self.assertGreater(len(named), 0)
        self.assertEqual(named - {path.name for path in files()}, set())

    def test_every_command_shown_exists(self):
        usage = subprocess.run(
            [SOURCE / "dev", "help"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        commands = set(re.findall(r"^  ([a-z]+)", usage, re.MULTILINE))
        script = (SOURCE / "dev").read_text(encoding="utf-8")
        cases = set(re.findall(r"^([a-z]+)(?: \|[^)]*)?\)", script, re.MULTILINE))
        self.assertEqual(commands, cases, "help and the script name the same commands")
        # Some commands of two words are commands of their own. Of others the second word is a name.
        pairs = set(re.findall(r"^  ([a-z]+ [a-z]+)\b", usage, re.MULTILINE))
        self.assertEqual(
            {pair.split()[1] for pair in pairs},
            set(re.findall(r'"\$\{1:-\}" = ([a-z]+)', script)),
            "help and the script name the same second words",
        )
        for page in files(".md"):
            shown = set(re.findall(r"\./dev ([a-z]+)", page.read_text(encoding="utf-8")))
            self.assertLessEqual(shown, commands, name_of(page))
            shown = set(re.findall(r"\./dev ([a-z]+ [a-z]+)", page.read_text(encoding="utf-8")))
            self.assertLessEqual(shown, pairs | {"test cache"}, name_of(page))

    def test_every_test_of_the_page_about_semantics_exists(self):
        page = (SOURCE / "docs/semantics.md").read_text(encoding="utf-8")
        table = re.search(r"^\| case \|.*?\n\n", page, re.MULTILINE | re.DOTALL)[0]
        rows = [line.split("|")[-2].strip() for line in table.splitlines()[2:] if line]
        self.assertGreater(len(rows), 30)
        texts = {path.name: path.read_text(encoding="utf-8")
                 for path in files(".c", ".cpp", ".py") if "tests" in path.parts}
        wrong = []
        for row in rows:
            self.assertRegex(row, r"^\w+\.\w+: \w+", "each case has a test")
            for part in row.split("; "):
                name, _, tests = part.partition(": ")
                for test in tests.split(", "):
                    defined = rf"^(?:static void |    def ){test}\((?:void \*\*state|self)\)"
                    text = texts.get(name, "")
                    # In C it is in the list of the program's tests too.
                    listed = rf"\(\s*{test}\s*[,)]"
                    if not re.search(defined, text, re.MULTILINE) or (
                            name.endswith(".c") and not re.search(listed, text)):
                        wrong.append(f"{name}: {test}")
        self.assertEqual(wrong, [])

    def test_the_drawings_are_what_the_command_draws(self):
        programs = sorted((SOURCE / "docs/figures").glob("*.py"))
        self.assertGreater(len(programs), 0)
        for program in programs:
            drawn = subprocess.run([sys.executable, "-B", program, "--print"],
                                   stdout=subprocess.PIPE, text=True, check=True).stdout
            picture = SOURCE / "docs" / f"{program.stem}.svg"
            self.assertEqual(picture.read_text(encoding="utf-8"), drawn,
                             f"{picture.name} is not what ./dev figures draws")
            xml.etree.ElementTree.fromstring(drawn)


if __name__ == "__main__":
    unittest.main()
