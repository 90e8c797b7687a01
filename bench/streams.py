"""Streams of requests that show where an eviction policy breaks, with sizes of caches to try.

loop    N keys in turn, twenty times. LRU hits nothing in a cache that is smaller.
recent  A key is requested again within D others, a few times, and never after.
shift   Zipf with skew 0.9 whose ranks are drawn again every 2,000 requests.
mixed   Two requests of three by that distribution, without the drawing; the third from a loop.

Random numbers are those of Python's random.Random with fixed seeds, so all runs are alike."""

import random

SKEW = 0.9


def loop(keys, laps=20):
    return list(range(keys)) * laps


def recent(distance, uses, requests=20_000):
    """At each step request the keys that are due, and a new one."""
    draw = random.Random(1)
    due, stream, step = {}, [], 0
    while len(stream) < requests:
        now = [(key, left) for key, left in due.pop(step, [])] + [(step, uses)]
        for key, left in now:
            stream.append(key)
            if left > 1:
                due.setdefault(step + 1 + draw.randrange(distance), []).append((key, left - 1))
        step += 1
    return stream


def zipf(draw, keys, count):
    return draw.choices(range(keys), [1 / (rank + 1) ** SKEW for rank in range(keys)], k=count)


def shift(keys=2_000, every=2_000, requests=40_000):
    draw = random.Random(2)
    stream = []
    while len(stream) < requests:
        names = draw.sample(range(4 * keys), keys)
        stream += [names[rank] for rank in zipf(draw, keys, every)]
    return stream


def mixed(keys=2_000, around=500, requests=40_000):
    often = zipf(random.Random(3), keys, requests)
    return [often[i] if i % 3 else keys + i // 3 % around for i in range(requests)]


def parts(whole, *hundredths):
    return [max(8, whole * part // 100) for part in hundredths]


LOOP_PARTS = (30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 95, 98)
RECENT_PARTS = (50, 62, 75, 87, 100, 112, 125, 150, 175, 200)
ZIPF_SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


def streams():
    """Name, requests and sizes of each."""
    for keys in (64, 100, 1_000, 10_000):
        yield f"loop {keys}", loop(keys), parts(keys, *LOOP_PARTS)
    for distance, uses in ((12, 2), (20, 2), (20, 3), (60, 2), (60, 4), (250, 2)):
        sizes = sorted({*parts(distance, *RECENT_PARTS)})
        yield f"recent {distance} x{uses}", recent(distance, uses), sizes
    yield "shift", shift(), ZIPF_SIZES
    yield "mixed", mixed(), (*ZIPF_SIZES, 768, 1_000)
