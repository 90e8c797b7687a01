#!/usr/bin/env python3
"""A function with internal extensions. SCRIPT, a JSON list, is what it does before it asks for its
first invocation, each of them

    {"register": NAME, "events": [...], "seconds": S, "asks": N}
        registers, and asks for events on a thread: the first time after S seconds, and again S
        seconds after each event, N times altogether (without "asks": for ever)
    {"request": [METHOD, PATH, HEADERS, BODY]}
        sends it; ID in a header is the id of the last registration
    {"wait": ...}       asks for an event for the last registration, on a thread
    {"sleep": S}, {"exit": STATUS}, {"print": ...}      what they say; print: the answers so far

The answers are printed as one line: init: [[status, headers, body], ...]. The event of an
invocation does the same: {"requests": [...]}; its answer has the answers, the ids of the
extensions, and the events that they have got. At SIGTERM it says so, and works for TERM_SECONDS
before it exits."""

import http.client
import json
import os
import signal
import threading
import time

from runtime import Runtime

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
BASE = "/2020-01-01/extension"
registered = []
events = []


def send(method, path, headers, body=None):
    headers = {
        name: registered[-1] if value == "ID" else value for name, value in headers.items()
    }
    connection = http.client.HTTPConnection(API)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if path.endswith("/register") and answer.status == 200:
        registered.append(answer.headers["Lambda-Extension-Identifier"])
    return [answer.status, dict(answer.getheaders()), text]


def ask(extension_id, seconds, asks):
    while asks != 0:
        time.sleep(seconds)
        status, headers, body = send(
            "GET", BASE + "/event/next", {"Lambda-Extension-Identifier": extension_id}
        )
        events.append([status, headers, body])
        asks -= 1


def register(name, events=(), seconds=0, asks=-1):
    answer = send(
        "POST",
        BASE + "/register",
        {"Lambda-Extension-Name": name},
        json.dumps({"events": list(events)}),
    )
    start_asking(seconds, asks)
    return answer


def start_asking(seconds=0, asks=-1):
    threading.Thread(target=ask, args=(registered[-1], seconds, asks), daemon=True).start()


def show(answers):
    print("init:", json.dumps(answers), flush=True)


def do(steps):
    answers = []
    for step in steps:
        if "request" in step:
            answers.append(send(*step["request"]))
        elif "exit" in step:
            os._exit(step["exit"])
        elif "sleep" in step:
            time.sleep(step["sleep"])
        elif "wait" in step:
            start_asking()
        elif "print" in step:
            show(answers)
        else:
            step = dict(step)
            answers.append(register(step.pop("register"), **step))
    return answers


def handle(event, headers):
    answers = do(event.get("requests", []))
    return {"answers": answers, "events": events, "headers": dict(headers), "ids": registered}


def on_term(number, frame):
    print("asked to end", flush=True)
    time.sleep(float(os.environ.get("TERM_SECONDS", "0")))
    print("ended", flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, on_term)
show(do(json.loads(os.environ.get("SCRIPT", "[]"))))
Runtime().serve(handle)
