#!/usr/bin/env python3
"""Reports that it cannot begin, and exits."""

import json
import sys

from runtime import Runtime

status, _, body = Runtime().fail_init(
    json.dumps({"errorMessage": "no database", "errorType": "Function.NoDatabase"}),
    {"Lambda-Runtime-Function-Error-Type": "Function.NoDatabase"},
)
print("init/error was answered", status, body.decode(), flush=True)
sys.exit(1)
