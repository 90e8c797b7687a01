#!/usr/bin/env python3
"""Says that it was asked to end, and does not."""

import signal
import time

from runtime import Runtime


def on_term(number, frame):
    print("asked to end", flush=True)
    time.sleep(600)


signal.signal(signal.SIGTERM, on_term)
Runtime().serve(lambda event, headers: {})
