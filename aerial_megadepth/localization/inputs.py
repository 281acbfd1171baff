"""What a localization starts from: aerial frames with metric cameras, photos; no COLMAP."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from warpset.core.covisibility import small_view
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, PosedPhoto
from warpset.core.natural_order import sorted_naturally
from warpset.files.photos import upright_size

from ..earth.frames_file import read_frames
from ..megadepth.image_list import ImageList
from ..scenes.view_files import read_view
from .registration import PhotoGroup

VIEW_EXTENSIONS = (".jpg", ".exr", ".npz")


class ScenePaths(NamedTuple):
    """Where the inputs of one scene lie.

    Attributes:
        frames: The aerial frames' JSON.
        footage: Folder of the aerial frames.
        photos: Processed photos, without extension, by MegaDepth model.
    """

    frames: Path
    footage: Path
    photos: dict[str, list[Path]]

    def files(self) -> list[Path]:
        """Everything that is read."""
        photos = [photo for model in self.photos.values() for photo in model]
        return [
            self.frames,
            self.footage,
            *(with_extension(photo, kind) for photo in photos for kind in VIEW_EXTENSIONS),
        ]


def with_extension(view: Path, extension: str) -> Path:
    """One of the files of a view; its own name may hold dots."""
    return view.with_name(view.name + extension)


def scene_paths(root: Path, megadepth: Path, images: ImageList, scene: str) -> ScenePaths:
    """Where a scene's inputs lie; photos that are listed but were left out are not among them."""
    photos: dict[str, list[Path]] = {}
    for (listed_scene, model), names in images.items():
        if listed_scene == scene:
            views = [megadepth / scene / model / name for name in dict.fromkeys(names)]
            there = [view for view in views if with_extension(view, ".npz").is_file()]
            photos[model] = sorted_naturally(there)
    return ScenePaths(_frames(root, scene), _footage(root, scene), photos)


def aerial_scenes(root: Path, images: ImageList) -> set[str]:
    """Listed scenes of which preprocess_ge left frames, or at least their JSON."""
    scenes = {scene for scene, _ in images}
    return {s for s in scenes if _frames(root, s).is_file() or _footage(root, s).is_dir()}


def _frames(root: Path, scene: str) -> Path:
    return root / scene / f"{scene}.json"


def _footage(root: Path, scene: str) -> Path:
    return root / scene / "footage"


def listed_photos(images: ImageList, scene: str) -> int:
    """How many photos of a scene an image list names."""
    return sum(len(set(names)) for (listed, _), names in images.items() if listed == scene)


def read_aerial_frames(paths: ScenePaths) -> list[PosedPhoto]:
    """The aerial frames and their cameras.

    Raises:
        InputError: The JSON cannot be read, or a frame is missing or has another size.
    """
    frames = []
    for frame in read_frames(paths.frames):
        path = paths.footage / frame.name
        _check_name(path)
        size_wh = upright_size(path)
        if size_wh != frame.camera.size_wh:
            (width, height), (needed_w, needed_h) = size_wh, frame.camera.size_wh
            raise InputError(
                f"{path}: found {width}x{height} pixels, need {needed_w}x{needed_h} as in"
                f" {paths.frames.name}; run preprocess_ge again"
            )
        frames.append(PosedPhoto(path, frame.camera))
    if len(frames) < 2:
        raise InputError(f"{paths.frames}: found {len(frames)} frames, need at least 2")
    return frames


def read_photo_groups(paths: ScenePaths, problems: list[str]) -> list[PhotoGroup]:
    """The photos and their depth, by MegaDepth model; what cannot be read is a problem.

    Raises:
        InputError: No photo could be read.
    """
    groups, names = [], set()
    for views in paths.photos.values():
        new = [view for view in views if view.name not in names]
        names |= {view.name for view in new}
        groups.append(_read_group(new, problems))
    if not any(group.photos for group in groups):
        why = f"; {problems[0]}" if problems else ""
        raise InputError(
            f"{paths.frames.parent.name}: found none of its listed photos, need at least 1; run"
            f" preprocess_megadepth first{why}"
        )
    return groups


def _read_group(views: Sequence[Path], problems: list[str]) -> PhotoGroup:
    photos, depths = [], []
    for view in views:
        picture = with_extension(view, ".jpg")
        try:
            _check_name(picture)
            read = read_view(view.parent, view.name)
        except InputError as error:
            problems.append(f"{error}; photo left out")
            continue
        photos.append(PosedPhoto(picture, read.camera))
        depths.append(small_view(DepthMap(read.depth, None, read.camera)))
    return PhotoGroup(tuple(photos), tuple(depths))


def _check_name(picture: Path) -> None:
    if set(picture.name) & set(string.whitespace):
        raise InputError(
            f"{picture}: found a space in its name, which COLMAP's text cannot hold; rename it"
        )
