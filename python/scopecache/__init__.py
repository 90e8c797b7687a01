"""Bounded in-process caches for state that outlives a call."""

from _thread import RLock as _RLock
from functools import _CacheInfo as CacheInfo
from functools import update_wrapper as _update_wrapper
from weakref import WeakSet as _WeakSet

from . import _options
from ._core import Memo as _Memo

__all__ = ["Cache", "CacheInfo", "cached", "clear_all", "lru_cache", "resource", "stats"]

_caches = _WeakSet()
_NOTHING = object()


def _memo(function, maxsize, max_bytes, ttl, key, copy, typed, coalesce, weak_self):
    ttl_ns, ttl_of = _options.ttl_parts(ttl)
    _options.check_callable("key", key)
    memo = _Memo(function, CacheInfo, _options.entry_count(maxsize), _options.byte_count(max_bytes),
                 ttl_ns, ttl_of, key, _options.copier(copy), typed, coalesce, weak_self)
    _caches.add(memo)
    return memo


def lru_cache(maxsize=128, typed=False):
    """functools.lru_cache: exact order of use, no coalescing, the same attributes and errors."""
    function = None
    if callable(maxsize) and isinstance(typed, bool):
        function, maxsize = maxsize, 128
    _options.entry_count(maxsize)
    if maxsize is not None and maxsize < 0:
        maxsize = 0

    def decorate(function):
        memo = _memo(function, maxsize, None, None, None, None, typed, False, False)
        memo.cache_parameters = lambda: {"maxsize": maxsize, "typed": typed}
        return _update_wrapper(memo, function)

    return decorate if function is None else decorate(function)


def cached(function=None, *, maxsize=_NOTHING, max_bytes=None, ttl=None, typed=False, key=None,
           policy="adaptive", coalesce=True, copy=None):
    """Keep the results of a function; threads that ask for the same one wait for one call of it."""
    if maxsize is _NOTHING:
        maxsize = 128 if max_bytes is None else None
    if function is not None and not callable(function):
        raise TypeError("cached takes a function, and its options by name")
    _options.check_policy(policy)

    def decorate(function):
        memo = _memo(function, maxsize, max_bytes, ttl, key, copy, typed, coalesce, True)
        given = {"max_bytes": max_bytes, "ttl": ttl, "key": key, "copy": copy}
        parameters = {"maxsize": maxsize, "typed": typed}
        parameters.update((name, value) for name, value in given.items() if value is not None)
        memo.cache_parameters = parameters.copy
        return _update_wrapper(memo, function)

    return decorate if function is None else decorate(function)


class Cache:
    """A bounded mapping, whose entries may end."""

    def __init__(self, maxsize=None, *, max_bytes=None, ttl=None, policy="adaptive", copy=None):
        if maxsize is None and max_bytes is None:
            maxsize = 128
        _options.check_policy(policy)
        self._memo = _memo(_refuse, maxsize, max_bytes, ttl, None, copy, False, True, False)

    def __getitem__(self, key):
        value = self._memo._lookup(key, _NOTHING)
        if value is _NOTHING:
            raise KeyError(key)
        return value

    def get(self, key, default=None):
        return self._memo._lookup(key, default)

    def __setitem__(self, key, value):
        if value is _NOTHING:
            raise ValueError("this object cannot be kept")
        self._memo._store(key, value)

    def __delitem__(self, key):
        if not self._memo.cache_invalidate(key):
            raise KeyError(key)

    def __contains__(self, key):
        return self._memo._lookup(key, _NOTHING) is not _NOTHING

    def __iter__(self):
        return iter(self._memo._keys())

    def __len__(self):
        return len(self._memo._keys())

    def get_or_load(self, key, loader):
        """The value of key, or what loader() returns, called once however many threads ask."""
        return self._memo._load(key, loader)

    def pop(self, key, default=_NOTHING):
        value = self._memo._lookup(key, _NOTHING)
        self._memo.cache_invalidate(key)
        if value is not _NOTHING:
            return value
        if default is _NOTHING:
            raise KeyError(key)
        return default

    def clear(self):
        self._memo.cache_clear()

    def info(self):
        return self._memo.cache_info()


def _refuse():
    raise TypeError("a Cache has no function")


class resource:
    """Something opened on first use, once, by one thread; failures are not kept."""

    def __init__(self, opener):
        _options.check_callable("opener", opener)
        self._opener = opener
        self._lock = _RLock()
        self._value = _NOTHING
        _caches.add(self)

    def __call__(self):
        value = self._value
        if value is _NOTHING:
            with self._lock:
                if self._value is _NOTHING:
                    self._value = self._opener()
                value = self._value
        return value

    def cache_clear(self):
        """Forget what was opened; it is not closed."""
        self._value = _NOTHING


def clear_all():
    """Clear every cache and forget every resource of the process."""
    for cache in list(_caches):
        cache.cache_clear()


def stats():
    """A list of (name, CacheInfo), one for each cache."""
    return [(getattr(memo, "__qualname__", "Cache"), memo.cache_info())
            for memo in list(_caches) if isinstance(memo, _Memo)]
