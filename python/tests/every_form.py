"""Every form of the interface. The type checkers find the lines marked as errors, and no others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, assert_type

import scopecache
from scopecache import Cache, CacheInfo, FreshCacheInfo, cached, lru_cache, resource


@cached
def plain(user: str, year: int = 2024) -> bytes:
    return user.encode() * year


@cached(
    maxsize=None,
    max_bytes="64MB",
    ttl="5m",
    typed=False,
    key=None,
    policy="adaptive",
    coalesce=True,
    copy=None,
)
def with_options(user: str, *, year: int) -> list[int]:
    return [year]


@cached(
    ttl=60,
    refresh_after="20s",
    stale_while_revalidate=timedelta(minutes=5),
    stale_if_error="1h",
    retry_after=2,
    negative_ttl=5,
    absent=(None, LookupError),
    jitter="10%",
)
def rate(currency: str) -> float | None:
    return None


@cached(ttl=lambda token: token["expires_in"], key=lambda user: user.lower(), copy="deep")
def token(user: str) -> dict[str, Any]:
    return {"expires_in": 60, "user": user}


@cached(ttl=timedelta(minutes=5), copy=list)
def copied() -> list[int]:
    return [1]


@cached
async def awaited(x: int) -> str:
    return str(x)


@cached(ttl="5m")
async def awaited_with_options(x: int, *, y: str = "") -> str:
    return str(x) + y


@lru_cache
def least_recent(x: int) -> str:
    return str(x)


@lru_cache(maxsize=None, typed=True)
def least_recent_with_options(x: int) -> str:
    return str(x)


class Owner:
    @cached
    def method(self, x: int) -> str:
        return str(x)

    @cached(ttl=60)
    def method_with_options(self, x: int, *, y: str = "") -> str:
        return str(x) + y

    @cached
    async def awaited(self, x: int) -> str:
        return str(x)

    @lru_cache(maxsize=3)
    def least_recent(self, x: int) -> float:
        return x / 2

    @property
    @cached
    def number(self) -> int:
        return 1

    @staticmethod
    @lru_cache(maxsize=3)
    def least_recent_static(x: int) -> str:
        return str(x)

    @classmethod
    @lru_cache
    def least_recent_of_class(cls, x: int) -> str:
        return str(x)

    @staticmethod
    @cached
    def static(x: int) -> str:
        return str(x)

    @cached
    @staticmethod
    def cached_static(x: int) -> str:
        return str(x)

    @classmethod
    @cached
    def of_class(cls, x: int) -> str:
        return cls.__name__ + str(x)

    @cached(ttl=5)
    @classmethod
    def cached_class(cls, x: int) -> str:
        return cls.__name__ + str(x)


assert_type(plain("me"), bytes)
assert_type(plain(user="me", year=3), bytes)
plain(5)  # error
plain("me", 3, 4)  # error
assert_type(with_options("me", year=3), list[int])
with_options("me", 3)  # error
assert_type(token("me"), dict[str, Any])
assert_type(copied(), list[int])
assert_type(plain.cache_info(), CacheInfo)
assert_type(plain.cache_info().hits, int)
assert_type(plain.cache_parameters(), dict[str, Any])
assert_type(plain.cache_invalidate("me", 3), bool)
plain.cache_invalidate(3)  # error
plain.cache_clear()
assert_type(plain.__wrapped__("me"), bytes)
assert_type(least_recent(1), str)
assert_type(least_recent_with_options(1), str)
least_recent("x")  # error

owner = Owner()
assert_type(owner.method(1), str)
assert_type(Owner.method(owner, 1), str)
assert_type(owner.method_with_options(1, y="z"), str)
assert_type(owner.least_recent(1), float)
assert_type(Owner.static(1), str)
assert_type(owner.static(1), str)
assert_type(Owner.cached_static(1), str)
assert_type(owner.cached_static(1), str)
assert_type(Owner.of_class(1), str)
assert_type(owner.of_class(1), str)
assert_type(Owner.cached_class(1), str)
assert_type(owner.cached_class(1), str)
assert_type(owner.number, int)
assert_type(Owner.least_recent_static(1), str)
assert_type(owner.least_recent_static(1), str)
assert_type(Owner.least_recent_of_class(1), str)
assert_type(owner.least_recent_of_class(1), str)
lru_cache(maxsize=3)(classmethod(lambda cls: 1))  # error
owner.method("x")  # error
owner.method(1, 2)  # error
assert_type(Owner.method.cache_invalidate(owner, 1), bool)
assert_type(owner.method.cache_info(), CacheInfo)



@scopecache.handler
def handle(event: dict[str, Any], context: object) -> str:
    return "answer"


@scopecache.handler(budget="200ms", figures=print)
async def handle_async(event: dict[str, Any], context: object) -> int:
    return 1


assert_type(handle({}, None), str)
assert_type(handle_async({}, None), int)
handle({})  # error


async def use_awaited() -> None:
    assert_type(await awaited(1), str)
    assert_type(await awaited_with_options(1, y="z"), str)
    assert_type(await owner.awaited(1), str)
    assert_type(await asyncio.create_task(awaited(1)), str)
    assert_type(await asyncio.wait_for(awaited(1), 5), str)
    assert_type(await asyncio.gather(awaited(1), owner.awaited(2)), tuple[str, str])
    await awaited("x")  # error


with scopecache.deadline("5s"):
    assert_type(scopecache.remaining(), float | None)
asyncio.run(use_awaited())
assert_type(rate("EUR"), float | None)
info = rate.cache_info()
if isinstance(info, FreshCacheInfo):
    assert_type(info.stale, int)
assert_type(scopecache.maintain("500ms"), bool)
assert_type(asyncio.run(scopecache.maintain_async()), bool)

reports: Cache[tuple[str, int], bytes] = Cache(max_bytes="8MB", ttl=60)
reports["me", 2024] = b"report"
assert_type(reports["me", 2024], bytes)
assert_type(reports.get(("me", 2024)), bytes | None)
assert_type(reports.get(("me", 2024), b""), bytes)
assert_type(reports.get_or_load(("me", 2024), lambda: b"report"), bytes)
assert_type(reports.pop(("me", 2024), None), bytes | None)
assert_type(("me", 2024) in reports, bool)
assert_type(len(reports), int)
assert_type(list(reports), list[tuple[str, int]])
reports["me"] = b""  # error
reports["me", 2024] = b"again"
del reports["me", 2024]
reports.clear()
assert_type(reports.info(), CacheInfo)

client = resource(lambda: {"a": 1})
assert_type(client(), dict[str, int])
client.cache_clear()

scopecache.clear_all()
assert_type(scopecache.stats(), list[tuple[str, CacheInfo]])
