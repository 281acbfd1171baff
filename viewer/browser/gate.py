"""A viser server that answers only to those who know its token; scenes are unknown.

viser shows its page to whoever reaches the port, and any page of any site may open a WebSocket to
a port of this machine. So the token is the first part of every path, of the page's as well as of
its socket's, which the page derives from its own address.
"""

from __future__ import annotations

import contextlib
import hmac
import http
import io
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import viser
from websockets.asyncio import server as websockets_server
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from warpset.core.errors import InputError

TOKEN_BYTES = 16
LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = {"0.0.0.0", "::", ""}
ANSWER_SECONDS = 10.0

Answer = Callable[[ServerConnection, Request], Response | None]
"""Answers a request with a page; None lets a socket open."""


def kept_token(folder: Path) -> str:
    """A random token that the next run has as well, so that an open page finds its way back.

    Only the user can read it.

    Raises:
        InputError: It cannot be written.
    """
    path = folder / "token"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as stream:
                stream.write(secrets.token_urlsafe(TOKEN_BYTES))
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot keep the token of the address ({error})") from error
    if len(token) < TOKEN_BYTES:
        raise InputError(f"{path}: found no token in it; remove the file")
    return token


def start_server(host: str, port: int, token: str) -> viser.ViserServer:
    """A server on this port or the next one that is free, behind its token.

    Args:
        host: Address of this machine that it listens on.
        port: The port; 0 for any.
        token: Without it there is no answer.

    Raises:
        InputError: The address is none of this machine's, or others would get in.
    """
    _check_host(host)
    logging.getLogger("websockets").setLevel(logging.WARNING)  # it tells of every connection
    serve = websockets_server.serve

    def behind_token(*args: Any, process_request: Answer, **options: Any) -> Any:
        return serve(*args, process_request=partial(admit, token, process_request), **options)

    # viser has no way to hand in websockets' own hook for this; it prints an address of its own
    with (
        _replaced(websockets_server, "serve", behind_token),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        server = viser.ViserServer(host=host, port=port, verbose=False)
    if _answers_anyone(host, server.get_port()):
        stop_server(server)
        raise InputError(f"viser {viser.__version__}: shows its page without the token; need 1.1")
    return server


def stop_server(server: viser.ViserServer) -> None:
    """Close the port, and the sockets of pages that are open."""
    with contextlib.redirect_stdout(io.StringIO()):
        server.stop()


@contextlib.contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def admit(token: str, answer: Answer, connection: ServerConnection, request: Request) -> Any:
    """The answer to a request whose path begins with the token; otherwise a refusal."""
    path, _, query = request.path.partition("?")
    given, _, rest = path.removeprefix("/").partition("/")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return connection.respond(http.HTTPStatus.FORBIDDEN, "This address lacks its token.\n")
    response = answer(connection, replace(request, path=f"/{rest}" + (query and f"?{query}")))
    if response is not None:
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def address(host: str, port: int, token: str) -> str:
    """What to open in a browser."""
    shown = socket.gethostname() if host in EVERY_ADDRESS else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/{token}/"


def _check_host(host: str) -> None:
    """Viser tries a thousand ports where an address cannot be had."""
    try:
        family = socket.getaddrinfo(host, None)[0][0]
        with socket.socket(family) as tried:
            tried.bind((host, 0))
    except OSError as error:
        raise InputError(f"{host}: cannot listen there ({error.strerror}); use another") from error


def _answers_anyone(host: str, port: int) -> bool:
    """Whether the page is to be had without a token."""
    near = LOOPBACK if host in EVERY_ADDRESS else host
    with _connected(near, port) as stream:
        stream.write(f"GET / HTTP/1.1\r\nHost: {near}\r\n\r\n".encode())
        stream.flush()
        return b" 403 " not in stream.readline()


@contextlib.contextmanager
def _connected(host: str, port: int) -> Iterator[Any]:
    with socket.create_connection((host, port), ANSWER_SECONDS) as connection:
        yield connection.makefile("rwb")
