"""A pytest plugin: all caches are empty at the start of each test."""

import pytest

import scopecache


@pytest.fixture(autouse=True)
def _scopecache_clear_all():
    scopecache.clear_all()
    yield
