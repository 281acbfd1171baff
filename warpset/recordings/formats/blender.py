"""Blender's synthetic scenes (NeRF): `transforms_train.json`, else `_test`, else `_val`."""

from __future__ import annotations

from pathlib import Path

from ..listed_paths import existing_file
from ..recording import Reader
from .transforms_json import read_transforms

SPLITS = ("train", "test", "val")


def find_split(scene: Path) -> Path | None:
    """The scene's file of cameras, or None; where there are several splits, the first one."""
    return existing_file([scene / f"transforms_{split}.json" for split in SPLITS])


READER = Reader("Blender (NeRF synthetic)", find_split, read_transforms)
