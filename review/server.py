"""The page over HTTP on loopback, its choices written straight to disk; no pixels, no HTML.

Whoever does not know the address gets nothing: every path starts with a random token. The page is
given under its own host name only (no DNS rebinding), and choices are taken from its own origin
only, as JSON, which no other site can send without asking first.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from warpset.core.errors import InputError
from warpset.files.json_files import open_regular

from .choices import change_choices
from .dataset import ReviewDataset

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
CHOICES_NAME = "choices"
MOST_BYTES = 1 << 24
"""Of a body: far more than choices for every pair of a large dataset."""

PICTURE_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


class ReviewServer(ThreadingHTTPServer):
    """Serves one dataset to this machine alone.

    Args:
        dataset: What is under review.
        port: Where to listen; 0 takes a free one.

    Raises:
        InputError: The port cannot be listened on.
    """

    daemon_threads = True

    def __init__(self, dataset: ReviewDataset, port: int = 0):
        self.dataset = dataset
        self.pictures = dataset.pictures()
        self.token = secrets.token_urlsafe(32)
        self.writing = threading.Lock()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise InputError(
                f"--port {port}: cannot be listened on ({error.strerror}); choose another, 0 takes "
                "a free one"
            ) from error

    @property
    def hosts(self) -> set[str]:
        """What a browser that was given our address calls us."""
        return {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    @property
    def url(self) -> str:
        """Address of the page, with the token."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in a line what went wrong with a request; a browser that hung up is no news."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            log.warning(f"a request failed ({type(error).__name__}: {error})")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "review_dataset"
    sys_version = ""
    timeout = 60

    @property
    def _review(self) -> ReviewServer:
        assert isinstance(self.server, ReviewServer), "nobody else makes this handler"
        return self.server

    def do_GET(self) -> None:
        """Send the page or one of its pictures."""
        name = self._name()
        if name == "":
            self._send_page()
        elif name in self._review.pictures:
            self._send_picture(self._review.pictures[name])
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _send_page(self) -> None:
        try:
            page = self._review.dataset.html(served=True).encode()
        except InputError as error:
            return self._send_text(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        self._send(HTTPStatus.OK, page, "text/html; charset=utf-8")

    def _send_picture(self, path: Path) -> None:
        try:
            with open_regular(path) as file:
                content = file.read()
        except OSError:
            return self._refuse(HTTPStatus.NOT_FOUND)
        kind = PICTURE_TYPES.get(path.suffix.lower(), "application/octet-stream")
        self._send(HTTPStatus.OK, content, kind)

    def do_POST(self) -> None:
        """Take choices: a JSON object of `accept`, `reject` or null by `<scene>/<pair>`."""
        if self._name() != CHOICES_NAME:
            return self._refuse(HTTPStatus.NOT_FOUND)
        if self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            return self._refuse(HTTPStatus.FORBIDDEN)
        if self.headers.get_content_type() != "application/json":
            return self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self._change(self.rfile.read(int(length)))

    def _change(self, body: bytes) -> None:
        dataset = self._review.dataset
        try:
            changes = json.loads(body)
            if not isinstance(changes, dict):
                raise ValueError("need a JSON object")
            with self._review.writing:
                change_choices(dataset.folder, dataset.keys, changes)
        except (ValueError, TypeError, RecursionError) as error:
            self._send_text(HTTPStatus.BAD_REQUEST, f"no choices ({error})")
        except InputError as error:
            self._send_text(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        except OSError as error:
            line = f"{dataset.folder}: cannot be written ({error.strerror}); make room"
            self._send_text(HTTPStatus.INSUFFICIENT_STORAGE, line)
        else:
            self._send(HTTPStatus.NO_CONTENT, b"", "text/plain")

    def _name(self) -> str | None:
        """What is asked for, relative to the page; None for whoever may not ask."""
        path = self.path.partition("?")[0]
        start, token, name = (path.split("/", 2) + ["", ""])[:3]
        knows_token = secrets.compare_digest(token.encode(), self._review.token.encode())
        if start or not knows_token or self.headers.get("Host") not in self._review.hosts:
            return None
        return unquote(name)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send_text(status, status.phrase)

    def _send_text(self, status: HTTPStatus, text: str) -> None:
        self._send(status, text.encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, content: bytes, content_type: str) -> None:
        is_picture = content_type.startswith("image/")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "private, max-age=60" if is_picture else "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep requests, whose paths hold the token, out of the terminal."""
