"""A minimal client of the Runtime API, which the bootstraps beside this file use."""

import http.client
import json
import os

PREFIX = "/2018-06-01/runtime"


class Runtime:
    def __init__(self):
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def exchange(self, method, path, body=None, headers=None):
        """Returns (status, headers, body)."""
        self.connection.request(method, PREFIX + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def next(self):
        """Returns (request id, headers, event as bytes)."""
        status, headers, body = self.exchange("GET", "/invocation/next")
        if status != 200:
            raise SystemExit(f"next was answered {status}: {body}")
        return headers["Lambda-Runtime-Aws-Request-Id"], headers, body

    def respond(self, request_id, body, headers=None):
        return self.exchange("POST", f"/invocation/{request_id}/response", body, headers)

    def fail(self, request_id, body, headers=None):
        return self.exchange("POST", f"/invocation/{request_id}/error", body, headers)

    def fail_init(self, body, headers=None):
        return self.exchange("POST", "/init/error", body, headers)

    def serve(self, handle):
        """Serve for ever; handle(event, headers) returns an object that json can write."""
        while True:
            request_id, headers, event = self.next()
            answer = json.dumps(handle(json.loads(event), headers)).encode()
            self.respond(request_id, answer, {"Content-Type": "application/json"})
