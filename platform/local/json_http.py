"""Small HTTP services on 127.0.0.1 that speak JSON."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class JsonRequests(BaseHTTPRequestHandler):
    """Requests are not logged: who answers them logs what it does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def get(self) -> None:
        """Answer a GET; here, that there is nothing."""
        self.reply(404, {"errorType": "NotFound", "errorMessage": f"not found: {self.path}"})

    def post(self) -> None:
        """Answer a POST; here, that there is nothing."""
        self.body()
        self.get()

    def body(self) -> bytes:
        """All that was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def reply(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Answer with JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """Nothing."""


class JsonServer(ThreadingHTTPServer):
    """A thread for each connection; none of them keeps the process."""

    daemon_threads = True
    allow_reuse_address = True
