"""The plug-in that finds and matches a scene's features, and SIFT as the default; no poses.

A plug-in fills a COLMAP database: keypoints (centre of the first pixel at 0.5) and descriptors when
it finds, verified matches when it matches. pycolmap's own learned features are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from warpset.core.errors import InputError
from warpset.stereo.features import FeatureImage, find_features, match_pairs

SIFT, ALIKED = "sift", "aliked"


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


def make_features(name: str, extractor: Path | None, matcher: Path | None) -> SceneFeatures:
    """The plug-in of a name.

    Args:
        name: `sift` or `aliked`.
        extractor: ONNX file of ALIKED; SIFT needs none.
        matcher: ONNX file of LightGlue for it; SIFT needs none.

    Raises:
        InputError: A model is not there or is no such model.
    """
    if name == SIFT:
        return SiftFeatures()
    for flag, path in (("--aliked_model", extractor), ("--lightglue_model", matcher)):
        if path is None or not path.is_file():
            raise InputError(
                f"--features {ALIKED}: found no file at {flag} {path or ''}".rstrip()
                + ", need COLMAP's aliked-n16rot.onnx and aliked-lightglue.onnx; give both files"
                f" or use --features {SIFT}"
            )
    from .onnx_features import OnnxFeatures

    assert extractor is not None and matcher is not None
    return OnnxFeatures(extractor, matcher)
