"""Run the tests of the Python package in every build of it, and write the results down as JUnit.

    run_all.py [--core] FOLDER RESULTS.xml

FOLDER is where pip has installed the package in a virtual environment, venv, and where the other
builds go: one with AddressSanitizer and UndefinedBehaviorSanitizer, and one for the debug
interpreter, which counts references. --core runs the tests of the installed package alone, without
those of the types, which take longer."""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent
TESTS = (
    "caches", "mapping", "weight", "cpython", "hostile_code", "threads", "asyncio", "awaitable",
    "freshness", "freshness_model", "handler", "examples", "clock",
)
WITH_PACKAGES = ("model", "types")
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"
TIMEOUT_S = 600


class Results:
    def __init__(self):
        self.suite, self.failed = ElementTree.Element("testsuite", name="python"), False

    def add(self, name, status, output, seconds=0.0, skipped=None):
        case = ElementTree.SubElement(
            self.suite, "testcase", name=name, status=status, time=f"{seconds:.1f}"
        )
        if skipped:
            ElementTree.SubElement(case, "skipped", message=f"SKIP_{skipped}")
        # XML has no place for other control characters.
        ElementTree.SubElement(case, "system-out").text = "".join(
            letter for letter in output if letter.isprintable() or letter in "\n\t"
        )
        self.failed |= status == "fail"
        print(
            f"{status:<7} {name} ({seconds:.1f} s)" + (f": {skipped}" if skipped else ""),
            flush=True,
        )

    def run(self, name, command, environment):
        begin = time.monotonic()
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **environment},
                text=True,
                errors="replace",
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
            )
            passed, output = done.returncode == 0, done.stdout
        except subprocess.TimeoutExpired as expired:
            passed, output = False, f"{expired}\n{expired.output}"
        if not passed:
            print(output[-6000:])
        self.add(name, "run" if passed else "fail", output, time.monotonic() - begin)
        return passed


def run_tests(results, build, command, names, environment):
    for name in names:
        results.run(
            f"{build}: {name}_test",
            [
                *command,
                "-X",
                "dev",
                "-m",
                "unittest",
                "discover",
                "-v",
                "-s",
                str(HERE),
                "-p",
                f"{name}_test.py",
            ],
            environment,
        )


def build(results, folder, name, interpreter, flags, kind):
    """Build the extension for an interpreter. Returns the folder to import it from, or None."""
    where = folder / name
    configured = results.run(
        f"{name}: configure",
        [
            "cmake",
            "-S",
            str(PACKAGE),
            "-B",
            str(where / "build"),
            "-G",
            "Ninja",
            f"-DPython_EXECUTABLE={interpreter}",
            f"-DCMAKE_BUILD_TYPE={kind}",
            f"-DCMAKE_C_FLAGS={flags}",
            "-DSC_PYTHON_TEST_HOOKS=ON",
            *paths_of(interpreter),
        ],
        {},
    )
    if not configured or not results.run(
        f"{name}: build", ["ninja", "-C", str(where / "build")], {}
    ):
        return None
    shutil.rmtree(where / "import", ignore_errors=True)
    shutil.copytree(
        PACKAGE / "scopecache",
        where / "import/scopecache",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for library in (where / "build").glob("_core*.so"):
        shutil.copy(library, where / "import/scopecache")
    return where / "import"


def paths_of(interpreter):
    """CMake looks for the headers of the interpreter that is not a debug one."""
    code = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('SOABI'))"
    include, abi = subprocess.run(
        [interpreter, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    # By -isystem gcc would follow Debian's links to the headers of the other interpreter.
    return [
        f"-DPython_INCLUDE_DIR={include}",
        f"-DPython_SOABI={abi}",
        "-DCMAKE_NO_SYSTEM_FROM_IMPORTED=ON",
    ]


def runtime_library(name):
    return subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    ).stdout.strip()


def run_sanitized(results, folder, python):
    where = build(results, folder, "sanitized", "/usr/bin/python3", SANITIZE, "Debug")
    if where:
        # The interpreter's own leaks are reported at its end; its allocator hides
        # what is used after it was freed.
        environment = {
            "LD_PRELOAD": f"{runtime_library('libasan.so')} {runtime_library('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
            "PYTHONMALLOC": "malloc",
            "PYTHONPATH": str(where),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        }
        # A sanitizer's shadow memory does not fit all the randomness that newer
        # kernels give to addresses.
        names = (*TESTS, "model")
        run_tests(results, "sanitized", ["setarch", "-R", python], names, environment)


def run_debug(results, folder):
    interpreter = shutil.which("python3-dbg")
    if not interpreter:
        results.add("debug interpreter", "skipped", "", skipped="python3-dbg is not installed")
        return
    where = build(results, folder, "debug", interpreter, "-O1", "Debug")
    if where:
        run_tests(results, "debug", [interpreter], TESTS, {"PYTHONPATH": str(where)})


def run_isolated(results, folder, python):
    """`pip install ./python` as its README says, where pip fetches what builds the package."""
    where = folder / "isolated"
    shutil.rmtree(where, ignore_errors=True)
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    code = "import scopecache; assert scopecache.cached(abs)(-1) == 1; print(scopecache.__file__)"
    if results.run("pip install", [*pip, "--target", str(where), str(PACKAGE)], {}):
        results.run("pip install: import", [python, "-c", code], {"PYTHONPATH": str(where)})


def main():
    core = "--core" in sys.argv
    folder, target = (pathlib.Path(argument).resolve() for argument in sys.argv[-2:])
    python = str(folder / "venv/bin/python")
    results = Results()
    run_tests(results, "python", [python], TESTS, {})
    if not core:
        run_tests(
            results,
            "python",
            [python],
            WITH_PACKAGES,
            {"HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")},
        )
        run_isolated(results, folder, python)
        run_sanitized(results, folder, python)
        run_debug(results, folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(results.suite).write(target, encoding="unicode")
    return results.failed


if __name__ == "__main__":
    sys.exit(main())
