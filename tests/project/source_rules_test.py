"""The rules for source files that a script can check: includes, names, lengths, words."""

import pathlib
import re
import subprocess
import unittest

from repository import SOURCE, files, name_of


def layers():
    """Each folder, and the folders that it may include, by the table in docs/architecture.md; every
    folder may include the public headers."""
    page = (SOURCE / "docs/architecture.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `((?:src|include)/\w+)/` \|.*\| ([^|]*) \|$", page, re.M))
    folders = {name.removeprefix("src/") for name in rows}
    may = {
        name: {word for word in re.findall(r"\w+", text) if word in folders}
        for name, text in rows.items()
    }
    demo = re.search(r"the demo also ([\w, ]+)", page)
    return {**may, "examples": set(), "examples/demo": set(re.findall(r"\w+", demo[1]))}


def built_layers():
    """The same by the UNDER of each target in its CMakeLists.txt."""
    may = {}
    for path in [*SOURCE.glob("src/*/CMakeLists.txt"), SOURCE / "examples/demo/CMakeLists.txt"]:
        folder = name_of(path.parent)
        text = path.read_text(encoding="utf-8")
        targets = re.findall(r"^sc_(?:module|program)\(([^)]*)\)", text, re.M)
        under = [
            set(re.search(r"UNDER ((?:[a-z]+\s*)*)", one)[1].split()) if "UNDER" in one else set()
            for one in targets
        ]
        may[folder] = set().union(*under) - {path.parent.name}
    return may


MAY_INCLUDE = layers()
# The libraries that a Lambda function links need only the C library.
NO_LIBRARIES = (
    "include/scopecache",
    "src/base",
    "src/engine",
    "src/cache",
    "src/http",
    "src/lambda",
)
LIBRARY = re.compile(r"(event2/|ev|jansson|curl/|sqlite3|openssl/|zlib|zstd)")

CODE = (".c", ".h", ".cpp", ".hpp", ".py", ".sh")
LINES_MAX = 600
COLUMNS_MAX = 100
TAB_COLUMNS = 8

# Texts that a public repository does not contain: unfinished work, private folders, numbers of one
# issue tracker, and addresses of package registries, which are settings of the machine.
UNWANTED = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b"
    r"|(?<![\w.$}*])/(work|home|root|Users|mnt|srv)/\w"
    r"|\b[Ii]ssue #?\d|\(#\d+\)"
    r"|\b(pypi\.org|deb\.debian\.org|crates\.io|registry\.npmjs)")
# What a build or an interpreter writes is not committed.
BUILT = re.compile(
    r"(^|/)(build|__pycache__|CMakeFiles|\.venv|venv)/"
    r"|\.(pyc|pyo|o|obj|a|so|so\.[\d.]+|gcda|gcno|whl|deb|log)$"
    r"|(^|/)CMakeCache\.txt$")
THIS_FILE = "tests/project/source_rules_test.py"


def folder_of(name):
    """The longest entry of MAY_INCLUDE that the file is under, or None."""
    folders = [folder for folder in MAY_INCLUDE if name.startswith(folder + "/")]
    return max(folders, key=len, default=None)


def may_include(folder, include):
    """Examples name each other's headers from the top of examples/, others as folder/file.h."""
    if folder.startswith("examples") and (SOURCE / "examples" / include).exists():
        return True
    return include.split("/")[0] in MAY_INCLUDE[folder] | {folder.rpartition("/")[2]}


