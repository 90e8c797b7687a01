"""The subjects, and how each is prepared: its driver is built, or the reason for its absence is
known.

Each ecosystem has a driver under peers/. Its folder is copied under the build directory and built
there, with its own package manager; nothing else is installed. A missing toolchain is a reason."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MEBIBYTE = 1 << 20

TO_GET = {
    "cargo": "rustup or Debian's cargo",
    "go": "a Go of 1.24 or later",
    "mvn": "Debian's maven",
    "javac": "Debian's default-jdk-headless",
    "memcached": "Debian's memcached",
    "redis-server": "Debian's redis-server",
}


class Absent(Exception):
    """A subject is absent; the text says why."""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Absent(f"there is no {program} on PATH ({TO_GET[program]} has it)")


def build(folder, log, *command):
    with open(log, "ab") as output:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "GOTOOLCHAIN": "local"},
            check=False,
        )
    if done.returncode != 0:
        raise Absent(f"{pathlib.Path(command[0]).name} {command[1]} failed; see {log}")


def copied(name, build_dir):
    """The folder to build an ecosystem's driver in, and the log of the build."""
    folder = build_dir / "peers" / name
    shutil.copytree(HERE / "peers" / name, folder, dirs_exist_ok=True)
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    return folder, log


def c_driver(build_dir):
    program = build_dir / "cache_driver"
    if not program.exists():
        raise Absent(f"{program} is not built")
    return [str(program)]


def rust_driver(build_dir):
    need("cargo")
    folder, log = copied("rust", build_dir)
    build(folder, log, "cargo", "build", "--release")
    return [str(folder / "target/release/peer_driver")]


def go_driver(build_dir):
    need("go")
    folder, log = copied("go", build_dir)
    build(folder, log, "go", "build", "-o", "peer_driver", ".")
    return [str(folder / "peer_driver")]


def java_classes(folder, log):
    need("mvn", "javac")
    build(folder, log, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
    build(folder, log, "javac", "-cp", "lib/*", "-d", "classes", "PeerDriver.java", "HitRatio.java")


def java_driver(build_dir):
    folder, log = copied("java", build_dir)
    java_classes(folder, log)
    return ["java", "-cp", f"{folder}/classes:{folder}/lib/*", "PeerDriver"]


def python_driver(build_dir):
    folder, log = copied("python", build_dir)
    python = folder / "venv/bin/python"
    stamp = folder / "installed.txt"
    wanted = (folder / "requirements.txt").read_text("ascii")
    if not stamp.exists() or stamp.read_text("ascii") != wanted:
        build(folder, log, sys.executable, "-m", "venv", "venv")
        build(
            folder,
            log,
            str(python),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "-r",
            "requirements.txt",
        )
        stamp.write_text(wanted, "ascii")
    return [str(python), "-B", str(folder / "python_driver.py")]


# A small nursery, and a heap that returns freed memory, so that the resident memory is the used
# memory.
JAVA_FOR_MEMORY = ["-XX:+UseSerialGC", "-Xmn4m", "-XX:MinHeapFreeRatio=1", "-XX:MaxHeapFreeRatio=2"]


def memcached(size):
    root = ["-u", "root"] if os.geteuid() == 0 else []
    return [
        "memcached",
        "-s",
        "SOCKET",
        "-m",
        str((size or 4096 * MEBIBYTE) // MEBIBYTE),
        "-t",
        "2",
        *root,
    ]


def redis(size):
    return [
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        "SOCKET",
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory",
        str(size or 4096 * MEBIBYTE),
        "--maxmemory-policy",
        "allkeys-lru",
    ]


class Subject:
    """`slowness`: the divisor of its operations in a pass, where fewer do not change the
    measurement; `evicts`: it holds at most its capacity; `cannot`: a reason for each bench, or
    number of threads or keys, that it cannot do."""

    def __init__(self, name, make, slowness=1, server=None, evicts=True, cannot=None):
        self.name, self.make, self.slowness, self.server = name, make, slowness, server
        self.evicts, self.cannot = evicts, cannot or {}
        self._command = None

    def prepare(self, made, build_dir):
        """Build the driver, once for all its subjects; raises Absent."""
        if self.server:
            need(self.server(None)[0])
        if self.make not in made:
            try:
                made[self.make] = self.make(build_dir)
            except Absent as reason:
                made[self.make] = reason
        if isinstance(made[self.make], Absent):
            raise made[self.make]
        self._command = made[self.make]

    def command(self, for_memory):
        first, *rest = self._command
        options = JAVA_FOR_MEMORY if for_memory and self.make is java_driver else []
        return [first, *options, *rest, self.name]


ROUND_TRIP = {"1000000 keys": "its time is the way to it and back, as with fewer keys"}

SUBJECTS = (
    Subject("limit", c_driver, evicts=False),
    Subject("scopecache", c_driver),
    Subject("glib", c_driver),
    Subject("moka", rust_driver),
    Subject("quick_cache", rust_driver),
    Subject("quick_cache-bytes", rust_driver),
    Subject("quick_cache-unsync", rust_driver, cannot={"2 threads": "it is not made for threads"}),
    Subject("caffeine", java_driver),
    Subject("otter", go_driver),
    Subject("ristretto", go_driver),
    Subject("functools", python_driver, slowness=5, cannot={"mix": "it has no put"}),
    Subject("cachetools", python_driver, slowness=5),
    Subject("cachebox", python_driver, slowness=5),
    Subject("memcached", c_driver, slowness=50, server=memcached, cannot=ROUND_TRIP),
    Subject("redis", c_driver, slowness=50, server=redis, cannot=ROUND_TRIP),
)
