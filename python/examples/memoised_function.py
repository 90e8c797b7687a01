"""A memoised function: functools.lru_cache by one changed import, and then what that lacks.

Before:

    from functools import lru_cache

    @lru_cache(maxsize=128)
    def rate(currency): ...         # for as long as the environment lives: hours

    rates down?                     # every call raises, although an old rate was there

`from scopecache import lru_cache` keeps every line as it is. `cached` adds the time to live: no
caller waits when it ends, because the rate is loaded again after a response; callers do not notice
when the source is down for less than an hour; and that a currency does not exist is remembered.
"""

import json
import os
import urllib.error
import urllib.request

import scopecache

SOURCE = os.environ.get("RATES_URL", "http://127.0.0.1:8080/rates/")


class UnknownCurrency(LookupError):
    pass


@scopecache.cached(
    maxsize=128,
    ttl="1m",
    jitter=10,
    refresh_after="40s",
    stale_if_error="1h",
    negative_ttl="10s",
    absent=UnknownCurrency,
)
def rate(currency):
    # The source has as long as the invocation has.
    timeout = scopecache.remaining() or 5
    try:
        with urllib.request.urlopen(SOURCE + currency, timeout=timeout) as answer:
            return json.load(answer)["rate"]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise UnknownCurrency(currency) from None
        raise


@scopecache.handler
def handle(event, context):
    try:
        return {"amount": event["amount"] * rate(event["currency"])}
    except UnknownCurrency:
        return {"error": "there is no such currency"}
