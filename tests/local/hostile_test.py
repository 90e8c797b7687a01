"""Hostile and broken clients: each gets the answer that docs/local.md has in its table of limits,
and the next client is served."""

import contextlib
import http.client
import os
import pathlib
import re
import resource
import socket
import time
import unittest

from local_server import PATIENCE, Local, eventually

PATH = "/2015-03-31/functions/odd/invocations"
START = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = START + "Transfer-Encoding: chunked\r\n\r\n"
MB = 1024 * 1024


def sleeps(pid):
    """How often the process has gone to sleep."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[1])


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.local = cls.enterClassContext(Local(odd="odd.py"))

    def open(self, text=""):
        connection = socket.create_connection(("127.0.0.1", self.local.port), PATIENCE)
        self.addCleanup(connection.close)
        connection.sendall(text.encode())
        return connection

    def answer_to(self, text):
        """The status and body of the answer to a raw request; the server closes the connection."""
        with self.open(text) as connection:
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            body = answer.read()
            self.assertEqual(answer.getheader("Connection"), "close")
            self.assertEqual(connection.recv(1), b"")
            return answer.status, body.decode()

    def assert_closed(self, connection):
        try:
            self.assertEqual(connection.recv(1), b"")
        except ConnectionResetError:
            pass

    def assert_serves(self):
        self.assertEqual(self.local.invoke(event={"do": "text", "text": "well"}).body, b"well")

    def cpu_seconds(self):
        fields = (
            pathlib.Path(f"/proc/{self.local.process.pid}/stat")
            .read_text()
            .rpartition(")")[2]
            .split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Framing(Hostile):
    def test_a_size_line_longer_than_the_memory(self):
        # The line fills the memory of the connection, and libmicrohttpd asks to be run for ever.
        for size in (33, 64, 300):
            with self.subTest(size):
                connection = self.open(CHUNKED)
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b"5;" + b"x" * (size * 1024))
                    self.assert_serves()
        before = self.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.cpu_seconds() - before, 0.5)
        self.assert_serves()

    def test_a_trailer_longer_than_the_memory(self):
        connection = self.open(CHUNKED + "2\r\n{}\r\n0\r\n")
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"X: " + b"x" * 70 * 1024)
            self.assert_serves()
        before = self.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.cpu_seconds() - before, 0.5)

    def test_messages_that_two_parsers_could_read_differently(self):
        for head in (
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
            "Content-Length: 2\r\nContent-Length: 3\r\n",
            "Content-Length: 2\r\nContent-Length: 2\r\n",
            "Content-Length: 2\r\nTransfer-Encoding : chunked\r\n",
            "Content-Length : 2\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
            "X Y: 1\r\nContent-Length: 2\r\n",
            "Host: localhost\r\nContent-Length: 2\r\n",
        ):
            with self.subTest(head):
                status, body = self.answer_to(START + head + "\r\n{}")
                self.assertEqual(status, 400, body)
        self.assert_serves()

    def test_large_heads(self):
        long = "x" * 30000
        self.assertEqual(
            self.local.invoke(event={"do": "echo"}, headers={"X-Long": long}).status, 200
        )
        # The connection's memory also holds the head of the answer.
        tail = self.local.invoke(
            event={"do": "print_lines", "lines": 100, "width": 80},
            headers={"X-Long": long, "X-Amz-Log-Type": "Tail"},
        )
        self.assertEqual(tail.status, 200)
        self.assertGreater(len(tail.headers["X-Amz-Log-Result"]), 5000)
        self.assertEqual(self.local.invoke(headers={"X-Long": "x" * 33000}).status, 431)
        self.assertEqual(self.local.invoke(query="?q=" + "x" * 33000).status, 431)
        self.assertEqual(self.local.invoke("x" * 33000).status, 431)
        self.assertEqual(self.local.invoke(headers={"X-Long": "x" * 330000}).status, 431)


class Browsers(Hostile):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open_one = cls.enterClassContext(
            Local("--allow-origin", "http://localhost:3000", "--allow-remote", odd="odd.py")
        )

    def test_a_page(self):
        for origin in ("http://evil.example", "null", "http://localhost:3000"):
            with self.subTest(origin):
                answer = self.local.invoke(
                    event={}, headers={"Origin": origin, "Content-Type": "text/plain"}
                )
                self.assertEqual(
                    (answer.status, answer.headers["x-amzn-errortype"]),
                    (403, "AccessDeniedException"),
                )
                self.assertIn("--allow-origin", answer.json()["Message"])
                self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        self.assertEqual(self.local.function()["invocations"], 0)

    def test_dns_rebinding(self):
        for host in (
            "evil.example",
            "evil.example:80",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "localhost:80:80",
            "[::1",
            "",
            "1.2.3.4x",
        ):
            with self.subTest(host):
                self.assertIn(
                    self.local.request(
                        "GET", "/_scopecache/environments", headers={"Host": host}
                    ).status,
                    (400, 403),
                )
        for host in (
            "localhost",
            "LOCALHOST:1",
            "app.localhost:9000",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]:80",
        ):
            with self.subTest(host):
                self.assertEqual(
                    self.local.request(
                        "GET", "/_scopecache/environments", headers={"Host": host}
                    ).status,
                    200,
                )

    def test_a_runtime_api(self):
        answer = self.local.invoke(event={"do": "foreign_origin"}).json()
        self.assertEqual(answer["status"], 403)
        self.assert_serves()

    def test_allowed_origins(self):
        origin = "http://localhost:3000"
        answer = self.open_one.invoke(
            event={"do": "text", "text": "in"}, headers={"Origin": origin, "Host": "lambda.example"}
        )
        self.assertEqual((answer.status, answer.body), (200, b"in"))
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], origin)
        self.assertEqual(answer.headers["Vary"], "Origin")
        asked = self.open_one.request(
            "OPTIONS",
            PATH,
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,x-amz-date",
            },
        )
        self.assertEqual(asked.status, 204)
        self.assertEqual(asked.headers["Access-Control-Allow-Headers"], "authorization,x-amz-date")
        self.assertIn("POST", asked.headers["Access-Control-Allow-Methods"])
        self.assertEqual(
            self.open_one.invoke(event={}, headers={"Origin": "http://evil.example"}).status, 403
        )


class Patience(Hostile):
    """The time limits of docs/local.md; the tests accept that they are enforced late."""

    def test_slow_heads_and_half_closed_connections(self):
        slow = self.open(f"POST {PATH} HTT")
        half = []
        for text in (
            "",
            f"POST {PATH} HTT",
            START + "Content-Length: 10\r\n\r\n123",
            CHUNKED + "5\r\n12",
        ):
            connection = self.open(text)
            connection.shutdown(socket.SHUT_WR)
            half.append(connection)
        for connection in half:
            connection.settimeout(30)
            self.assert_closed(connection)
        slow.settimeout(60)
        self.assert_closed(slow)
        self.assert_serves()

    def test_one_that_only_ended_its_half_is_answered(self):
        body = '{"do":"sleep","seconds":2}'
        connection = self.open(START + f"Content-Length: {len(body)}\r\n\r\n{body}")
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        self.assertEqual(answer.status, 200)

    def test_a_body_that_does_not_end(self):
        self.assertEqual(self.answer_to(START + f"Content-Length: {100 * MB}\r\n\r\n")[0], 413)
        connection = self.open(CHUNKED)
        piece = f"{MB:x}\r\n".encode() + b"x" * MB + b"\r\n"
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 200:
                connection.sendall(piece)
                sent += 1
        self.assertLess(sent, 100)
        self.assert_serves()

    def test_descriptors_run_out_and_come_back(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        with Local(odd="odd.py", before_exec=limited) as local:
            self.assertEqual(local.invoke(event={"do": "text", "text": "a"}).body, b"a")
            crowd = [
                socket.create_connection(("127.0.0.1", local.port), PATIENCE) for _ in range(100)
            ]
            descriptors = pathlib.Path(f"/proc/{local.process.pid}/fd")
            eventually(lambda: len(list(descriptors.iterdir())) == 64, "the last descriptor")
            # One connection still waits to be accepted; now there are descriptors for it.
            for connection in crowd[:30]:
                connection.close()
            late = crowd[-1]
            late.settimeout(20)
            late.sendall(
                "GET /_scopecache/environments HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            )
            for connection in crowd[30:-1]:
                connection.close()
            self.assertTrue(late.recv(1))
            late.close()
            self.assertEqual(local.invoke(event={"do": "text", "text": "b"}).body, b"b")

    def test_descriptors_run_out_without_connections(self):
        # No connection ends: the descriptors were in use elsewhere for a moment.
        with Local(odd="odd.py") as local:
            pid = local.process.pid
            free = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            used = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, free[1]))
            connection = socket.create_connection(("127.0.0.1", local.port), PATIENCE)
            connection.sendall(b"GET /_scopecache/environments HTTP/1.1\r\nHost: localhost\r\n\r\n")
            # After two more sleeps it has tried to accept the connection.
            before = sleeps(pid)
            eventually(lambda: sleeps(pid) >= before + 2, "an attempt to accept")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, free)
            connection.settimeout(20)
            self.assertTrue(connection.recv(1))
            connection.close()


class Functions(Hostile):
    def test_a_content_type_longer_than_the_memory(self):
        for size, expected in (
            (1000, "x" * 1000),
            (1025, "application/octet-stream"),
            (33 * 1024, "application/octet-stream"),
        ):
            answer = self.local.invoke(event={"do": "echo", "content_type": "x" * size})
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, expected))


if __name__ == "__main__":
    unittest.main()
