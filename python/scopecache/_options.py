"""What the options of a cache may be, and the numbers that they become."""

from operator import index

_TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
NANOSECONDS = 1_000_000_000
TTL = "ttl must be seconds, text like '5m', a timedelta, or a function of the value"
MAX_BYTES = "max_bytes must be a positive number of bytes or text like '64MB'"


def _with_unit(text, units):
    text = text.strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    return float(number) * units[text[len(number):].strip()]


def seconds(time):
    """A time as a float of seconds; raises ValueError or TypeError that says what it may be."""
    try:
        if isinstance(time, str):
            value = _with_unit(time, _TIMES)
        elif hasattr(time, "total_seconds"):
            value = time.total_seconds()
        else:
            value = float(time)
    except (KeyError, ValueError):
        raise ValueError(f"{TTL}, not {time!r}") from None
    except TypeError:
        raise TypeError(f"{TTL}, not {time!r}") from None
    if value != value:
        raise ValueError(f"{TTL}, not {time!r}")
    return value


def ttl_parts(ttl):
    """(nanoseconds, function): what the core takes for a ttl."""
    if ttl is None:
        return 0, None
    if callable(ttl):
        return 0, lambda value: seconds(ttl(value))
    value = seconds(ttl)
    if value <= 0:
        raise ValueError(f"ttl must be more than 0, not {ttl!r}")
    return max(1, int(min(value, 9e9) * NANOSECONDS)), None


def byte_count(max_bytes):
    if max_bytes is None:
        return 0
    try:
        value = _with_unit(max_bytes, _SIZES) if isinstance(max_bytes, str) else index(max_bytes)
    except (KeyError, ValueError):
        raise ValueError(f"{MAX_BYTES}, not {max_bytes!r}") from None
    except TypeError:
        raise TypeError(f"{MAX_BYTES}, not {max_bytes!r}") from None
    if not 1 <= value < 1 << 62:
        raise ValueError(f"{MAX_BYTES}, not {max_bytes!r}")
    return int(value)


def entry_count(maxsize):
    """functools' own: a negative number is 0, None is no bound, which the core calls -1."""
    if maxsize is None:
        return -1
    try:
        return max(0, index(maxsize))
    except TypeError:
        raise TypeError("Expected first argument to be an integer, a callable, or None") from None


def copier(copy):
    if copy is None or callable(copy):
        return copy
    if copy == "deep":
        from copy import deepcopy

        return deepcopy
    raise ValueError(f"copy must be None, 'deep' or a function, not {copy!r}")


def check_policy(policy):
    if policy not in ("adaptive", "lru"):
        raise ValueError(f"policy must be 'adaptive' or 'lru', not {policy!r}")


def check_callable(name, value):
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be None or a function, not {value!r}")
