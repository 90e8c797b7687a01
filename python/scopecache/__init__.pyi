from collections.abc import Callable, Coroutine, Hashable, Iterator
from datetime import timedelta
from functools import _CacheInfo as CacheInfo
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar, overload
from typing_extensions import Concatenate, Self, TypeAlias

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

_P = ParamSpec("_P")
_Q = ParamSpec("_Q")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_S = TypeVar("_S")
_T = TypeVar("_T")
_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

_Time: TypeAlias = float | str | timedelta
_Ttl: TypeAlias = _Time | Callable[[Any], _Time] | None
_Copy: TypeAlias = Literal["deep"] | Callable[[Any], Any] | None
_Policy: TypeAlias = Literal["adaptive", "lru"]

# What cache_info() returns of a cache with options of freshness.
class FreshCacheInfo(CacheInfo):
    stale: int
    refreshes: int
    load_absences: int
    load_failures: int
    known_absences: int
    known_failures: int

class _Memo(Generic[_P, _R_co]):
    """A function that keeps its results."""

    __name__: str
    __qualname__: str
    @property
    def __wrapped__(self) -> Callable[_P, _R_co]: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    # Looked up in its class, or by an instance: a function, a method, a static or class method.
    @overload
    def __get__(
        self, instance: None, owner: type[Any] | None = None
    ) -> _MemoOfClass[_P, _R_co]: ...
    @overload
    def __get__(
        self: Callable[Concatenate[_S, _Q], _R], instance: _S, owner: type[Any] | None = None
    ) -> _BoundMemo[_Q, _R]: ...
    @overload
    def __get__(
        self, instance: object, owner: type[Any] | None = None
    ) -> _MemoOfClass[_P, _R_co]: ...
    def cache_info(self) -> CacheInfo: ...
    def cache_clear(self) -> None: ...
    def cache_parameters(self) -> dict[str, Any]: ...
    def cache_invalidate(self, *args: _P.args, **kwargs: _P.kwargs) -> bool: ...

class _MemoOfClass(_Memo[_P, _R_co]):
    """A method as its class or an instance has it: not bound, or bound to the class."""

    @overload
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    @overload
    def __call__(
        self: _MemoOfClass[Concatenate[type[Any], _Q], _R], *args: _Q.args, **kwargs: _Q.kwargs
    ) -> _R: ...

class _BoundMemo(Generic[_P, _R_co]):
    """The same bound to an instance. What begins with cache_ is the method's of all instances."""

    @property
    def __self__(self) -> object: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    def cache_info(self) -> CacheInfo: ...
    def cache_clear(self) -> None: ...
    def cache_parameters(self) -> dict[str, Any]: ...
    def cache_invalidate(self, *args: Any, **kwargs: Any) -> bool: ...

class _Decorator(Protocol):
    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, function: staticmethod[_P, _R], /
    ) -> staticmethod[_P, _R]: ...
    @overload
    def __call__(self, function: classmethod[_T, _P, _R], /) -> classmethod[_T, _P, _R]: ...
    @overload
    def __call__(self, function: Callable[_P, _R], /) -> _Memo[_P, _R]: ...

# As functools.lru_cache, it belongs below @staticmethod and @classmethod: what these return is
# taken for a method, or is not callable.
class _LruDecorator(Protocol):
    def __call__(self, function: Callable[_P, _R], /) -> _Memo[_P, _R]: ...

