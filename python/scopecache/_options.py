"""The checks of a cache's options, and their conversion for the core."""

from functools import partial
from operator import index
from os import environ, sysconf

from . import _NOTHING as NOTHING

_TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
# Flags of code objects, as inspect has them.
_COROUTINE = 0x80 | 0x100
_ONCE = {0x200: "async generator", 0x20: "generator"}
FOREVER_S = 9e9
_BYTES_MAX = 16 << 30
TTL = (
    "ttl must be None, seconds above 0, text such as '5m', a timedelta, or a function of the value"
)
TIME = "{} must be None, seconds, text such as '5m', or a timedelta"
BUDGET = "a budget must be seconds, text such as '500ms', or a timedelta"
JITTER = "jitter must be a whole percentage from 0 to 100, such as 10 or '10%'"
# In the order of the core.
FRESHNESS = (
    "refresh_after",
    "stale_while_revalidate",
    "stale_if_error",
    "retry_after",
    "negative_ttl",
)
DEADLINE = "a deadline must be seconds, text such as '5m', or a timedelta"
MAX_BYTES = (
    "max_bytes must be None, a number of bytes from 1 to 16 GB, text such as '64MB', or such as"
    " '25%' of the function's memory"
)
MAXSIZE = "maxsize must be None or an integer"


def _with_unit(text, units):
    text = text.strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    return float(number) * units[text[len(number) :].strip()]


def seconds(time, what=TTL):
    """A time as a float of seconds; raises ValueError or TypeError that says what it may be."""
    try:
        if isinstance(time, str):
            value = _with_unit(time, _TIMES)
        elif isinstance(time, bool):
            raise TypeError
        elif hasattr(time, "total_seconds"):
            value = time.total_seconds()
        else:
            value = float(time)
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"{what}, not {time!r}") from None
    except TypeError:
        raise TypeError(f"{what}, not {time!r}") from None
    if value != value:
        raise ValueError(f"{what}, not {time!r}")
    return value


def ttl_parts(ttl):
    """The core's form of a ttl: (nanoseconds, function). The function returns seconds; 0 or less:
    the value is not kept."""
    if ttl is None:
        return 0, None
    if callable(ttl):
        return 0, lambda value: seconds(ttl(value))
    value = seconds(ttl)
    if value <= 0:
        raise ValueError(f"{TTL}, not {ttl!r}")
    return max(1, int(min(value, FOREVER_S) * 1_000_000_000)), None


def _nanoseconds(time, what):
    value = seconds(time, what)
    if value < 0:
        raise ValueError(f"{what}, not {time!r}")
    return int(min(value, FOREVER_S) * 1_000_000_000)


def freshness_parts(given, ttl):
    """The core's form of the options of freshness: a tuple; or None when none of them is given."""
    absent = given.pop("absent")
    if absent is not NOTHING and given["negative_ttl"] is None:
        raise ValueError("absent needs negative_ttl: how long it is remembered")
    for name in ("stale_while_revalidate", "stale_if_error"):
        if given[name] is not None and ttl is None:
            raise ValueError(f"{name} needs a ttl, after which a value is stale")
    times = {
        name: 0 if time is None else _nanoseconds(time, TIME.format(name))
        for name, time in given.items()
    }
    if all(time is None for time in given.values()):
        return None
    if given["retry_after"] is None:
        # As in the C library: a source that fails is not asked by every call.
        freshens = ("refresh_after", "stale_while_revalidate", "stale_if_error")
        times["retry_after"] = 1_000_000_000 if any(times[name] for name in freshens) else 0
    from . import _fresh

    if absent is NOTHING:
        absent = (None,)
    elif type(absent) is not tuple:
        absent = (absent,)
    marks = absent if times["negative_ttl"] else None
    return (
        *(times[name] for name in FRESHNESS),
        marks,
        _fresh.queue,
        _fresh.failed,
        _fresh.again,
    )


def percentage(jitter):
    if isinstance(jitter, str) and jitter.endswith("%"):
        jitter = jitter[:-1]
    try:
        if isinstance(jitter, bool):
            raise ValueError
        value = int(jitter)
        if not 0 <= value <= 100 or (isinstance(jitter, float) and value != jitter):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{JITTER}, not {jitter!r}") from None
    return value


def byte_count(max_bytes):
    """None is no bound, which the core calls 0."""
    if max_bytes is None:
        return 0
    try:
        if isinstance(max_bytes, bool):
            raise TypeError
        if not isinstance(max_bytes, str):
            value = index(max_bytes)
        elif max_bytes.strip().endswith("%"):
            value = _part_of_memory(float(max_bytes.strip()[:-1]))
        else:
            value = _with_unit(max_bytes, _SIZES)
    except (KeyError, ValueError):
        raise ValueError(f"{MAX_BYTES}, not {max_bytes!r}") from None
    except TypeError:
        raise TypeError(f"{MAX_BYTES}, not {max_bytes!r}") from None
    if not 1 <= value <= _BYTES_MAX:
        raise ValueError(f"{MAX_BYTES}, not {max_bytes!r}")
    return int(value)


def _part_of_memory(percent):
    if not 0 < percent <= 100:
        raise ValueError
    megabytes = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if megabytes.isdigit():
        memory = int(megabytes) << 20
    else:
        # Not in Lambda: the machine's.
        memory = sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES")
    return min(memory * percent / 100, _BYTES_MAX)


def entry_count(maxsize):
    """As in functools a negative number is 0; None is no bound, which the core calls -1."""
    if maxsize is None:
        return -1
    try:
        return min(max(0, index(maxsize)), (1 << 63) - 1)
    except TypeError:
        raise TypeError(f"{MAXSIZE}, not {maxsize!r}") from None


def copier(copy):
    if copy is None or callable(copy):
        return copy
    if isinstance(copy, str) and copy == "deep":
        from copy import deepcopy

        return deepcopy
    raise ValueError(f"copy must be None, 'deep' or a function, not {copy!r}")


def key_function(key):
    if key is None or callable(key):
        return key
    raise TypeError(f"key must be None or a function of the arguments, not {key!r}")


def is_exact(policy):
    if isinstance(policy, str) and policy in ("adaptive", "lru"):
        return policy == "lru"
    raise ValueError(f"policy must be 'adaptive' or 'lru', not {policy!r}")


def flag(name, value):
    if isinstance(value, bool):
        return value
    raise TypeError(f"{name} must be True or False, not {value!r}")


def is_method(function):
    """Whether a function is written in a class, with self or cls as its first parameter.

    The interpreter calls __set_name__ for a cache that is an attribute of a class, but not for one
    inside a property or another decorator."""
    code = getattr(function, "__code__", None)
    outer = getattr(function, "__qualname__", "").rpartition(".")[0]
    return (
        bool(outer)
        and not outer.endswith("<locals>")
        and getattr(code, "co_argcount", 0) > 0
        and code.co_varnames[0] in ("self", "cls")
    )


def is_coroutine_function(function):
    """Whether calls of it return coroutines. Generator functions, whose results can be used only
    once, are refused."""
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    inner = getattr(inner, "__func__", inner)
    if not hasattr(inner, "__code__"):
        inner = getattr(type(inner), "__call__", None)
    flags = getattr(getattr(inner, "__code__", None), "co_flags", 0)
    if flags & _COROUTINE:
        return True
    for flag, kind in _ONCE.items():
        if flags & flag:
            raise TypeError(f"cached does not take {kind} functions, such as {function!r}")
    return False
