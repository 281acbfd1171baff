"""Folders in a store: addresses, untrusted names, secrets, and one writer at a time."""

import datetime
import secrets
import time

import pytest

from tests.builders import tree
from warpset.core.errors import FolderInUseError, InputError
from warpset.files.stores import lease as lease_module
from warpset.files.stores.address import Address, place, without_secrets
from warpset.files.stores.lease import sole_writer_at
from warpset.files.stores.store import Store, StoredFile

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def address():
    """A folder of its own in memory."""
    folder = Address(f"memory://{secrets.token_hex(4)}")
    yield folder
    fs = fsspec.filesystem("memory")
    if fs.exists(f"/{folder.name}"):
        fs.rm(f"/{folder.name}", recursive=True)


def put(address: Address, name: str, content: bytes = b"x") -> None:
    fsspec.filesystem("memory").pipe_file(f"/{address.name}/{name}", content)


def test_paths_stay_paths_and_addresses_lose_their_last_slash(tmp_path):
    assert place(str(tmp_path)) == tmp_path
    assert place("s3://bucket/a/b/") == Address("s3://bucket/a/b")
    assert (Address("s3://bucket/a") / "b").name == "b"


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter22@host/file",
        "simplecache::s3://bucket/a",
        "file:///etc",
        "s3://AKIAHUNTER22:hunter22@bucket/a",
        "s3://bucket/a?X-Amz-Signature=hunter22",
        "s3://bucket/../a",
        "s3:///a",
    ],
)
def test_other_addresses_are_refused_without_showing_credentials(text):
    with pytest.raises(InputError) as refused:
        place(text)
    assert "hunter22" not in str(refused.value).lower()


def test_messages_of_libraries_lose_signatures_and_what_the_environment_hides(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter22hunter22")
    said = "GET https://u:pw@host/b?X-Amz-Signature=abc failed\nfor hunter22hunter22"
    assert without_secrets(said) == "GET https://host/b failed for ..."


def test_files_come_and_go_and_hidden_ones_stay(address, tmp_path):
    for name in ("a/1.jpg", "a/.hidden", "2.txt"):
        put(address, name, name.encode())
    store = Store(address)
    assert store.children() == (["a"], ["2.txt"])
    found = store.files()
    assert [(file.name, file.size) for file in found] == [("2.txt", 5), ("a/1.jpg", 7)]
    assert found == store.files()
    store.fetch(store.files(), tmp_path)
    assert tree(tmp_path) == {"2.txt": b"2.txt", "a/1.jpg": b"a/1.jpg"}
    put(address, "2.txt", b"other")
    changed = [now.name for now in store.files() if now not in found]
    assert changed == ["2.txt"]
    store.remove(["2.txt", "never.there"])
    (tmp_path / "3.txt").write_bytes(b"3")
    store.send(tmp_path, ["3.txt"])
    assert [file.name for file in store.files()] == ["3.txt", "a/1.jpg"]


@pytest.mark.parametrize("name", ["../out.jpg", "a/../../out.jpg", "a\\..\\out.jpg", "C:out.jpg"])
def test_a_name_that_leads_out_of_the_folder_is_refused(address, name, monkeypatch):
    store = Store(address)
    root = f"/{address.name}"
    found = {f"{root}/{name}": {"type": "file", "size": 1}}
    monkeypatch.setattr(store._fs, "find", lambda *_, **__: found)
    with pytest.raises(InputError, match="refused a file outside its folder"):
        store.files()


def test_more_than_there_is_room_for_is_not_fetched(address, tmp_path):
    with pytest.raises(InputError, match="more than there is room for"):
        Store(address).fetch([StoredFile("a", 1 << 60)], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_and_a_missing_library_are_one_line(address, monkeypatch):
    with pytest.raises(InputError, match="found nothing there"):
        Store(address / "none").children()

    def no_library(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", no_library)
    with pytest.raises(InputError, match="no library for s3://.*install the group `stores`"):
        Store(Address("s3://bucket/a"))


def test_one_writer_at_a_time(address):
    output = address / "room"
    with sole_writer_at(output) as lease:
        lease.check()
        with pytest.raises(FolderInUseError, match="another run is writing here"):
            with sole_writer_at(output):
                pass
        lease.check()  # the refused one left it alone
        with sole_writer_at(address / "street"):
            pass
    with sole_writer_at(output):
        pass
    assert Store(address).written_at(".") == {}


def test_the_lock_of_a_killed_run_counts_for_nothing_once_it_is_old(address):
    output = address / "room"
    put(address, ".room.lock.000007", b"dead")
    with pytest.raises(FolderInUseError), sole_writer_at(output):
        pass
    old = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(
        seconds=lease_module.LEASE_S + 1
    )
    fs = fsspec.filesystem("memory")
    fs.store[f"/{address.name}/.room.lock.000007"].modified = old
    with sole_writer_at(output):
        assert list(Store(address).written_at(".room.lock.")) == [".room.lock.000008"]


def test_a_lock_is_renewed_while_it_is_held_and_its_loss_is_noticed(address, monkeypatch):
    monkeypatch.setattr(lease_module, "LEASE_S", 0.2)
    with sole_writer_at(address / "room") as lease:
        (name,) = before = Store(address).written_at(".room.lock.")
        time.sleep(0.3)
        assert Store(address).written_at(".room.lock.")[name] > before[name]
        put(address, name, b"another's")
        with pytest.raises(FolderInUseError, match="taken over"):
            lease.check()
    assert Store(address).read(name) == b"another's"
