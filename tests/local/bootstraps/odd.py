#!/usr/bin/env python3
"""One function, odd in the way that its event asks for: {"do": NAME, ...}. The comments of the
functions below say what is odd. Every answer has the id of the environment and how many invocations
it has seen.
"""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from runtime import PREFIX, Runtime

runtime = Runtime()
count = 0
ticks_seen = []


def seen(**more):
    return json.dumps(
        {"id": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"][-32:], "count": count, **more}
    ).encode()


def echo(request_id, headers, event):
    runtime.respond(
        request_id,
        seen(event=event, headers=dict(headers), environment=dict(os.environ)),
        {"Content-Type": event.get("content_type", "application/json")},
    )


def text(request_id, headers, event):
    runtime.respond(
        request_id, event["text"].encode(), {"Content-Type": "text/plain; charset=utf-8"}
    )


def sleep(request_id, headers, event):
    time.sleep(event["seconds"])
    runtime.respond(request_id, seen())


def work_after(request_id, headers, event):
    """Answers, and then goes on working before it asks for the next invocation."""
    runtime.respond(request_id, seen())
    time.sleep(event["seconds"])


def exit_after(request_id, headers, event):
    """Answers, and exits a moment later without asking for the next invocation."""
    runtime.respond(request_id, seen())
    time.sleep(event["seconds"])
    os._exit(1)


def exit(request_id, headers, event):
    sys.stdout.flush()
    os._exit(event.get("status", 1))


def kill(request_id, headers, event):
    os.kill(os.getpid(), event["signal"])


def answer_and_exit(request_id, headers, event):
    """Sends the answer, and exits before the acknowledgement."""
    body = seen()
    runtime.connection.sock.sendall(
        f"POST {PREFIX}/invocation/{request_id}/response HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    os._exit(0)


def answer_anew_and_exit(request_id, headers, event):
    """Sends the answer on a new connection, and exits before that is accepted."""
    send(
        os.environ["AWS_LAMBDA_RUNTIME_API"],
        f"POST {PREFIX}/invocation/{request_id}/response HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {len(seen())}\r\n\r\n{seen().decode()}",
    )
    os._exit(0)


def send(address, text):
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(text.encode())


def answer_twice(request_id, headers, event):
    first = runtime.respond(request_id, seen(which="first"))
    second = runtime.respond(request_id, seen(which="second"))
    error = runtime.fail(request_id, b"{}")
    init = runtime.fail_init(b"{}")
    report = [first[0], first[2].decode(), second[0], second[2].decode(), error[0], init[0]]
    print("answers:", json.dumps(report), flush=True)


def answer_another(request_id, headers, event):
    wrong = runtime.respond("11111111-2222-4333-8444-555555555555", seen(which="wrong"))
    longer = runtime.respond(request_id + "0", seen(which="longer"))
    runtime.respond(request_id, seen(which="right", wrong=[wrong[0], wrong[2].decode(), longer[0]]))


def wrong_invocation_id(request_id, headers, event):
    wrong = runtime.respond(
        request_id, seen(which="stale"), {"Lambda-Runtime-Invocation-Id": "stale"}
    )
    runtime.respond(
        request_id,
        seen(which="right", wrong=wrong[0]),
        {"Lambda-Runtime-Invocation-Id": headers["Lambda-Runtime-Invocation-Id"]},
    )


def large(request_id, headers, event):
    """Answers with so many bytes, and logs the response to that."""
    body = b'"' + b"x" * (event["bytes"] - 2) + b'"'
    status, _, said = runtime.respond(request_id, body, {"Content-Type": "application/json"})
    print("large:", status, said.decode(), flush=True)


def chunked(request_id, headers, event):
    """Sends the answer in chunks, with the trailers that the Go runtime sends."""
    error = event.get("error")
    connection = runtime.connection
    connection.putrequest("POST", f"{PREFIX}/invocation/{request_id}/response")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader(
        "Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    )
    connection.putheader("Content-Type", "application/json")
    connection.endheaders()
    for piece in ("[1,", "2]") if not error else ("[1,",):
        connection.send(f"{len(piece):x}\r\n{piece}\r\n".encode())
    body = base64.b64encode(json.dumps(error).encode()).decode() if error else ""
    kind = error["errorType"] if error else ""
    connection.send(
        f"0\r\nLambda-Runtime-Function-Error-Type: {kind}\r\n"
        f"Lambda-Runtime-Function-Error-Body: {body}\r\n\r\n".encode()
    )
    answer = connection.getresponse()
    answer.read()
    print("chunked:", answer.status, flush=True)


def function_error(request_id, headers, event):
    runtime.fail(
        request_id,
        json.dumps(event["error"]),
        {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": event.get("type", "Function.Odd"),
        },
    )


def poll_again(request_id, headers, event):
    """Asks again before it has answered, as a runtime does that lost the response."""
    again_id, again_headers, again_event = runtime.next()
    runtime.respond(
        again_id,
        seen(
            same=again_id == request_id,
            event=json.loads(again_event),
            same_deadline=again_headers["Lambda-Runtime-Deadline-Ms"]
            == headers["Lambda-Runtime-Deadline-Ms"],
        ),
    )


def other_connections(request_id, headers, event):
    """Answers on a connection of its own, and asks on another."""
    api = os.environ["AWS_LAMBDA_RUNTIME_API"]
    runtime.connection = http.client.HTTPConnection(api)
    runtime.respond(request_id, seen())
    runtime.connection = http.client.HTTPConnection(api)


def abandon_poll(request_id, headers, event):
    """Asks, hangs up, and asks again: the first request must not get the next invocation."""
    runtime.respond(request_id, seen())
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    abandoned = socket.create_connection((host, int(port)))
    abandoned.sendall(f"GET {PREFIX}/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    time.sleep(event.get("seconds", 0.05))
    abandoned.close()


def hang_up(request_id, headers, event):
    """Asks, hangs up, and never asks again."""
    abandon_poll(request_id, headers, event)
    print("hung up", flush=True)
    time.sleep(600)


def foreign_origin(request_id, headers, event):
    """Sends a request as a web page in a browser would."""
    status = runtime.exchange("POST", "/init/error", b"{}", {"Origin": "null"})[0]
    runtime.connection.close()
    runtime.respond(request_id, seen(status=status))


def wrong_requests(request_id, headers, event):
    """Sends invalid requests; returns their statuses."""
    statuses = [
        runtime.exchange("POST", "/invocation/next", b"")[0],
        runtime.exchange("GET", f"/invocation/{request_id}/response")[0],
        runtime.exchange("GET", "/nothing")[0],
        runtime.exchange("POST", f"/invocation/{request_id}/nothing", b"")[0],
        runtime.exchange("POST", "/invocation//response", b"")[0],
        runtime.exchange("DELETE", "/init/error")[0],
    ]
    runtime.respond(request_id, seen(statuses=statuses))


def print_lines(request_id, headers, event):
    line = b"y" * (event["width"] - 1) + b"\n"
    for _ in range(event["lines"]):
        os.write(1, line)
    runtime.respond(request_id, seen())


def print_raw(request_id, headers, event):
    os.write(event.get("fd", 1), event["text"].encode())
    runtime.respond(request_id, seen())


def grandchild(request_id, headers, event):
    """Leaves a process behind, in a session of its own if it is asked to be."""
    child = subprocess.Popen(
        ["sleep", "600"], start_new_session=event.get("session", False), stdin=subprocess.DEVNULL
    )
    runtime.respond(request_id, seen(child=child.pid))


def files(request_id, headers, event):
    """Makes a file in /tmp, in an unreadable folder if "locked". Returns the names found there."""
    before = sorted(os.listdir("/tmp"))
    if event.get("locked"):
        os.makedirs("/tmp/locked/inside")
        os.mknod("/tmp/locked/inside/file")
        os.chmod("/tmp/locked/inside", 0)
        os.chmod("/tmp/locked", 0)
    os.close(os.open("/tmp/" + event["name"], os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    time.sleep(event.get("seconds", 0))
    runtime.respond(request_id, seen(before=before))


def nest(request_id, headers, event):
    """Makes so many folders inside each other in /tmp, each with a file; some cannot be read."""
    os.chdir("/tmp")
    for depth in range(event["depth"]):
        os.mkdir("folder")
        os.mknod("file")
        os.symlink("/", "link")
        os.chdir("folder")
        if depth % 100 == 99:
            os.chmod("../folder", 0)
            os.chmod(".", 0o311)
    os.chdir("/")
    runtime.respond(request_id, seen())


def spy(request_id, headers, event):
    """Reads the variables of all processes it finds. Returns the log streams and the processes."""
    streams, processes = set(), [int(name) for name in os.listdir("/proc") if name.isdigit()]
    for process in processes:
        try:
            with open(f"/proc/{process}/environ", "rb") as environment:
                streams |= {
                    entry[-32:].decode()
                    for entry in environment.read().split(b"\0")
                    if entry.startswith(b"AWS_LAMBDA_LOG_STREAM_NAME=")
                }
        except OSError:
            pass
    runtime.respond(request_id, seen(streams=sorted(streams), processes=processes))


def intrude(request_id, headers, event):
    """Asks another environment's Runtime API for an invocation."""
    try:
        connection = http.client.HTTPConnection(event["address"], timeout=event.get("seconds", 20))
        connection.request("GET", PREFIX + "/nothing")
        outcome = connection.getresponse().status
    except OSError as error:
        outcome = type(error).__name__
    runtime.respond(request_id, seen(outcome=outcome))


def intrude_and_close(request_id, headers, event):
    """Sends requests to another environment's Runtime API, and closes before they are read."""
    for method, path in ("GET", "/invocation/next"), ("POST", "/init/error"):
        send(event["address"], f"{method} {PREFIX}{path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    runtime.respond(request_id, seen())


def answer_from_child(request_id, headers, event):
    """Lets a grandchild post the answer, as a shell script does with curl."""
    code = (
        "import http.client, sys; connection = http.client.HTTPConnection(sys.argv[1]);"
        "connection.request('POST', sys.argv[2], b'\"grandchild\"'); "
        "print(connection.getresponse().status)"
    )
    subprocess.run(
        [
            "sh",
            "-c",
            '"$@" | cat',
            "sh",
            sys.executable,
            "-c",
            code,
            os.environ["AWS_LAMBDA_RUNTIME_API"],
            f"{PREFIX}/invocation/{request_id}/response",
        ],
        check=True,
    )


def trickle(request_id, headers, event):
    """Answers, and goes on to send a body without end to the Runtime API, a byte at a time."""

    def send():
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                f"POST {PREFIX}/invocation/{request_id}/response HTTP/1.1\r\nHost: localhost\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
            )
            try:
                while True:
                    connection.sendall(b"1\r\nx\r\n")
                    time.sleep(0.05)
            except OSError:
                print("the body was cut", flush=True)

    threading.Thread(target=send, daemon=True).start()
    runtime.respond(request_id, seen())


def replay(request_id, headers, event):
    """Writes bytes to its output, and to the telemetry descriptor, a few at a time."""
    for fd, encoded in (1, event["output"]), (
        int(os.environ["_LAMBDA_TELEMETRY_LOG_FD"]),
        event["frames"],
    ):
        data = base64.b64decode(encoded)
        for at in range(0, len(data), 100):
            os.write(fd, data[at : at + 100])
    runtime.respond(request_id, seen())


def stop_keeper(request_id, headers, event):
    """Stops its keeper; with "again" also whenever it goes on."""
    keeper = os.getppid()
    again = f"while kill -STOP {keeper} 2>/dev/null; do :; done"
    if event.get("again"):
        subprocess.Popen(["sh", "-c", again], start_new_session=True)
    os.kill(keeper, signal.SIGSTOP)
    if event.get("exit"):
        os._exit(1)
    time.sleep(event["seconds"])
    runtime.respond(request_id, seen())


def tick(request_id, headers, event):
    """Goes on counting on a thread, every 5 milliseconds."""

    def run():
        while True:
            ticks_seen.append(1)
            time.sleep(0.005)

    threading.Thread(target=run, daemon=True).start()
    runtime.respond(request_id, seen())


def ticks(request_id, headers, event):
    time.sleep(event["seconds"])
    runtime.respond(request_id, seen(ticks=len(ticks_seen)))


def memory(request_id, headers, event):
    block = bytearray(event["mb"] * 1024 * 1024)
    for at in range(0, len(block), 4096):
        block[at] = 1
    runtime.respond(request_id, seen())


def ignore_term(request_id, headers, event):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    runtime.respond(request_id, seen())


while True:
    request_id, headers, event = runtime.next()
    count += 1
    event = json.loads(event)
    globals()[event.get("do", "echo") if isinstance(event, dict) else "echo"](
        request_id, headers, event if isinstance(event, dict) else {"value": event}
    )
