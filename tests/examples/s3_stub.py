"""An S3 that answers what a test tells it to, and remembers what it was asked."""

import http.server
import threading

LIST = ('<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>7</ID>'
        '<DisplayName>me</DisplayName></Owner><Buckets>%s</Buckets></ListAllMyBucketsResult>')


def listing(*names):
    """A ListBuckets answer, as S3 writes it."""
    bucket = "<Bucket><Name>%s</Name><CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket>"
    return (LIST % "".join(bucket % name for name in names)).encode()


def error(code):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>No.</Message>'
        '<RequestId>1</RequestId></Error>'
    ).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is sent as a whole

    def log_message(self, format, *args):
        pass

    def setup(self):
        super().setup()
        self.server.stub.connections += 1

    def do_GET(self):
        stub = self.server.stub
        stub.requests.append((self.command, self.path, self.headers))
        if stub.silent:
            stub.released.wait()
            self.close_connection = True
            return
        self.send_response(stub.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(stub.body) + stub.missing_bytes))
        for name, value in stub.headers:
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = stub.hang_up or stub.missing_bytes > 0
        try:
            self.wfile.write(stub.body)
        except OSError:
            self.close_connection = True


class S3Stub:
    def __init__(self, port=0):
        self.status, self.body, self.headers = 200, listing(), []
        self.silent, self.hang_up, self.missing_bytes = False, False, 0
        self.connections, self.requests = 0, []
        self.released = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.stub = self
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