class SourceRules(unittest.TestCase):
    maxDiff = None

    def test_every_folder_is_known(self):
        folders = {"/".join(name_of(path).split("/")[:2]) for path in files(".c", ".h")
                 if name_of(path).startswith("src/")}
        self.assertLessEqual(folders, set(MAY_INCLUDE))
        self.assertIn("src/base", folders)

    def test_the_build_and_the_docs_agree(self):
        self.assertEqual(built_layers(), {folder: under for folder, under in MAY_INCLUDE.items()
                                          if folder not in ("include/scopecache", "examples")})

    def test_what_the_docs_forbid_is_wrong(self):
        self.assertFalse(may_include("src/local", "http/http_message.h"))
        self.assertFalse(may_include("src/cache", "lambda/loop.h"))
        self.assertTrue(may_include("src/lambda", "http/http_message.h"))

    def test_includes_go_down(self):
        checked, wrong = 0, []
        for path in files(".c", ".h", ".cpp", ".hpp"):
            name = name_of(path)
            folder = folder_of(name)
            if folder is None:
                continue
            for include in re.findall(
                r'^#\s*include "([^"]+)"', path.read_text(encoding="utf-8"), re.M
            ):
                checked += 1
                if not may_include(folder, include):
                    wrong.append(f"{name} includes {include}")
        self.assertGreater(checked, 0)
        self.assertEqual(wrong, [])

    def test_files_include_each_other_in_no_circle(self):
        """A unit is a source with its header. Remove units that include no remaining unit until
        none is left."""
        below = {}
        for path in files(".c", ".h"):
            unit = pathlib.PurePath(name_of(path)).with_suffix("")
            top = next((top for top in ("src", "python/ext") if unit.is_relative_to(top)), None)
            if top:
                includes = re.findall(
                    r'^#\s*include "([^"]+)"', path.read_text(encoding="utf-8"), re.M
                )
                below.setdefault(unit, set()).update(
                    pathlib.PurePath(top, include).with_suffix("") for include in includes)
        self.assertIn(pathlib.PurePath("python/ext/table"), below)
        while below:
            lowest = {
                unit for unit, includes in below.items() if not includes & (below.keys() - {unit})
            }
            if not lowest:
                break
            below = {unit: includes for unit, includes in below.items() if unit not in lowest}
        self.assertEqual(sorted(map(str, below)), [])

    def test_what_a_function_links_needs_no_libraries(self):
        wrong = []
        for path in files(".c", ".h", ".cpp", ".hpp"):
            if name_of(path).startswith(tuple(folder + "/" for folder in NO_LIBRARIES)):
                for include in re.findall(
                    r"^#\s*include <([^>]+)>", path.read_text(encoding="utf-8"), re.M
                ):
                    if LIBRARY.match(include):
                        wrong.append(f"{name_of(path)} includes {include}")
        self.assertEqual(wrong, [])

    def test_names_are_unique(self):
        seen, twice = {}, []
        for path in files(*CODE):
            # A source file may have the name of a public header.
            if path.parent.name == "scopecache":
                continue
            if path.name in seen:
                twice.append(f"{name_of(path)} and {name_of(seen[path.name])}")
            seen[path.name] = path
        self.assertEqual(twice, [])

    def test_files_are_not_long(self):
        lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines())
                   for path in files(*CODE)}
        self.assertEqual({name: lines for name, lines in lengths.items() if lines > LINES_MAX}, {})

    def test_lines_are_not_wide(self):
        checked, wide = 0, []
        for path in files():
            name = name_of(path)
            if path.suffix not in (*CODE, ".pyi", ".cmake") and path.name not in (
                "CMakeLists.txt",
                "dev",
            ):
                continue
            checked += 1
            lines = path.read_text(encoding="utf-8").splitlines()
            wide += [
                f"{name}:{number}"
                for number, line in enumerate(lines, 1)
                if len(line.expandtabs(TAB_COLUMNS)) > COLUMNS_MAX
            ]
        self.assertGreater(checked, 0)
        self.assertEqual(wide, [])

    def test_a_lost_event_is_noticed(self):
        names = r"event_add|evbuffer_add\w*|event_base_dispatch"
        statement = re.compile(rf"^\t+(?:{names})\([^;{{]*\);$", re.M)
        self.assertTrue(statement.search("{\n\tevent_add(timer,\n\t\t&delay);\n}\n"))
        for path in SOURCE.glob("src/**/*.c"):
            found = statement.findall(path.read_text(encoding="utf-8"))
            self.assertEqual(found, [], f"{name_of(path)} does not look at the result of these")

    def test_sources_begin_with_what_they_are(self):
        self.assertEqual([name_of(path) for path in files(".c", ".h", ".cpp", ".hpp")
                          if not path.read_text(encoding="utf-8").startswith(("/*", "// "))], [])

    def test_nothing_that_was_built_is_committed(self):
        try:
            done = subprocess.run(
                ["git", "ls-files", "-z"], cwd=SOURCE, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            self.skipTest("there is no git")
        if not (SOURCE / ".git").exists() or done.returncode != 0:
            self.skipTest("these sources are no git repository")
        names = done.stdout.split("\0")
        self.assertIn("CMakeLists.txt", names)
        self.assertEqual([name for name in names if BUILT.search(name)], [])

    def test_unwanted_words(self):
        found = []
        for path in files():
            if name_of(path) == THIS_FILE:
                continue
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                continue
            found += [f"{name_of(path)}:{number}: {line.strip()}"
                      for number, line in enumerate(lines, 1) if UNWANTED.search(line)]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
