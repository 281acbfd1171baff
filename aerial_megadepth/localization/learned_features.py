"""Learned features and matches in a COLMAP database, whatever network they come from; no poses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pycolmap
from numpy.typing import NDArray

from warpset.files.photos import read_photo
from warpset.stereo.features import FeatureImage, add_images, verification_options, write_pairs

IMAGES_KEPT = 64


class LocalFeatures(NamedTuple):
    """The features of one image.

    Attributes:
        xy: (n, 2) float32 positions, centre of the first pixel at 0.5.
        descriptors: (n, d) float32.
    """

    xy: NDArray[np.float32]
    descriptors: NDArray[np.float32]


class LearnedFeatures(ABC):
    """A network that finds and matches features, as a `SceneFeatures`."""

    @abstractmethod
    def extract(self, rgb: NDArray[np.uint8]) -> LocalFeatures:
        """The features of a picture (h, w, 3)."""

    @abstractmethod
    def match_pair(
        self, found: Sequence[LocalFeatures], sizes_wh: Sequence[tuple[int, int]]
    ) -> NDArray[np.uint32]:
        """Matches (n, 2) of two pictures, indices of their features.

        Args:
            found: The features of both, at least one each.
            sizes_wh: The sizes of both.
        """

    def find(self, images: Sequence[FeatureImage], folder: Path, database: Path) -> None:
        """See `SceneFeatures.find`."""
        add_images(images, folder, database)
        with pycolmap.Database.open(database) as opened:
            for image in opened.read_all_images():
                found = self.extract(read_photo(folder / image.name))
                opened.write_keypoints(image.image_id, found.xy)
                # one of COLMAP's learned kinds: floats stored as bytes; which one is not looked at
                stored = pycolmap.FeatureDescriptors(
                    pycolmap.FeatureExtractorType.ALIKED_N16ROT, found.descriptors.view(np.uint8)
                )
                opened.write_descriptors(image.image_id, stored)

    def match(self, pairs: Sequence[tuple[str, str]], database: Path) -> None:
        """See `SceneFeatures.match`."""
        if not pairs:
            return
        with pycolmap.Database.open(database) as opened:
            images = {image.name: image for image in opened.read_all_images()}
            features = lru_cache(IMAGES_KEPT)(lambda key: _read_features(opened, key))
            for one, other in pairs:
                first, second = images[one], images[other]
                sizes_wh = [_size_wh(opened, image.camera_id) for image in (first, second)]
                found = [features(image.image_id) for image in (first, second)]
                matches = np.empty((0, 2), np.uint32)
                if min(len(part.xy) for part in found):
                    matches = self.match_pair(found, sizes_wh)
                opened.write_matches(first.image_id, second.image_id, matches)
        pycolmap.verify_matches(database, write_pairs(pairs, database), verification_options())


def _read_features(opened: pycolmap.Database, key: int) -> LocalFeatures:
    descriptors = np.ascontiguousarray(opened.read_descriptors(key).data).view(np.float32)
    return LocalFeatures(np.asarray(opened.read_keypoints(key), np.float32)[:, :2], descriptors)


def _size_wh(opened: pycolmap.Database, camera_id: int) -> tuple[int, int]:
    camera = opened.read_camera(camera_id)
    return camera.width, camera.height
