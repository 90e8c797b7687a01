"""A function on `scopecache local`, a slow upstream for it, and its callers; all in one event loop.

The upstream is a server that sends what it knows after a delay, and closes the connection at once
while it is down. What it knows is the time, by CLOCK_MONOTONIC, so a caller can tell how old an
answer is, whatever the function says."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import time

LISTENING = "scopecache local: listening on http://"
PATIENCE = 60  # seconds, for what should be there at once
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    pass


def now_ms():
    return time.monotonic_ns() / 1e6


class Upstream:
    """`asked` counts the requests, those that were refused too."""

    def __init__(self, delay_s):
        self.delay_s, self.is_down, self.asked = delay_s, False, 0
        self.server = self.port = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failure):
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, _reader, writer):
        self.asked += 1
        if not self.is_down:
            await asyncio.sleep(self.delay_s)
            writer.write(b"%d\n" % now_ms())
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Connection:
    """HTTP/1.1, as much of it as the local Lambda answers with."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, method, path, body=b""):
        """The status, the headers and the body."""
        self.writer.write(b"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                          % (method.encode(), path.encode(), len(body), body))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return (int(head[0].split()[1]), headers,
                await self.reader.readexactly(int(headers.get("content-length", 0))))


class Lambda:
    """One function on a local Lambda of its own. `environments` is the most there may be, or None.
    """

    def __init__(self, command, program, environments=None, **variables):
        self.command = [command, "local", "--quiet", "--timeout", "30",
                        "--function", f"function={program}"]
        if environments:
            self.command += ["--max-environments", str(environments)]
        self.variables = {name: str(value) for name, value in variables.items()}
        self.process = self.host = self.port = None
        self.unused = []

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *map(str, self.command), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, env={**os.environ, **self.variables},
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        if not line.startswith(LISTENING.encode()):
            await self.__aexit__(None, None, None)
            raise Failed(f"{' '.join(map(str, self.command))} does not start")
        self.host, _, port = line.decode().strip().removeprefix(LISTENING).rpartition(":")
        self.port = int(port)
        return self

    async def __aexit__(self, *failure):
        for connection in self.unused:
            connection.writer.close()
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()

    @contextlib.asynccontextmanager
    async def _connection(self):
        """One that is not in use. After an exception it is closed."""
        connection = self.unused.pop() if self.unused else Connection(
            *await asyncio.open_connection(self.host, self.port))
        try:
            yield connection
        except BaseException:
            connection.writer.close()
            raise
        self.unused.append(connection)

    async def invoke(self, event=None):
        """What the function answered; None when the invocation failed."""
        async with self._connection() as connection:
            status, headers, body = await connection.ask(
                "POST", "/2015-03-31/functions/function/invocations",
                json.dumps(event or {}).encode())
        if status != 200 or "x-amz-function-error" in headers:
            return None
        return json.loads(body)

    async def look(self):
        """The environments, and the figures of the function."""
        async with self._connection() as connection:
            _, _, body = await connection.ask("GET", "/_scopecache/environments")
        told = json.loads(body)
        return told["environments"], told["functions"][0]

    async def settle(self):
        """Wait until all environments are idle."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            environments, _ = await self.look()
            if all(environment["state"] == "idle" for environment in environments):
                return
            await asyncio.sleep(0.002)
        raise Failed("an environment does not become idle")
