"""A function as people write it for Lambda's Python: the real runtime interface client runs it."""

import os
import sys

print("init", flush=True)
if os.environ.get("FAIL_INIT"):
    raise RuntimeError("no database")
count = 0


def handler(event, context):
    global count
    count += 1
    if event.get("fail"):
        raise ValueError("é: " + event["fail"])
    if event.get("deep"):
        return handler(event, context)
    if event.get("exit"):
        sys.exit(event["exit"])
    print("hello from python")
    return {
        "count": count,
        "event": event,
        "request_id": context.aws_request_id,
        "function": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "remaining": context.get_remaining_time_in_millis(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "custom": context.client_context.custom if context.client_context else None,
        "log_stream": context.log_stream_name,
        "text": "é€😀",
    }
