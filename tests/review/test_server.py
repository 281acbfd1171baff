"""The review page's server: who gets what, and that choices reach the disk."""

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from review.choices import change_choices
from review.server import MOST_BYTES
from tests.pair_builders import two_scenes
from tests.review.review_builders import page_data

pytest_plugins = ["tests.review.review_fixtures"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(review_server):
    return review_server


def ask(server, path, method="GET", body=None, **headers):
    """Status and content of an answer; headers named Content_Type and so on."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def send(server, changes, **headers):
    """Status and text of the answer to choices, sent as the page sends them."""
    usual = {
        "Origin": f"http://127.0.0.1:{server.server_port}",
        "Content_Type": "application/json",
    }
    body = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    status, content = ask(server, f"/{server.token}/choices", "POST", body, **(usual | headers))
    return status, content.decode()


def chosen(server, name):
    path = server.dataset.folder / name
    return path.read_text().splitlines()[1:] if path.exists() else None


def test_the_page_and_all_its_pictures_are_served(server):
    status, page = ask(server, f"/{server.token}/")
    assert status == 200 and b"connect-src 'self'" in page
    for name, path in server.dataset.pictures().items():
        assert ask(server, f"/{server.token}/{quote(name)}") == (200, path.read_bytes())


def test_the_server_listens_to_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/"


@pytest.mark.parametrize(
    "path", ["/", "/review.html", "/x/", "//", "/room/1_target.png", "/%2e%2e/"]
)
def test_without_the_token_there_is_nothing(server, path):
    assert ask(server, path)[0] == 404
    assert ask(server, path, "POST", b"{}")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:80", ""])
def test_under_another_name_there_is_nothing(server, host):
    assert ask(server, f"/{server.token}/", Host=host)[0] == 404
    assert send(server, {"room/1": "accept"}, Host=host)[0] == 404
    assert chosen(server, "accept.txt") is None


@pytest.mark.parametrize(
    "name",
    [
        "room/pairs.jsonl",
        "room/../garden/1_target.png",
        "..%2f..%2fetc/passwd",
        "accept.txt",
        "room",
    ],
)
def test_no_other_file_is_served(server, name):
    assert ask(server, f"/{server.token}/{name}")[0] == 404


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", ""])
def test_another_origin_cannot_choose(server, origin):
    assert send(server, {"room/1": "accept"}, Origin=origin)[0] == 403
    assert chosen(server, "accept.txt") is None


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_choices_that_any_site_could_send_are_refused(server, kind):
    assert send(server, {"room/1": "accept"}, Content_Type=kind)[0] == 415
    assert chosen(server, "accept.txt") is None


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"{", b"\xff", b'{"room/9": "accept"}', b"[" * 10**5]
)
def test_what_is_no_choice_is_refused(server, body):
    assert send(server, body)[0] == 400
    assert chosen(server, "accept.txt") is None


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "-1", "many", "²"])
def test_a_body_of_no_sensible_length_is_refused(server, length):
    assert send(server, b"{}", Content_Length=length.encode("latin-1"))[0] == 413


def test_choices_reach_the_lists_and_the_next_page(server):
    assert send(server, {"room/1": "accept", "garden/1": "reject"}) == (204, "")
    assert send(server, {"z b%&#/1": "accept", "room/1": None}) == (204, "")
    assert chosen(server, "accept.txt") == ["z b%&#/1"]
    assert chosen(server, "reject.txt") == ["garden/1"]
    assert (
        b'"choices":{"z b%\\u0026#/1":"accept","garden/1":"reject"}'
        in ask(server, f"/{server.token}/")[1]
    )


def test_many_choices_at_once_are_all_kept(server):
    keys = server.dataset.keys
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda key: send(server, {key: "accept"})[0], keys))
    assert set(answers) == {204}
    assert chosen(server, "accept.txt") == keys


def test_a_full_disk_is_said_and_keeps_the_lists(server, monkeypatch):
    send(server, {"room/1": "accept"})

    def fails(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("review.choices.write_atomically", fails)
    status, text = send(server, {"room/2": "accept"})
    assert status == 507 and "No space left on device" in text
    assert chosen(server, "accept.txt") == ["room/1"]


def test_a_list_spoilt_meanwhile_is_said(server):
    (server.dataset.folder / "accept.txt").write_bytes(b"\xff\n")
    for status, text in (send(server, {"room/1": "accept"}), ask(server, f"/{server.token}/")):
        assert status == 500 and "accept.txt: cannot be read" in str(text)


def test_a_picture_deleted_meanwhile_is_not_found(server):
    (server.dataset.folder / "room" / "1_target.png").unlink()
    assert ask(server, f"/{server.token}/room/1_target.png")[0] == 404


def test_the_script_serves_until_it_is_interrupted_and_keeps_what_was_chosen(tmp_path):
    output = two_scenes(tmp_path)
    command = [sys.executable, str(ROOT / "review_dataset.py"), str(output), "--serve", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert b'"served":true' in answer.read()
            choices = {"room/1": "accept", "garden/1": "reject"}
            change_choices(output, ["garden/1", "room/1"], choices)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    page = page_data(output)
    assert not page["served"]
    assert page["choices"] == {"room/1": "accept", "garden/1": "reject"}


def test_a_picture_that_became_a_pipe_is_not_waited_for(server):
    url, path = next(iter(server.pictures.items()))
    path.unlink()
    os.mkfifo(path)
    assert ask(server, f"/{server.token}/{url}")[0] == 404
