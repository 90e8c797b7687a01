"""Loads of cached coroutine functions: one at a time for each key, whichever loops ask for it.

A load runs in the task of its first caller, which calls the function; later callers wait for a
future of their own loop. When the first caller is cancelled, the load passes to the waiter that
came next, which calls the function again. A load of a loop that no longer runs is taken over.

Everything here may be interrupted by other threads, which have loops of their own: a waiter enters
itself and then looks whether the load has ended; the end is set and then the waiters are woken. A
waiter leaves and learns in one step whether the load has passed to it, and the choice of the next
one is a step, too; both are in C.
"""

import sys
from contextvars import ContextVar

from ._invocation import remaining

# How long a waiter trusts that the loop of another thread runs.
_TRUST_S = 0.1

# The innermost load that the code of this context is a part of; load.outer is the one around it.
_inside = ContextVar("scopecache.inside", default=None)


async def load(mine):
    """The value for a call that found none."""
    try:
        loop = _running_loop()
        shares = loop is not None and mine.coalesces
        while True:
            found = mine.enter(shares)
            if type(found) is tuple:
                return found[0]
            if found is None or _needs(found, _inside.get()):
                return await _alone(mine)
            if found is mine:
                return await _lead(mine, mine, loop)
            if not _runs(found.loop):
                found.detach()
                _end(found)
            elif await _wait(found, loop):
                mine.leads = True
                return await _lead(found, mine, loop)
            elif found.value is not None:
                return mine.give(found.value[0])
            elif found.error is not None:
                raise found.error
    finally:
        if mine.leads and not found.ended:
            # Without memory, _lead() may not have come to its own end.
            found.drop()
            _end(found)
        # The frames of an exception must not hold the load, which holds the exception.
        mine = found = None


def _running_loop():
    # A program that has not imported it runs no loop of it.
    events = sys.modules.get("asyncio.events")
    return events and events._get_running_loop()


def _runs(loop):
    # There is none between enter() and _lead(), in another thread.
    return loop is None or (loop.is_running() and not loop.is_closed())


async def _alone(mine):
    try:
        value = await mine.call()
    except Exception as error:
        return mine.give(mine.fail(error))
    return mine.give(mine.keep(value))


async def _lead(load, mine, loop):
    load.loop = loop
    load.outer = outer = _inside.get()
    inside = _inside.set(load)
    if outer is not None:
        outer.needs.append(load)
    try:
        try:
            value = await load.call()
        except Exception as error:
            # Raises it, unless there is a stale value to return.
            value = load.fail(error)
        else:
            value = load.keep(value)
        load.value = (value,)
        _end(load)
        return mine.give(value)
    except Exception as error:
        if not load.ended:
            load.drop()
            load.error = error if load.waiters else None
            _end(load)
        raise
    except BaseException:
        # Cancelled; or the coroutine is closed, or the process is about to end.
        if not load.ended:
            _pass_on(load, loop)
        mine.leads = False
        raise
    finally:
        load.outer = None
        if outer is not None:
            outer.needs.remove(load)
        try:
            _inside.reset(inside)
        except ValueError:
            # The coroutine was closed in another context.
            pass
        load = mine = inside = outer = None


async def _wait(load, loop):
    """Wait until something has happened. Returns True when the load has passed to this waiter."""
    mine = _inside.get()
    left = remaining()
    if left is not None and left <= 0:
        raise TimeoutError("the deadline passed during the wait for another task's call")
    if load.loop is not loop:
        left = _TRUST_S if left is None else min(left, _TRUST_S)
    future = loop.create_future()
    timer = None if left is None else loop.call_later(left, _set, future)
    if mine is not None:
        mine.needs.append(load)
    load.waiters.append((loop, future))
    try:
        # Only now does each of two that wait for each other see the other one.
        if not load.ended and not _needs(load, mine):
            await future
    except BaseException:
        if load.leave(future):
            _pass_on(load, loop)
        raise
    finally:
        if timer is not None:
            timer.cancel()
        if mine is not None:
            mine.needs.remove(load)
    return load.leave(future)


def _needs(load, inside):
    """Whether the load waits for one that the code of this context is a part of."""
    mine = []
    while inside is not None:
        mine.append(inside)
        inside = inside.outer
    reached = [load] if mine else []
    for one in reached:
        if one in mine:
            return True
        reached += [other for other in one.needs or () if other not in reached]
    return False


def _end(load):
    load.ended = True
    for loop, future in load.waiters[:]:
        _wake(loop, future)


def _pass_on(load, loop):
    """Let a waiter load, of this loop if there is one, or drop the load."""
    while (waiter := load.next_waiter(loop)) is not None:
        # In this order: once it is awake, it may end the load and its loop.
        if _runs(waiter[0]) and _wake(*waiter):
            return
        load.leave(waiter[1])
        _wake(*waiter)
    load.drop()
    _end(load)


def _set(future):
    if not future.done():
        future.set_result(None)


def _wake(loop, future):
    """Returns whether the future's loop can do so."""
    try:
        if _running_loop() is loop:
            _set(future)
        else:
            loop.call_soon_threadsafe(_set, future)
    except RuntimeError:  # it is closed
        return False
    return True
