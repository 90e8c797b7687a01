"""Bounded in-process caches for state that outlives a call."""

from functools import _CacheInfo as CacheInfo
from functools import update_wrapper as _update_wrapper
from os import environ as _environ
from _weakref import ref as _ref

from ._core import Memo as _Memo

__all__ = [
    "Cache",
    "CacheInfo",
    "FreshCacheInfo",
    "cached",
    "clear_all",
    "deadline",
    "handler",
    "lru_cache",
    "maintain",
    "maintain_async",
    "remaining",
    "resource",
    "stats",
]

# References to all caches, which other threads may add to at any time.
_caches = set()
_NOTHING = object()
_LATER = {
    "Cache": "_objects",
    "resource": "_objects",
    "FreshCacheInfo": "_fresh",
    "deadline": "_invocation",
    "handler": "_handler",
    "maintain": "_fresh",
    "maintain_async": "_fresh",
    "remaining": "_invocation",
}


def _memo(
    function,
    *,
    maxsize,
    max_bytes=None,
    ttl=None,
    key=None,
    copy=None,
    typed=False,
    coalesce=False,
    knows_self=False,
    exact=False,
    load_async=None,
    freshness=None,
    jitter=0,
):
    # Imported on first use: the import of this package is part of a cold start.
    from . import _options

    info_type = CacheInfo
    if freshness is not None:
        from ._fresh import FreshCacheInfo as info_type
    ttl_ns, ttl_of = _options.ttl_parts(ttl)
    memo = _Memo(
        function,
        info_type,
        _options.entry_count(maxsize),
        _options.byte_count(max_bytes),
        ttl_ns,
        ttl_of,
        _options.key_function(key),
        _options.copier(copy),
        load_async,
        freshness,
        jitter,
        _options.flag("typed", typed),
        _options.flag("coalesce", coalesce),
        knows_self,
        exact,
    )
    _caches.add(_ref(memo, _caches.discard))
    return memo


def lru_cache(maxsize=128, typed=False):
    """functools.lru_cache: exact order of use, no coalescing, the same attributes and errors."""
    function = None
    if isinstance(maxsize, int):
        maxsize = max(maxsize, 0)
    elif callable(maxsize) and isinstance(typed, bool):
        function, maxsize = maxsize, 128
    elif maxsize is not None:
        raise TypeError("Expected first argument to be an integer, a callable, or None")

    def decorate(function):
        memo = _memo(function, maxsize=maxsize, typed=bool(typed), exact=True)
        memo.cache_parameters = lambda: {"maxsize": maxsize, "typed": typed}
        return _update_wrapper(memo, function)

    return decorate if function is None else decorate(function)


def cached(
    function=None,
    *,
    maxsize=_NOTHING,
    max_bytes=None,
    ttl=None,
    typed=False,
    key=None,
    policy="adaptive",
    coalesce=True,
    copy=None,
    refresh_after=None,
    stale_while_revalidate=None,
    stale_if_error=None,
    retry_after=None,
    negative_ttl=None,
    absent=_NOTHING,
    jitter=0,
):
    """Keep the results of a function or coroutine function; threads and tasks that ask for the same
    one wait for one call of it.

    maxsize    the most entries; None: no bound. 128, or None when max_bytes is given
    max_bytes  the most bytes that keys and values may hold: a number, or text such as "64MB"
    ttl        how long a value is kept: seconds, text such as "5m", a timedelta, or a function
               of the value
    typed      True: 1 and 1.0 are different arguments
    key        a function of the arguments whose result is the key
    policy     which entries stay: "adaptive", or "lru" for exact order of use
    coalesce   False: threads and tasks that miss the same key all call the function
    copy       "deep", or a function that makes what a caller gets of the value

    Freshness, with times as that of ttl:
    refresh_after           a value that is older is returned, and refreshed by maintain()
    stale_while_revalidate  how long after its ttl a value is returned at once, and refreshed
    stale_if_error          how long after its ttl a value is returned when calls fail
    retry_after             after a failed call, how long no other of its arguments is made; doubles
                            with each failure. 1 s with one of these three, else none
    negative_ttl            how long it is remembered that there is no value,
    absent                  which a value tells, or a type of exception, or a tuple of these: None
    jitter                  times to live are shorter by up to so many percent, at random
    """
    from . import _options

    if function is not None and not callable(function) and not isinstance(function, classmethod):
        raise TypeError("cached takes a function, and its options by name")
    if maxsize is _NOTHING:
        maxsize = 128 if max_bytes is None else None
    parameters = {"maxsize": maxsize, "typed": typed}
    given = {"max_bytes": max_bytes, "ttl": ttl, "key": key, "copy": copy}
    freshness = {
        "refresh_after": refresh_after,
        "stale_while_revalidate": stale_while_revalidate,
        "stale_if_error": stale_if_error,
        "retry_after": retry_after,
        "negative_ttl": negative_ttl,
    }
    options = {
        **parameters,
        **given,
        "coalesce": coalesce,
        "exact": _options.is_exact(policy),
        "freshness": _options.freshness_parts({**freshness, "absent": absent}, ttl),
        "jitter": _options.percentage(jitter),
    }
    given.update(freshness, absent=None if absent is _NOTHING else absent, jitter=jitter or None)
    parameters.update((name, value) for name, value in given.items() if value is not None)

    def decorate(function):
        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(decorate(function.__func__))
        load_async = None
        if _options.is_coroutine_function(function):
            from ._tasks import load as load_async
        memo = _memo(function, knows_self=True, load_async=load_async, **options)
        if _options.is_method(function):
            memo.__set_name__(None, None)
        memo.cache_parameters = parameters.copy
        return _update_wrapper(memo, function)

    if function is None:
        # Check the options here, before there is a function.
        _memo(len, **options)
        return decorate
    return decorate(function)


def __getattr__(name):
    # Imported on first use: the import of this package is part of a cold start.
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def _all_caches():
    # A single call in C, during which no other thread can change the set.
    references = list(_caches)
    return [memo for reference in references if (memo := reference()) is not None]


def clear_all():
    """Clear every cache and forget every resource of the process."""
    for memo in _all_caches():
        memo.cache_clear()


def stats():
    """A list of (name, CacheInfo), one for each cache and resource."""
    return [(getattr(memo, "__qualname__", "cache"), memo.cache_info()) for memo in _all_caches()]


if _environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    from ._snapshot import register as _register

    _register()
