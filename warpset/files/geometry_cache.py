"""Estimated geometry on disk, frame by frame; who estimated it, and how, it does not know.

A long scene never is in memory: an estimator puts frames in as it goes, and the frames of the
finished scene read their depth from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera
from ..core.errors import InputError
from ..core.geometry import DepthMap, FrameGeometry, PosedPhoto
from ..core.lens import Lens
from .cache import ArrayCache


class CachedScene(NamedTuple):
    """Frames in the photos' order, and what `SceneGeometry` says of them besides."""

    frames: tuple[FrameGeometry, ...]
    plan: str
    left_out: tuple[str, ...]
    cameras: str = ""


class GeometryCache:
    """The frames of one scene's geometry.

    Args:
        arrays: Where they lie.
        key: What they were made from and how, see `cache.content_key`.
    """

    def __init__(self, arrays: ArrayCache, key: str):
        self._arrays, self._key = arrays, key

    def put(self, index: int, photo: PosedPhoto, depth_map: DepthMap) -> None:
        """Keep one frame under the index of its photo in the scene."""
        frame = {
            "depth": depth_map.depth,
            **_camera_arrays("depth_", depth_map.camera),
            **_camera_arrays("photo_", photo.camera),
        }
        if depth_map.confidence is not None:
            frame["confidence"] = depth_map.confidence
        if photo.lens is not None:
            frame["lens_model"] = np.array(photo.lens.model)
            frame["lens_params"] = np.array(photo.lens.params)
            frame["lens_size_wh"] = np.array(photo.lens.size_wh)
            frame["lens_quarter_turns"] = np.array(photo.lens.quarter_turns)
        self._arrays.store(self._frame_key(index), frame)

    def finish(
        self,
        count: int,
        plan: str,
        left_out: Mapping[int, str] | None = None,
        cameras: str = "",
    ) -> None:
        """Say that all frames are in, how they were estimated, and why photos have none.

        Args:
            count: Number of photos.
            plan: See `SceneGeometry.plan`.
            left_out: Why photos, by index, have no frame.
            cameras: See `SceneGeometry.cameras`.
        """
        left_out = left_out or {}
        indices = sorted(left_out)
        self._arrays.store(
            self._key,
            {
                "count": np.array(count),
                "plan": np.array(plan),
                "cameras": np.array(cameras),
                "left_out": np.array(indices, np.intp),
                "reasons": np.array([left_out[index] for index in indices], np.str_),
            },
        )

    def load(self, photos: Sequence[Path]) -> CachedScene | None:
        """The geometry of these photos, in their order; None where it is not finished."""
        scene = self._arrays.load(self._key)
        if scene is None or scene["count"] != len(photos):
            return None
        reasons = zip(scene["left_out"].tolist(), scene["reasons"].tolist(), strict=True)
        left_out = {int(index): str(reason) for index, reason in reasons}
        frames = []
        for index, path in enumerate(photos):
            if index in left_out:
                continue
            arrays = self._arrays.load(self._frame_key(index))
            if arrays is None:
                return None
            posed = PosedPhoto(path, _camera("photo_", arrays), _lens(arrays))
            frames.append(FrameGeometry(posed, partial(self._load_depth, index)))
        lines = (f"{photos[index]}: {reason}; left out" for index, reason in left_out.items())
        cameras = str(scene.get("cameras", ""))
        return CachedScene(tuple(frames), str(scene["plan"]), tuple(lines), cameras)

    def _load_depth(self, index: int) -> DepthMap:
        arrays = self._arrays.load(self._frame_key(index))
        if arrays is None:
            raise InputError(f"{self._arrays.folder}: lost a frame while in use; run again")
        return DepthMap(arrays["depth"], arrays.get("confidence"), _camera("depth_", arrays))

    def _frame_key(self, index: int) -> str:
        return f"{self._key}-{index:06d}"


def _camera_arrays(prefix: str, camera: Camera) -> dict[str, NDArray]:
    return {
        f"{prefix}K": camera.K,
        f"{prefix}cam_from_world": camera.cam_from_world,
        f"{prefix}size_wh": np.array(camera.size_wh),
    }


def _camera(prefix: str, arrays: dict[str, NDArray]) -> Camera:
    return Camera(
        arrays[f"{prefix}K"],
        arrays[f"{prefix}cam_from_world"],
        _size(arrays[f"{prefix}size_wh"]),
    )


def _lens(arrays: dict[str, NDArray]) -> Lens | None:
    if "lens_model" not in arrays:
        return None
    params = tuple(float(value) for value in arrays["lens_params"])
    quarter_turns = int(arrays.get("lens_quarter_turns", 0))
    size_wh = _size(arrays["lens_size_wh"])
    return Lens(str(arrays["lens_model"]), params, size_wh, quarter_turns)


def _size(array: NDArray) -> tuple[int, int]:
    width, height = array
    return int(width), int(height)
