"""The operations that every subject executes, written into files that all drivers read.

keys-N      N keys of 16 characters: the hexadecimal digits of N random numbers of 64 bits.
ORDER-N     operations of 4 bytes, little-endian: the index of a key, plus 0x80000000 for a put.
            `hit` gets keys by a Zipf distribution with skew 0.99; `mix` is that, and each tenth
            operation puts; `insert` puts each key once.

Ranks are shuffled, so popularity is independent of the order of the first puts. Each file has a
fixed seed for Python's random.Random, so all runs use the same operations."""

import array
import bisect
import itertools
import random
import sys

PUT = 1 << 31
SKEW = 0.99
KEY_BYTES = 16


def keys(count):
    source = random.Random(1)
    return "".join(f"{source.getrandbits(64):016x}" for _ in range(count)).encode("ascii")


def zipf(count, operations):
    source = random.Random(2)
    index_of = list(range(count))
    source.shuffle(index_of)
    cumulative = list(itertools.accumulate((rank + 1) ** -SKEW for rank in range(count)))
    for _ in range(operations):
        draw = source.random() * cumulative[-1]
        yield index_of[min(bisect.bisect(cumulative, draw), count - 1)]


def orders(kind, count, operations):
    if kind == "insert":
        return range(PUT, PUT + count)
    if kind == "mix":
        return (
            PUT | index if i % 10 == 9 else index for i, index in enumerate(zipf(count, operations))
        )
    return zipf(count, operations)


def packed(numbers):
    words = array.array("I", numbers)
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


class Orders:
    """The paths of the files in a folder; a missing file is written."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, name, make):
        path = self.folder / name
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(make())
            part.rename(path)
        return path

    def keys(self, count):
        return self._file(f"keys-{count}", lambda: keys(count))

    def orders(self, kind, count, operations):
        name = f"{kind}-{count}" + ("" if kind == "insert" else f"-{operations}")
        return self._file(name, lambda: packed(orders(kind, count, operations)))
