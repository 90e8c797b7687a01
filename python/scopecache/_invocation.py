"""The deadline of the invocation that code runs in, which tasks inherit."""

from time import monotonic_ns

from . import _options
from ._core import invocation


class deadline:
    """A context manager: the code in it has so long to run.

    Nothing is interrupted at its end, but a wait for the call of another thread or task ends with
    TimeoutError. An earlier deadline that holds already stays.
    """

    __slots__ = ("_ns", "_tokens")

    def __init__(self, time):
        seconds = _options.seconds(time, _options.DEADLINE)
        self._ns = monotonic_ns() + int(max(0, min(seconds, _options.FOREVER_S)) * 1_000_000_000)
        self._tokens = []

    def __enter__(self):
        outer = deadline_ns()
        ns = self._ns if outer is None else min(outer, self._ns)
        self._tokens.append(invocation.set((ns,)))
        return self

    def __exit__(self, *error):
        invocation.reset(self._tokens.pop())


def deadline_ns():
    """The deadline by time.monotonic_ns(), or None."""
    value = invocation.get()
    return value and value[0]


def remaining():
    """The seconds until the deadline, negative when it has passed; None when there is none."""
    ns = deadline_ns()
    return None if ns is None else (ns - monotonic_ns()) / 1_000_000_000
