"""The ABI of the shared libraries, as libabigail reads it from their debug information, and the
baseline that it is compared with.

	abi_baseline.py            compare; the exit status is 1 when something differs
	abi_baseline.py --renew    make what is there the baseline

The folder abi has a baseline for each library and machine. Every difference is shown, also a
compatible one, so that no change of the ABI goes unnoticed; an intended change renews the baseline
in the same commit."""

import pathlib
import platform
import subprocess
import sys
import tempfile

from repository import SOURCE, run

BASELINES = SOURCE / "tests/project/abi"

# The modules and the version script of each library.
LIBRARIES = {
    "scopecache": (("base", "engine", "cache"), "src/cache/scopecache.map"),
    "scopecache-lambda": (("base", "http", "lambda"), "src/lambda/scopecache-lambda.map"),
}


def baseline(library):
    return BASELINES / f"{library}.{platform.machine()}.abi"


def dump(library, source, folder):
    """Build the library of a source tree, and write its ABI to a file, which is returned."""
    folders, script = LIBRARIES[library]
    built = folder / f"lib{library}.so"
    sources = [
        path.relative_to(source)
        for name in folders
        for path in sorted((source / "src" / name).glob("*.c"))
    ]
    # The types in the debug information do not depend on the optimisation.
    run(
        "gcc",
        "-std=c17",
        "-g",
        "-O0",
        "-shared",
        "-fPIC",
        "-fvisibility=hidden",
        "-pthread",
        "-fexceptions",
        "-D_POSIX_C_SOURCE=200809L",
        "-D_DEFAULT_SOURCE",
        "-Iinclude",
        "-Isrc",
        f"-fdebug-prefix-map={source}=.",
        *sources,
        f"-Wl,--version-script={script}",
        f"-Wl,-soname,lib{library}.so",
        "-o",
        built,
        cwd=source,
    )
    dumped = folder / f"{library}.abi"
    run(
        "abidw",
        "--headers-dir",
        source / "include/scopecache",
        "--drop-private-types",
        "--exported-interfaces-only",
        "--no-corpus-path",
        "--no-comp-dir-path",
        "--no-show-locs",
        "--no-elf-needed",
        "--type-id-style",
        "hash",
        "--out-file",
        dumped,
        built,
    )
    return dumped


def differences(old, new):
    """abidiff's report of two ABIs; empty when they are equal."""
    # Bits of its status: 4, the ABI has changed; 8, in a way that older programs notice.
    done = subprocess.run(
        ["abidiff", "--no-show-locs", "--harmless", old, new],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 4, 12), f"{done.returncode} from abidiff:\n{done.stdout}"
    return done.stdout if done.returncode else ""


def main(arguments):
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for library in LIBRARIES:
            dumped = dump(library, SOURCE, pathlib.Path(folder))
            if arguments == ["--renew"]:
                BASELINES.mkdir(exist_ok=True)
                baseline(library).write_bytes(dumped.read_bytes())
                print(f"renewed {baseline(library).relative_to(SOURCE)}")
            elif not baseline(library).exists():
                print(
                    f"{library}: there is no baseline for {platform.machine()}; ./dev abi --renew"
                    " makes one"
                )
                worst = 1
            else:
                changes = differences(baseline(library), dumped)
                print(
                    f"{library}:"
                    f" {'as its baseline says' if not changes else 'differs from its baseline'}\n"
                    + changes,
                    end="",
                )
                worst = worst or int(bool(changes))
    return worst


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--renew"]):
        sys.exit("usage: abi_baseline.py [--renew]")
    sys.exit(main(sys.argv[1:]))
