"""Cache and resource: objects around a memo."""

from types import GenericAlias

from . import _NOTHING, _options
from . import _memo as new_memo


def _refuse_to_copy(self, protocol):
    raise TypeError(f"a {type(self).__name__} is not copied or pickled: make a new one")


class Cache:
    """A bounded mapping whose entries may end. The options are those of cached, without key.

    A lookup counts as a hit or a miss, and as a use; `in`, len() and iteration do not.
    """

    __slots__ = ("_memo", "__weakref__")
    __module__ = "scopecache"
    __class_getitem__ = classmethod(GenericAlias)

    def __init__(
        self,
        maxsize=_NOTHING,
        *,
        max_bytes=None,
        ttl=None,
        typed=False,
        policy="adaptive",
        coalesce=True,
        copy=None,
    ):
        if maxsize is _NOTHING:
            maxsize = 128 if max_bytes is None else None
        self._memo = new_memo(
            _refuse,
            maxsize=maxsize,
            max_bytes=max_bytes,
            ttl=ttl,
            copy=copy,
            typed=typed,
            coalesce=coalesce,
            exact=_options.is_exact(policy),
        )
        self._memo.__qualname__ = "Cache"

    __reduce_ex__ = _refuse_to_copy

    def __getitem__(self, key):
        value = self._memo._lookup(key, _NOTHING)
        if value is _NOTHING:
            raise KeyError(key)
        return value

    def get(self, key, default=None):
        """The value of key, or default."""
        return self._memo._lookup(key, default)

    def __setitem__(self, key, value):
        self._memo._store(key, value)

    def __delitem__(self, key):
        if not self._memo.cache_invalidate(key):
            raise KeyError(key)

    def __contains__(self, key):
        return self._memo._has(key)

    def __iter__(self):
        return iter(self._memo._keys())

    def __len__(self):
        return len(self._memo._keys())

    def get_or_load(self, key, loader):
        """The value of key, or what loader() returns, called once however many threads ask."""
        return self._memo._load(key, loader)

    def pop(self, key, default=_NOTHING):
        """Remove key and return its value, or default; KeyError when there is neither."""
        value = self._memo._take(key, default)
        if value is _NOTHING:
            raise KeyError(key)
        return value

    def clear(self):
        """Remove all entries, and begin to count anew."""
        self._memo.cache_clear()

    def info(self):
        """A named tuple: hits, misses, maxsize, currsize."""
        return self._memo.cache_info()

    def __repr__(self):
        return f"<scopecache.Cache {self.info()!r}>"


def _refuse():
    raise TypeError("a Cache has no function")


class resource:
    """Opened on first use, once, by one thread; the others wait. A failure is not kept.

    When opener asks for the same resource, it is called again, as a cached function would be.
    """

    __slots__ = ("_memo", "__weakref__")
    __module__ = "scopecache"
    __class_getitem__ = classmethod(GenericAlias)

    def __init__(self, opener):
        if not callable(opener):
            raise TypeError(f"opener must be a function, not {opener!r}")
        self._memo = new_memo(opener, maxsize=None, coalesce=True)
        self._memo.__qualname__ = getattr(opener, "__qualname__", "resource")

    __reduce_ex__ = _refuse_to_copy

    def __call__(self):
        return self._memo()

    def cache_clear(self):
        """Forget what was opened; it is not closed. One that is being opened is not kept."""
        self._memo.cache_clear()
