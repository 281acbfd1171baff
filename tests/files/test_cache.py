"""The cache: what goes in comes out, and nothing else does."""

import os
import tracemalloc

import numpy as np
import pytest

from warpset.core.errors import InputError
from warpset.files.cache import ArrayCache, content_key


def test_arrays_come_back_under_their_key_only(tmp_path):
    cache = ArrayCache(tmp_path / "cache")
    key = content_key(photos=["a", "b"], model="m")
    assert cache.load(key) is None
    cache.store(key, {"depth": np.eye(3, dtype=np.float32)})
    np.testing.assert_array_equal((cache.load(key) or {})["depth"], np.eye(3))
    assert cache.load(content_key(photos=["b", "a"], model="m")) is None


def test_keys_depend_on_content_not_on_order_of_naming():
    assert content_key(a=1, b=[2]) == content_key(b=[2], a=1) != content_key(a=1, b=[3])


def test_nothing_half_written_stays_when_storing_fails(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(InputError, match="cannot be written .No space left on device.*make room"):
        ArrayCache(tmp_path).store("abcd", {"x": np.zeros(3)})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def flipped(content: bytes) -> bytes:
    """The same with one bit of its middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [flipped, lambda content: content[:-40], lambda content: b"", lambda content: None]
)
def test_a_damaged_entry_is_a_miss_that_is_said_once_and_made_anew(tmp_path, caplog, damage):
    cache, arrays = ArrayCache(tmp_path), {"depth": np.arange(12.0)}
    cache.store("ab12", arrays)
    path = next(tmp_path.rglob("*.npz"))
    damaged = damage(path.read_bytes())
    if damaged is None:
        path.unlink()
        os.mkfifo(path)
    else:
        path.write_bytes(damaged)
    assert cache.load("ab12") is None and cache.load("ab12") is None
    assert len(caplog.messages) == 1 and "ab12.npz: cannot be read" in caplog.text
    cache.store("ab12", arrays)
    loaded = cache.load("ab12")
    assert loaded is not None and np.array_equal(loaded["depth"], arrays["depth"])


def test_a_file_larger_than_any_entry_is_a_miss_and_is_not_read(tmp_path, caplog):
    cache = ArrayCache(tmp_path)
    cache.store("ab12", {"depth": np.arange(12.0)})
    os.truncate(next(tmp_path.rglob("*.npz")), 19 * 2**30)
    tracemalloc.start()
    assert cache.load("ab12") is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20 and "more than 2147483648 bytes" in caplog.text
