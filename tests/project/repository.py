"""Helpers of the project's tests: running a command, finding files, and the functions that public
headers declare."""

import os
import pathlib
import re
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SC_BUILD_DIR", SOURCE / "build/asan"))
INCLUDE = SOURCE / "include"
HEADERS = sorted((INCLUDE / "scopecache").glob("*.h"))

# The installed libraries, and the headers that declare what each of them exports.
LIBRARIES = {
    "scopecache": (
        "cache.h",
        "eviction.h",
        "key.h",
        "load.h",
        "scope.h",
        "stats.h",
        "memo.h",
        "resource.h",
        "process.h",
        "version.h",
    ),
    "scopecache-lambda": ("lambda.h",),
}


WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
C_FLAGS = ("-std=c17", *WARNINGS)
CXX_FLAGS = ("-std=c++17", *WARNINGS)


def run(*command, status=0, **options):
    """Run a command that must exit with this status. Returns what it wrote to both streams."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options
    )
    assert done.returncode == status, f"{done.returncode} from {command}:\n{done.stdout}"
    return done.stdout


def files(*suffixes):
    """The paths of all files of the repository with these suffixes, without build folders."""
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = sorted(
            name for name in folders if name not in (".git", "build", "__pycache__")
        )
        # Where several trees share one repository, .git is a file.
        for name in sorted(set(names) - {".git"}):
            path = pathlib.Path(folder, name)
            if not suffixes or path.suffix in suffixes:
                yield path


def name_of(path):
    return str(path.relative_to(SOURCE))


def exported_functions(header):
    """Name and line of each function that a public header declares and does not define, as gcc sees
    it."""
    # Write to a file, because a failing gcc removes its output, even /dev/stdout.
    with tempfile.NamedTemporaryFile("r", suffix=".X") as declarations:
        subprocess.run(
            [
                "gcc",
                "-std=c17",
                f"-I{INCLUDE}",
                "-fsyntax-only",
                "-aux-info",
                declarations.name,
                "-x",
                "c",
                header,
            ],
            check=True,
        )
        text = declarations.read()
    pattern = rf"^/\* {re.escape(str(header))}:(\d+):N[CO] \*/ extern .*?\b(sc_\w+) \("
    return {name: int(line) for line, name in re.findall(pattern, text, re.MULTILINE)}
