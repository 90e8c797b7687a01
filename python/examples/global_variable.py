"""A client in a global variable: made on first use, once, and used by every later invocation.

Before, with nothing kept:

    def handle(event, context):
        s3 = boto3.client("s3")                 # at each invocation
        return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

A plain `s3 = boto3.client("s3")` at the module's top is made at each cold start, also in functions
of the module that do not need it. A resource is opened when it is first needed, by one thread; if
that fails, the next invocation tries again.
"""

import boto3
import scopecache


@scopecache.resource
def s3():
    return boto3.client("s3")


@scopecache.handler
def handle(event, context):
    return [bucket["Name"] for bucket in s3().list_buckets()["Buckets"]]
