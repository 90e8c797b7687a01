#!/usr/bin/env python3
"""Answers before it has asked, and then serves: its answers are the response to the early one."""

from runtime import Runtime

runtime = Runtime()
early = runtime.respond("11111111-2222-4333-8444-555555555555", b"{}")
runtime.serve(lambda event, headers: {"status": early[0], "body": early[2].decode()})
