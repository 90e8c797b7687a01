"""The caches of Python as subjects: docs/benchmarks.md has the protocol of a driver.

Keys and values are bytes, and a get hands out a reference. functools.lru_cache has no put: a
missing value comes from the decorated function, so its put is a call."""

import array
import contextlib
import ctypes
import functools
import gc
import importlib.metadata
import platform
import sys
import threading
import time

PUT = 1 << 31
KEY_BYTES = 16
PADDING = bytes(60)
# What glibc has, and other C libraries do not.
malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def value_of(index):
    return index.to_bytes(4, "little") + PADDING


class Functools:
    """`fetch` is the memoised function; the driver sets the value that it returns next."""

    def __init__(self, entries, size):
        self.next = None
        self.call = functools.lru_cache(maxsize=entries or size // 80)(lambda key: self.next)
        self.get = self.call

    def put(self, key, value):
        self.next = value
        self.call(key)


class Cachetools:
    """cachetools does not lock; a user with threads must."""

    def __init__(self, entries, size):
        import cachetools
        self.cache = (
            cachetools.LRUCache(size, getsizeof=len) if size else cachetools.LRUCache(entries)
        )
        self.lock = threading.Lock()

    def get(self, key):
        with self.lock:
            return self.cache.get(key)

    def put(self, key, value):
        with self.lock:
            self.cache[key] = value


class Cachebox:
    def __init__(self, entries, size):
        import cachebox
        self.cache = (cachebox.LRUCache(size, getsizeof=lambda key, value: len(value)) if size
                      else cachebox.LRUCache(entries))
        self.get = self.cache.get
        self.put = self.cache.insert


SUBJECTS = {"functools": Functools, "cachetools": Cachetools, "cachebox": Cachebox}


def about(name):
    version = "" if name == "functools" else importlib.metadata.version(name) + ", "
    return f"{name} {version}Python {platform.python_version()}"


class Start:
    """A barrier for threads that begin together. A sleeping thread would wake up much later than
    the others, so all spin until the last has arrived, and yield the interpreter lock to each
    other."""

    def __init__(self, threads):
        self.threads, self.awake = threads, []
        self.barrier = threading.Barrier(threads)

    def together(self):
        self.barrier.wait()
        self.awake.append(True)
        while len(self.awake) < self.threads:
            time.sleep(0)


class Worker(threading.Thread):
    def __init__(self, cache, steps, passes, start):
        super().__init__()
        self.cache, self.steps, self.passes, self.begin = cache, steps, passes, start
        self.began = self.ended = self.hits = 0

    def run(self):
        get, put, hits = self.cache.get, self.cache.put, 0
        self.begin.together()
        self.began = time.perf_counter_ns()
        for _ in range(self.passes):
            for key, value in self.steps:
                if value is not None:
                    put(key, value)
                elif get(key) is not None:
                    hits += 1
        self.ended = time.perf_counter_ns()
        self.hits = hits


class Driver:
    def __init__(self, subject):
        self.subject = subject
        self.cache = None
        self.key, self.steps = [], []

    def keys(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.key = [data[i:i + KEY_BYTES] for i in range(0, len(data), KEY_BYTES)]
        return len(self.key)

    def orders(self, path):
        """Keys and values are prepared before the clock starts."""
        data = array.array("I")
        with open(path, "rb") as file:
            data.frombytes(file.read())
        if sys.byteorder == "big":
            data.byteswap()
        self.steps = [(self.key[order & ~PUT], value_of(order & ~PUT) if order & PUT else None)
                      for order in data]
        return len(self.steps)

    def open(self, entries, size, _threads):
        self.cache = None
        self.settle()
        before = time.perf_counter_ns()
        self.cache = self.subject(int(entries), int(size))
        return time.perf_counter_ns() - before

    def fill(self):
        """Each entry has its own key and value, which count as its memory."""
        for index, key in enumerate(self.key):
            self.cache.put(bytes(bytearray(key)), value_of(index))
        return sum(self.cache.get(key) == value_of(index) for index, key in enumerate(self.key))

    def run(self, threads, count, passes):
        threads, count = int(threads), int(count)
        if count > len(self.steps):
            raise ValueError(f"there are {len(self.steps)} orders")
        start = Start(threads)
        workers = [
            Worker(
                self.cache,
                self.steps[count * i // threads : count * (i + 1) // threads],
                int(passes),
                start,
            )
            for i in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ns = max(worker.ended for worker in workers) - min(worker.began for worker in workers)
        return f"{ns} {sum(worker.hits for worker in workers)}"

    def settle(self):
        gc.collect()
        if malloc_trim:
            malloc_trim(0)
        return ""

    def obey(self, line):
        command, *arguments = line.split()
        if command not in ("keys", "orders", "open", "fill", "run", "settle"):
            raise ValueError(f"unknown command {command}")
        return getattr(self, command)(*arguments)


def main():
    name = sys.argv[1]
    driver = Driver(SUBJECTS[name])
    print("ready", about(name), flush=True)
    for line in sys.stdin:
        try:
            print("ok", driver.obey(line), flush=True)
        except (
            ArithmeticError,
            AttributeError,
            ImportError,
            OSError,
            TypeError,
            ValueError,
        ) as error:
            print("error", error, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
