"""The plug-in that finds and matches a scene's features, and SIFT as the default; no poses.

A plug-in fills a COLMAP database: keypoints (centre of the first pixel at 0.5) and descriptors when
it finds, verified matches when it matches. pycolmap's own learned features are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from warpset.core.errors import InputError
from warpset.stereo.features import FeatureImage, find_features, match_pairs

SIFT, ALIKED, SUPERPOINT = "sift", "aliked", "superpoint"

LIGHTGLUE_REPOSITORY = "ETH-CVG/lightglue_superpoint"
"""SuperPoint and LightGlue together, in the layout of `transformers`."""


@dataclass(frozen=True)
class FeatureModels:
    """Where the networks of learned features are.

    Attributes:
        aliked: COLMAP's ONNX file of ALIKED, or None.
        lightglue: COLMAP's ONNX file of LightGlue for it, or None.
        superpoint: A folder of SuperPoint and LightGlue as `transformers` saves them, or their name
            on the Hugging Face Hub.
    """

    aliked: Path | None = None
    lightglue: Path | None = None
    superpoint: str = LIGHTGLUE_REPOSITORY


class SceneFeatures(Protocol):
    """Finds and matches features."""

    def find(self, images: Sequence[FeatureImage], folder: Path, database: Path) -> None:
        """Put images, their cameras and their features into a new database.

        Args:
            images: What to look at.
            folder: Where their files lie.
            database: Path of the database to make.
        """
        ...

    def match(self, pairs: Sequence[tuple[str, str]], database: Path) -> None:
        """Match pairs of images by name, and keep the matches that fit one geometry."""
        ...


class SiftFeatures:
    """SIFT on the CPU, by pycolmap."""

    def find(self, images: Sequence[FeatureImage], folder: Path, database: Path) -> None:
        """See `SceneFeatures.find`."""
        find_features(images, folder, database)

    def match(self, pairs: Sequence[tuple[str, str]], database: Path) -> None:
        """See `SceneFeatures.match`."""
        match_pairs(pairs, database)


def make_features(name: str, models: FeatureModels) -> SceneFeatures:
    """The plug-in of a name: `sift`, `aliked` or `superpoint`; SIFT needs no models.

    Raises:
        InputError: A model is not there or is no such model.
    """
    if name == SIFT:
        return SiftFeatures()
    if name == SUPERPOINT:
        from .superpoint_features import SuperPointFeatures

        return SuperPointFeatures(models.superpoint)
    named = (("--aliked_model", models.aliked), ("--lightglue_model", models.lightglue))
    for flag, path in named:
        if path is None or not path.is_file():
            raise InputError(
                f"--features {ALIKED}: found no file at {flag} {path or ''}".rstrip()
                + ", need COLMAP's aliked-n16rot.onnx and aliked-lightglue.onnx; give both files"
                f" or use --features {SIFT}"
            )
    from .onnx_features import OnnxFeatures

    assert models.aliked is not None and models.lightglue is not None
    return OnnxFeatures(models.aliked, models.lightglue)
