"""Who gets an answer from the viewer's server, and what its token is."""

import http.client
import stat
import sys

import pytest

pytest.importorskip("viser")

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from viewer.browser import gate
from viewer.browser.gate import address, kept_token, start_server, stop_server
from warpset.core.errors import InputError

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def port():
    server = start_server("127.0.0.1", 0, TOKEN)
    yield server.get_port()
    stop_server(server)


def answer(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize("path", ["/", "/index.html", "/x/", f"/{TOKEN}x/", "/?token=" + TOKEN])
def test_without_the_token_there_is_no_page(port, path):
    response, body = answer(port, path)
    assert response.status == 403 and b"token" in body and b"<html" not in body


@pytest.mark.parametrize("path", [f"/{TOKEN}", f"/{TOKEN}/", f"/{TOKEN}/?websocket=x"])
def test_the_token_is_the_first_part_of_the_path(port, path):
    response, body = answer(port, path)
    assert response.status == 200 and b"<html" in body
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_the_token_does_not_lead_out_of_the_page_folder(port):
    assert answer(port, f"/{TOKEN}/../../_viser.py")[0].status == 404


def test_a_socket_opens_with_the_token_alone(port):
    import viser

    spoken = [Subprotocol(f"viser-v{viser.__version__}")]
    with connect(f"ws://127.0.0.1:{port}/{TOKEN}", subprotocols=spoken) as socket:
        assert socket.recv(timeout=10)
    for path in ("", "/", "/wrong"):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{port}{path}", subprotocols=spoken)
        assert refused.value.response.status_code == 403


def test_a_viser_that_shows_its_page_to_anyone_is_not_started(monkeypatch):
    monkeypatch.setattr(gate, "admit", lambda _token, answer, *request: answer(*request))
    with pytest.raises(InputError, match="shows its page without the token"):
        start_server("127.0.0.1", 0, TOKEN)


def test_an_address_of_another_machine_is_said_in_one_line():
    with pytest.raises(InputError, match=r"192\.0\.2\.1: cannot listen there"):
        start_server("192.0.2.1", 0, TOKEN)


def test_the_token_is_kept_for_the_next_run_and_for_nobody_else(tmp_path):
    token = kept_token(tmp_path / "viewer")
    assert kept_token(tmp_path / "viewer") == token != kept_token(tmp_path / "other")
    assert len(token) > 20
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "viewer" / "token").stat().st_mode) == 0o600


def test_a_token_that_is_none_is_not_taken(tmp_path):
    (tmp_path / "token").write_text("")
    with pytest.raises(InputError, match="found no token in it; remove the file"):
        kept_token(tmp_path)


def test_the_address_names_a_host_that_can_be_reached():
    assert address("127.0.0.1", 80, "t") == "http://127.0.0.1:80/t/"
    assert address("::1", 80, "t") == "http://[::1]:80/t/"
    assert "0.0.0.0" not in address("0.0.0.0", 80, "t")
