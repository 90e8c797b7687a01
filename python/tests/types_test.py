"""mypy --strict and pyright find the errors that every_form.py marks, and no others."""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

FORMS = pathlib.Path(__file__).with_name("every_form.py")
TOOLS = pathlib.Path(sys.executable).parent


def marked(mark):
    lines = FORMS.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(f"# (?:{mark})$", line)}


def found(*command):
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {int(number) for number in re.findall(r"every_form\.py:(\d+):.*error", output)}, output


def tool(name):
    path = shutil.which(name, path=str(TOOLS))
    if not path:
        raise unittest.SkipTest(f"{name} is not installed")
    # pyright fetches the program that runs it where none is there.
    if subprocess.run([path, "--version"], capture_output=True, check=False).returncode:
        raise unittest.SkipTest(f"{name} does not run here")
    return path


class TypesTest(unittest.TestCase):
    maxDiff = None

    def test_mypy(self):
        lines, output = found(tool("mypy"), "--strict", "--cache-dir=/dev/null", str(FORMS))
        self.assertEqual(lines, marked("error"), output)

    def test_pyright(self):
        lines, output = found(tool("pyright"), "--pythonpath", sys.executable, str(FORMS))
        self.assertEqual(lines, marked("error"), output)

    def test_the_file_runs(self):
        """Its errors are of types; without the lines that are marked it also runs."""
        lines = FORMS.read_text(encoding="utf-8").splitlines()
        code = "\n".join("" if line.endswith("# error") else line for line in lines)
        exec(compile(code, str(FORMS), "exec"), {"__name__": "every_form"})


if __name__ == "__main__":
    unittest.main()