@overload
def lru_cache(maxsize: Callable[_P, _R], typed: bool = False) -> _Memo[_P, _R]: ...
@overload
def lru_cache(maxsize: int | None = 128, typed: bool = False) -> _LruDecorator: ...
@overload
def cached(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
    function: staticmethod[_P, _R], /
) -> staticmethod[_P, _R]: ...
@overload
def cached(function: classmethod[_T, _P, _R], /) -> classmethod[_T, _P, _R]: ...
@overload
def cached(
    function: Callable[_P, _R],
    /,
    *,
    maxsize: int | None = ...,
    max_bytes: int | str | None = None,
    ttl: _Ttl = None,
    typed: bool = False,
    key: Callable[..., Hashable] | None = None,
    policy: _Policy = "adaptive",
    coalesce: bool = True,
    copy: _Copy = None,
    refresh_after: _Time | None = None,
    stale_while_revalidate: _Time | None = None,
    stale_if_error: _Time | None = None,
    retry_after: _Time | None = None,
    negative_ttl: _Time | None = None,
    absent: Any = ...,
    jitter: int | str = 0,
) -> _Memo[_P, _R]: ...
@overload
def cached(
    function: None = None,
    /,
    *,
    maxsize: int | None = ...,
    max_bytes: int | str | None = None,
    ttl: _Ttl = None,
    typed: bool = False,
    key: Callable[..., Hashable] | None = None,
    policy: _Policy = "adaptive",
    coalesce: bool = True,
    copy: _Copy = None,
    refresh_after: _Time | None = None,
    stale_while_revalidate: _Time | None = None,
    stale_if_error: _Time | None = None,
    retry_after: _Time | None = None,
    negative_ttl: _Time | None = None,
    absent: Any = ...,
    jitter: int | str = 0,
) -> _Decorator: ...

class Cache(Generic[_K, _V]):
    def __init__(
        self,
        maxsize: int | None = ...,
        *,
        max_bytes: int | str | None = None,
        ttl: _Ttl = None,
        typed: bool = False,
        policy: _Policy = "adaptive",
        coalesce: bool = True,
        copy: _Copy = None,
    ) -> None: ...
    def __getitem__(self, key: _K) -> _V: ...
    def __setitem__(self, key: _K, value: _V) -> None: ...
    def __delitem__(self, key: _K) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __iter__(self) -> Iterator[_K]: ...
    def __len__(self) -> int: ...
    @overload
    def get(self, key: _K, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, default: _V | _T) -> _V | _T: ...
    def get_or_load(self, key: _K, loader: Callable[[], _V]) -> _V: ...
    @overload
    def pop(self, key: _K) -> _V: ...
    @overload
    def pop(self, key: _K, default: _V | _T) -> _V | _T: ...
    def clear(self) -> None: ...
    def info(self) -> CacheInfo: ...

class resource(Generic[_V]):
    def __init__(self, opener: Callable[[], _V]) -> None: ...
    def __call__(self) -> _V: ...
    def cache_clear(self) -> None: ...

def clear_all() -> None: ...
def stats() -> list[tuple[str, CacheInfo]]: ...

class deadline:
    def __init__(self, time: _Time) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

def remaining() -> float | None: ...
def maintain(budget: _Time = 0.5) -> bool: ...
async def maintain_async(budget: _Time = 0.5) -> bool: ...

_Figures: TypeAlias = Callable[[dict[str, Any]], object]

class _Handler(Protocol[_R_co]):
    @property
    def __wrapped__(self) -> Callable[..., Any]: ...
    def __call__(self, event: Any, context: Any) -> _R_co: ...

class _HandlerDecorator(Protocol):
    @overload
    def __call__(
        self, function: Callable[[Any, Any], Coroutine[Any, Any, _R]], /
    ) -> _Handler[_R]: ...
    @overload
    def __call__(self, function: Callable[[Any, Any], _R], /) -> _Handler[_R]: ...

@overload
def handler(
    function: Callable[[Any, Any], Coroutine[Any, Any, _R]],
    *,
    budget: _Time = 0.5,
    figures: _Figures | None = None,
) -> _Handler[_R]: ...
@overload
def handler(
    function: Callable[[Any, Any], _R], *, budget: _Time = 0.5, figures: _Figures | None = None
) -> _Handler[_R]: ...
@overload
def handler(
    function: None = None, *, budget: _Time = 0.5, figures: _Figures | None = None
) -> _HandlerDecorator: ...
