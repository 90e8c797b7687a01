"""The edges of an invocation: what happens before a Lambda handler, and after its response.

Amazon's client has no hook between two invocations. Its loop asks for the next one by a method of
its class, so what is due is done in that, if the method is as we know it; else at the start of the
next invocation.
"""

import sys
import threading
from functools import update_wrapper
from time import monotonic, monotonic_ns

from . import _all_caches, _options
from ._core import invocation, update_clock

_CLIENT = "awslambdaric.lambda_runtime_client"
_MEGABYTE = 1 << 20

# What an invocation has left to do, by thread: managed instances call handlers in several.
_local = threading.local()


class _Invocation:
    """One invocation of a decorated handler, until what it left to do is done."""

    def __init__(self, name, context, options):
        self.name, self.options = name, options
        self.begin_ns = monotonic_ns()
        self.memory_mb = _number(getattr(context, "memory_limit_in_mb", None))
        left_ms = _remaining_ms(context)
        self.deadline_ns = None if left_ms is None else self.begin_ns + int(left_ms * 1_000_000)
        self.end_ns = None

    def left_s(self):
        if self.deadline_ns is None:
            return _options.FOREVER_S
        return (self.deadline_ns - monotonic_ns()) / 1_000_000_000


def handler(function=None, *, budget=0.5, figures=None):
    """Tell the caches of the invocations of a Lambda handler; the handler may be `async def`.

    budget   how long what is due may take after a response: refreshes, see maintain(). 0: none
    figures  a function that gets the figures of each invocation after its response, as a dict;
             None: they are written by the logger "scopecache" at the level DEBUG
    """
    budget_s = _options.seconds(budget, _options.BUDGET)
    if not budget_s >= 0:
        raise ValueError(f"{_options.BUDGET}, not {budget!r}")
    if figures is not None and not callable(figures):
        raise TypeError(f"figures must be None or a function of a dict, not {figures!r}")

    def decorate(function):
        if not callable(function):
            raise TypeError(f"handler takes a function, not {function!r}")
        is_async = _options.is_coroutine_function(function)
        name = getattr(function, "__qualname__", type(function).__qualname__)

        def handle(event, context):
            # What could not be done after the response before this one.
            do_what_is_due()
            watch_client()
            update_clock()
            current = _Invocation(name, context, (budget_s, figures))
            token = invocation.set((current.deadline_ns,))
            try:
                result = function(event, context)
                return run_in_loop(result) if is_async else result
            finally:
                invocation.reset(token)
                current.end_ns = monotonic_ns()
                _local.ended = current

        return update_wrapper(handle, function)

    return decorate if function is None else decorate(function)


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _remaining_ms(context):
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return _number(remaining()) if callable(remaining) else None


# ---- The event loop of asynchronous handlers ----


def run_in_loop(coroutine):
    """Run a coroutine in this thread's loop, which stays between invocations."""
    from asyncio import Runner
    from contextvars import copy_context

    from . import _fresh

    if not hasattr(_local, "runner"):
        import atexit

        _local.runner = Runner()
        atexit.register(_local.runner.close)
        _fresh.run_coroutine = run_in_loop
    # In the context of now, in which the deadline is.
    return _local.runner.run(coroutine, context=copy_context())


# ---- After the response ----


def watch_client():
    """Wrap the method by which Amazon's client waits for the next invocation, once. Returns whether
    it is wrapped; one that is not as we know it stays as it is."""
    client = getattr(sys.modules.get(_CLIENT), "LambdaRuntimeClient", None)
    if not isinstance(client, type):
        return False
    # Its subclass for several invocations at a time inherits the method from the same class.
    owner = next((one for one in client.__mro__ if "wait_next_invocation" in vars(one)), None)
    wait = owner and vars(owner)["wait_next_invocation"]
    if getattr(wait, "scopecache", False):
        return True
    code = getattr(wait, "__code__", None)
    # A function of self alone, without * and **, and not a coroutine function or a generator.
    if code is None or code.co_argcount != 1 or code.co_kwonlyargcount or code.co_flags & 0x2AC:
        return False

    def wait_next_invocation(self):
        do_what_is_due()
        return wait(self)

    update_wrapper(wait_next_invocation, wait)
    wait_next_invocation.scopecache = True
    owner.wait_next_invocation = wait_next_invocation
    return True


def do_what_is_due():
    """What the invocation before has left to do, if anything: never an exception."""
    ended = getattr(_local, "ended", None)
    if ended is None:
        return
    _local.ended = None
    budget_s, figures = ended.options
    try:
        _refresh(min(budget_s, ended.left_s()))
        _report(ended, figures)
    except Exception as error:
        import logging

        logging.getLogger("scopecache").warning(
            "%s: after the response: %s", ended.name, type(error).__qualname__
        )


def _refresh(seconds):
    # Without options of freshness there is nothing to refresh, and no module for it.
    fresh = sys.modules.get("scopecache._fresh")
    if fresh is not None and fresh.queue and seconds > 0:
        fresh.run_refreshes(monotonic() + seconds)
        fresh.expect_less()


# ---- Figures ----

_before = {}
_is_first = True


def _report(ended, figures):
    global _is_first
    is_first, _is_first = _is_first, False
    if figures is None:
        # A program that has not imported it has set no level.
        logging = sys.modules.get("logging")
        if logging is None or not logging.getLogger("scopecache").isEnabledFor(logging.DEBUG):
            return
    from resource import RUSAGE_SELF, getrusage

    report = {
        "handler": ended.name,
        "is_first": is_first,
        "duration_ms": round((ended.end_ns - ended.begin_ns) / 1e6, 3),
        "after_ms": round((monotonic_ns() - ended.end_ns) / 1e6, 3),
        "memory_mb": ended.memory_mb,
        "most_memory_used_mb": round(getrusage(RUSAGE_SELF).ru_maxrss * 1024 / _MEGABYTE, 1),
        "caches": _cache_figures(),
    }
    if figures is not None:
        figures(report)
        return
    import json

    logging.getLogger("scopecache").debug("%s", json.dumps(report))


def _cache_figures():
    """What each cache did since the last figures, if anything."""
    rows, seen = [], {}
    for memo in _all_caches():
        info = memo.cache_info()
        counts = {"hits": info.hits, "misses": info.misses, **getattr(info, "__dict__", {})}
        seen[id(memo)] = counts
        last = _before.get(id(memo), {})
        # A cache that was cleared counts anew.
        is_new = any(counts[name] < last.get(name, 0) for name in counts)
        done = {name: counts[name] - (0 if is_new else last.get(name, 0)) for name in counts}
        if any(done.values()):
            name = getattr(memo, "__qualname__", "cache")
            rows.append({"name": name, "entries": info.currsize, **done})
    _before.clear()
    _before.update(seen)
    return rows
