"""Fixtures of the tests that build pairs with a network: a cache and photos of their own."""

import pytest
from PIL import Image

from estimators import cache_folder
from tests.builders import a_photo


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Predictions are kept below the test's folder."""
    monkeypatch.setattr(cache_folder, "CACHE", tmp_path / ".cache")


@pytest.fixture
def photos(tmp_path):
    """Four photos, one of them upright."""
    scene = tmp_path / "in" / "place"
    scene.mkdir(parents=True)
    for index in range(4):
        size_wh = (60, 80) if index == 2 else (80, 60)
        Image.fromarray(a_photo(size_wh, seed=index)).save(scene / f"{index}.png")
    return scene
