"""The cache: what goes in comes out, and nothing else does."""

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


def test_a_damaged_entry_is_a_miss(tmp_path):
    cache = ArrayCache(tmp_path)
    cache.store("abcd", {"x": np.zeros(100)})
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:50])
    assert cache.load("abcd") is None


def test_nothing_half_written_stays_when_storing_fails(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(InputError, match="cannot be written .No space left on device.*make room"):
        ArrayCache(tmp_path).store("abcd", {"x": np.zeros(3)})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
