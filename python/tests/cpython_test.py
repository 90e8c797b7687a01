"""CPython's own tests of functools.lru_cache and functools.cache, for lru_cache and for cached."""

import functools
import types
import unittest

import scopecache

try:
    from test import test_functools as theirs
except ImportError:
    raise unittest.SkipTest("CPython's tests are not installed (Debian: libpython3.11-testsuite)")


def module_of(lru_cache):
    module = types.SimpleNamespace(**vars(functools))
    module.lru_cache = lru_cache
    module.cache = lambda function: lru_cache(maxsize=None)(function)
    return module


def cached_like_functools(maxsize=128, typed=False):
    if callable(maxsize):
        return scopecache.cached(maxsize)
    return scopecache.cached(maxsize=maxsize, typed=typed)


@scopecache.lru_cache()
def lru_cached_func(x, y):
    return 3 * x + y


@scopecache.cached
def cached_func(x, y):
    return 3 * x + y


class LruCache(theirs.TestLRU, unittest.TestCase):
    module = module_of(scopecache.lru_cache)
    cached_func = lru_cached_func,

    @scopecache.lru_cache()
    def cached_meth(self, x, y):
        return 3 * x + y

    @staticmethod
    @scopecache.lru_cache()
    def cached_staticmeth(x, y):
        return 3 * x + y


class Cached(theirs.TestLRU, unittest.TestCase):
    module = module_of(cached_like_functools)
    cached_func = cached_func,

    @scopecache.cached
    def cached_meth(self, x, y):
        return 3 * x + y

    @staticmethod
    @scopecache.cached
    def cached_staticmeth(x, y):
        return 3 * x + y

    # It demands that all threads are inside of the function at once.
    test_lru_cache_threaded2 = None


class LruCacheAsCache(theirs.TestCache, unittest.TestCase):
    module = module_of(scopecache.lru_cache)


class CachedAsCache(theirs.TestCache, unittest.TestCase):
    module = module_of(cached_like_functools)


del theirs

if __name__ == "__main__":
    unittest.main()
