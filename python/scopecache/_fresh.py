"""Freshness: what the core needs of it in Python, and the refreshes.

The queue is one for the process, at most 256 loads, one for each key; the core fills it.
"""

from time import monotonic

from . import CacheInfo, _all_caches
from ._invocation import deadline

queue = []

# How many refreshes of coroutine functions run at the same time.
_AT_ONCE = 8

# For the calls of an event loop in maintain(); a handler has a loop of its own.
run_coroutine = None


class FreshCacheInfo(CacheInfo):
    """The statistics of a cache with options of freshness: those of all caches, and of calls of it

    stale           that got a stale value
    known_absences  that knew from an earlier one that there is no value
    known_failures  that failed because an earlier one had

    and of calls of the function

    refreshes       that no caller waited for
    load_absences   that found no value
    load_failures   that failed
    """

    __module__ = "scopecache"
    _MORE = (
        "stale",
        "refreshes",
        "load_absences",
        "load_failures",
        "known_absences",
        "known_failures",
    )

    def __new__(cls, hits, misses, maxsize, currsize, *more):
        self = super().__new__(cls, hits, misses, maxsize, currsize)
        self.__dict__.update(zip(cls._MORE, more, strict=True))
        return self

    def __reduce__(self):
        return type(self), (*self, *self.__dict__.values())

    def __repr__(self):
        fields = {**self._asdict(), **self.__dict__}
        return f"FreshCacheInfo({', '.join(f'{name}={fields[name]!r}' for name in fields)})"


def failed(memo, error, outcome):
    """Tell of a failed call; returns a copy of its exception, to be raised again, and the seconds
    that the exception asks to wait, if it has an attribute retry_after."""
    if outcome in _MESSAGES:
        import logging

        name = getattr(memo, "__qualname__", "a cached function")
        message = _MESSAGES[outcome]
        # No text of the exception: it may have keys and values in it.
        logging.getLogger("scopecache").warning(message, name, type(error).__qualname__)
    asked = getattr(error, "retry_after", 0)
    return _copy(error), asked if type(asked) in (int, float) and asked > 0 else 0.0


_MESSAGES = {
    "stale": "%s: a call failed with %s; its callers get the stale value",
    "refresh": "%s: a refresh failed with %s; the value stays",
}


def again(error, left):
    """What to raise for an exception of an earlier call; the next call is made after `left`."""
    twin = _copy(error)
    if twin is error:
        twin.__traceback__ = None
    notes = list(getattr(error, "__notes__", ()))
    notes.append(f"scopecache: known from an earlier call; the next one is made in {left:.3g} s")
    twin.__notes__ = notes
    return twin


def _copy(error):
    """A copy without traceback, which would keep the frames of the call; or the exception itself,
    if its class does not allow that."""
    from copy import copy

    try:
        twin = copy(error)
    except Exception:
        return error
    return twin if type(twin) is type(error) else error


def maintain(budget=0.5):
    """Do what is due in all caches, for so many seconds: first the refreshes, in their order; then
    expired entries are removed. A refresh that usually takes longer than what is left does not
    begin. Those of coroutine functions need an event loop: inside of a running one use
    maintain_async().

    Returns whether something is left to do.
    """
    until = monotonic() + _seconds(budget)
    run_refreshes(until)
    return expect_less() or _sweep(until)


async def maintain_async(budget=0.5):
    """The same inside of an event loop; refreshes of other functions block it."""
    until = monotonic() + _seconds(budget)
    with deadline(until - monotonic()):
        while (load := _take(until, is_async=False)) is not None:
            _refresh(load)
        await _refresh_all(until)
    return expect_less() or _sweep(until)


def run_refreshes(until):
    """Run those that fit into the time until then, by time.monotonic()."""
    with deadline(until - monotonic()):
        while (load := _take(until, is_async=False)) is not None:
            _refresh(load)
        if any(load.is_async for load in queue) and not _is_in_loop():
            (run_coroutine or _run)(_refresh_all(until))


def _seconds(budget):
    from ._options import BUDGET, seconds

    return seconds(budget, BUDGET)


def _is_in_loop():
    from ._tasks import _running_loop

    return _running_loop() is not None


def _run(coroutine):
    import asyncio

    asyncio.run(coroutine)


def _take(until, is_async):
    """Take the first refresh out of the queue that fits into the time that is left."""
    left = until - monotonic()
    for load in queue[:]:
        if load.is_async == is_async and load.memo._usual_refresh_s < left:
            try:
                queue.remove(load)
            except ValueError:  # another thread has taken it
                continue
            return load
    return None


def _refresh(load):
    if not load.begin_refresh():
        return
    began = monotonic()
    try:
        load.end_refresh(load.call())
    except Exception as error:
        load.fail_refresh(error)
    except BaseException as error:
        load.fail_refresh(error)
        raise
    finally:
        _learn(load.memo, monotonic() - began)


async def _refresh_async(load):
    if not load.begin_refresh():
        return
    began = monotonic()
    try:
        load.end_refresh(await load.call())
    except Exception as error:
        load.fail_refresh(error)
    except BaseException as error:
        load.fail_refresh(error)
        raise
    finally:
        _learn(load.memo, monotonic() - began)


async def _refresh_all(until):
    import asyncio

    async def work():
        while (load := _take(until, is_async=True)) is not None:
            await _refresh_async(load)

    await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(queue)))))


def _learn(memo, took):
    """The time within which about nineteen of twenty refreshes end: it follows a longer one at
    once, and shorter ones slowly."""
    usual = memo._usual_refresh_s
    memo._usual_refresh_s = (took + usual) / 2 if took > usual else usual - (usual - took) / 38


def expect_less():
    """After a run that left refreshes, expect the first of them to take a little less: a source
    that was slow once is tried again. Returns whether it left some."""
    if not queue:
        return False
    memo = queue[0].memo
    memo._usual_refresh_s -= memo._usual_refresh_s / 16
    return True


def _sweep(until):
    for memo in _all_caches():
        if monotonic() >= until:
            return True
        memo._sweep()
    return False
