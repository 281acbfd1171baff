"""Frames of scenes with recorded geometry, and what one truly sees of another; no renderer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from warpset.core.cameras import Camera, project, unproject
from warpset.files.pinhole_photos import read_pinhole
from warpset.recordings.registry import read_recording, recorded_geometry

Image = NDArray[np.floating]


class Frame(NamedTuple):
    """A photo (h, w, 3) uint8, its z-depth (h, w), 0 = unknown, and its camera."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    camera: Camera


def read_frames(scene: Path) -> list[Frame]:
    """The scene's frames with depth, photos on the raster of their depth."""
    recording = read_recording(scene)
    if recording is None or not recording.has_depth:
        raise SystemExit(
            f"{scene}: found no recorded depth, need it; see docs/photos-and-recordings.md"
        )
    frames = []
    for frame in recorded_geometry(recording, recording.frames).frames:
        depth_map = frame.load_depth()
        rgb = read_pinhole(frame.photo, depth_map.camera)
        frames.append(Frame(rgb, depth_map.depth, depth_map.camera))
    return frames


def looked_up(reference: Frame, target: Frame) -> tuple[Image, NDArray[np.bool_]]:
    """The limit: each target pixel's colour, bilinear, at the place its true depth says.

    Returns:
        The image, and the pixels that the reference truly sees: there the recorded depths agree
        within 2 %.
    """
    uv, z = project(reference.camera, unproject(target.camera, target.depth).astype(np.float64))
    known = (target.depth > 0) & (z > 0)
    x, y = np.moveaxis(np.where(known[..., None], uv - 0.5, -1e3).astype(np.float32), -1, 0)
    there = cv2.remap(reference.depth, x, y, cv2.INTER_NEAREST)
    color = cv2.remap(
        reference.rgb.astype(np.float32),
        x,
        y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(color, np.float32), known & (there > 0) & (np.abs(z - there) < 0.02 * there)
