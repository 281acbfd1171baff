"""Lens distortion: where a pinhole camera's pixels lie in the photo as taken; no files, no depth.

COLMAP's camera models cover what `transforms.json` and COLMAP models can say; pycolmap computes
them. COLMAP's pixel centres lie at +0.5, as ours do.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, intrinsics, pixel_centers, turned_raster
from .errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

    import pycolmap

OPENCV_MODEL = "FULL_OPENCV"
"""COLMAP's name of OpenCV's rational model: fx, fy, cx, cy, then the distortion."""

BAND_SAMPLES = 1 << 20
"""So many samples of a photo are looked up at once; each takes 56 bytes on the way."""

# Pixels by which a rational function may miss a four-term polynomial; measured over the whole
# photo. Real lenses stay a hundred times below; more would shift edges visibly.
MAX_FIT_ERROR_PX = 0.05
FIT_SAMPLES = 256


def colmap_library(needed_for: str) -> ModuleType:
    """Pycolmap.

    Args:
        needed_for: What cannot be done without it; a message starts with it.

    Raises:
        InputError: It is not installed.
    """
    try:
        import pycolmap
    except ImportError as error:
        raise InputError(
            f"{needed_for}: found no pycolmap, which has no wheel for Linux on ARM and for Intel "
            "Macs; use another system, or photos without distortion and recorded or network depth"
        ) from error
    _give_sigterm_back()
    return pycolmap


def _give_sigterm_back() -> None:
    """Put back what SIGTERM did before pycolmap was imported.

    COLMAP's log library (glog) takes SIGTERM for a crash and prints its C++ stack. It has displaced
    the handler without Python's knowledge: what `getsignal` says is what ought to be there. Only
    the main thread may say what a signal does.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


@dataclass(frozen=True)
class Lens:
    """A distorted camera, as COLMAP describes it.

    Attributes:
        model: Name of a COLMAP camera model, such as `OPENCV`.
        params: Its parameters in COLMAP's order.
        size_wh: Size of the upright photo.
        quarter_turns: By which the pixels that the parameters are for are turned anticlockwise to
            be upright.
    """

    model: str
    params: tuple[float, ...]
    size_wh: tuple[int, int]
    quarter_turns: int = 0

    @property
    def is_pinhole(self) -> bool:
        """Whether there is no distortion to remove: the photo's corners stay where they are."""
        if self._has_no_terms:
            return True
        camera = self._colmap()
        if not camera.is_perspective():
            return False
        (width, height), K = (camera.width, camera.height), _pinhole_K(camera)
        corners = np.array([[x, y] for x in (0, width) for y in (0, height)], np.float64)
        rays = np.column_stack([(corners - K[:2, 2]) / np.diag(K)[:2], np.ones(4)])
        return bool(np.allclose(np.asarray(camera.img_from_cam(rays)), corners, atol=1e-3))

    def pinhole(self) -> tuple[NDArray[np.floating], tuple[int, int]]:
        """K (3, 3) and size of a pinhole camera that sees only what the photo holds."""
        K, stored_wh = self._stored_pinhole()
        pinhole = Camera(K, np.eye(4), stored_wh).turned(self.quarter_turns)
        return pinhole.K, pinhole.size_wh

    def _stored_pinhole(self) -> tuple[NDArray[np.floating], tuple[int, int]]:
        if self._has_no_terms:
            return intrinsics(*self.params[:4]), self._stored_wh
        camera = self._colmap()
        if not self.is_pinhole:
            pycolmap = colmap_library("lens distortion")
            camera = pycolmap.undistort_camera(pycolmap.UndistortCameraOptions(), camera)
        return _pinhole_K(camera), (camera.width, camera.height)

    def photo_positions(self, camera: Camera, oversampling: int = 1) -> NDArray[np.float32]:
        """Positions (h * n, w * n, 2) in the photo of `n` times `n` samples a pixel.

        Args:
            camera: The undistorted camera on any raster.
            oversampling: Samples along each side of a pixel.
        """
        columns, rows = pixel_centers(
            (camera.size_wh[0] * oversampling, camera.size_wh[1] * oversampling)
        )
        rays = np.ones((len(rows), len(columns), 3))
        rays[..., 0] = (columns / oversampling - camera.K[0, 2]) / camera.K[0, 0]
        rays[..., 1] = ((rows / oversampling - camera.K[1, 2]) / camera.K[1, 1])[:, None]
        to_upright, _ = turned_raster(self._stored_wh, self.quarter_turns)
        turn = to_upright[:2, :2]
        rays[..., :2] = rays[..., :2] @ turn  # back to how the lens was held
        positions = np.asarray(self._colmap().img_from_cam(rays.reshape(-1, 3)))
        positions = positions @ turn.T + to_upright[:2, 2]
        return positions.astype(np.float32).reshape(*rays.shape[:2], 2)

    def turned(self, quarter_turns: int) -> Lens:
        """The same lens before the photo turned anticlockwise."""
        _, size_wh = turned_raster(self.size_wh, quarter_turns)
        return replace(
            self, size_wh=size_wh, quarter_turns=(self.quarter_turns + quarter_turns) % 4
        )

    def resized(self, size_wh: tuple[int, int]) -> Lens:
        """The same lens before a photo of another size."""
        camera, resized = self._colmap(), replace(self, size_wh=size_wh)
        camera.rescale(*resized._stored_wh)
        return replace(resized, params=tuple(camera.params))

    @property
    def _has_no_terms(self) -> bool:
        """Whether all distortion is nought, which can be told without pycolmap."""
        return self.model == OPENCV_MODEL and not any(self.params[4:])

    @property
    def _stored_wh(self) -> tuple[int, int]:
        return turned_raster(self.size_wh, -self.quarter_turns)[1]

    def _colmap(self) -> pycolmap.Camera:
        width, height = self._stored_wh
        return colmap_library("lens distortion").Camera(
            model=self.model, width=width, height=height, params=list(self.params)
        )


def _pinhole_K(camera: pycolmap.Camera) -> NDArray[np.floating]:
    return intrinsics(
        camera.focal_length_x,
        camera.focal_length_y,
        camera.principal_point_x,
        camera.principal_point_y,
    )


def opencv_lens(
    K: NDArray[np.floating], distortion: Sequence[float], size_wh: tuple[int, int]
) -> Lens:
    """OpenCV's radial and tangential distortion as a lens.

    Args:
        K: (3, 3) intrinsics of the photo.
        distortion: k1, k2, p1, p2, k3, k4, k5, k6 (OpenCV's order).
        size_wh: Size of the photo.
    """
    params = (K[0, 0], K[1, 1], K[0, 2], K[1, 2], *distortion)
    return Lens(OPENCV_MODEL, tuple(float(value) for value in params), size_wh)


def four_term_lens(
    K: NDArray[np.floating],
    radial: Sequence[float],
    tangential: Sequence[float],
    size_wh: tuple[int, int],
) -> Lens:
    """The perspective distortion of nerfstudio: 1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8, as a lens.

    No camera model of COLMAP has the fourth term; OpenCV's rational one is fitted to it.

    Args:
        K: (3, 3) intrinsics of the photo.
        radial: k1, k2, k3, k4.
        tangential: p1, p2.
        size_wh: Size of the photo.

    Raises:
        InputError: The distortion folds the photo, or no rational function comes near it.
    """
    focal, (width, height) = K[0, 0], size_wh
    corner = max(math.hypot(x - K[0, 2], y - K[1, 2]) for x in (0, width) for y in (0, height))
    radii = np.linspace(0.0, 4.0 * corner / focal, 4 * FIT_SAMPLES)
    powers = np.stack([radii ** (2 * power) for power in (1, 2, 3, 4)], axis=-1)
    factor = 1.0 + powers @ np.asarray(radial)
    reached = np.flatnonzero(radii * factor >= corner / focal)
    if not reached.size or np.any(np.diff((radii * factor)[: reached[0] + 1]) <= 0):
        raise InputError(f"its distortion k1..k4 {tuple(radial)} folds the photo onto itself")
    radii, powers, factor = (values[: reached[0] + 1] for values in (radii, powers, factor))
    system = np.hstack([powers[:, :3], -factor[:, None] * powers[:, :3]])
    fitted = np.linalg.lstsq(system, factor - 1.0, rcond=None)[0]
    rational = (1.0 + powers[:, :3] @ fitted[:3]) / (1.0 + powers[:, :3] @ fitted[3:])
    if not np.abs(radii * (rational - factor)).max() * focal <= MAX_FIT_ERROR_PX:
        raise InputError(f"its distortion k1..k4 {tuple(radial)} cannot be modelled")
    k1, k2, k3, k4, k5, k6 = fitted
    return opencv_lens(K, (k1, k2, *tangential, k3, k4, k5, k6), size_wh)


def opencv_fisheye_lens(
    K: NDArray[np.floating], distortion: Sequence[float], size_wh: tuple[int, int]
) -> Lens:
    """OpenCV's fisheye model (k1, k2, k3, k4) as a lens."""
    params = (K[0, 0], K[1, 1], K[0, 2], K[1, 2], *distortion)
    return Lens("OPENCV_FISHEYE", tuple(float(value) for value in params), size_wh)


def undistort_photo(rgb: NDArray[np.uint8], lens: Lens, camera: Camera) -> NDArray[np.uint8]:
    """The photo as the pinhole camera sees it, at the camera's size, in one sampling.

    Every pixel is the mean of the bicubic samples it covers, so shrinking does not alias.

    Args:
        rgb: (h, w, 3) photo as taken.
        lens: Its lens, for the size of `rgb`.
        camera: The undistorted camera on the wanted raster.
    """
    undistorted_focal = lens.pinhole()[0][0, 0]
    oversampling = max(1, math.ceil(undistorted_focal / camera.K[0, 0]))
    width, height = camera.size_wh
    rows = max(1, BAND_SAMPLES // (width * oversampling**2))
    bands = (_rows(camera, top, min(top + rows, height)) for top in range(0, height, rows))
    return np.concatenate([_looked_up(rgb, lens, band, oversampling) for band in bands])


def _rows(camera: Camera, top: int, bottom: int) -> Camera:
    """The camera on some rows of its raster."""
    below_top = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    return camera.on_raster((camera.size_wh[0], bottom - top), below_top)


def _looked_up(
    rgb: NDArray[np.uint8], lens: Lens, camera: Camera, oversampling: int
) -> NDArray[np.uint8]:
    positions = lens.photo_positions(camera, oversampling) - 0.5
    sampled = cv2.remap(
        rgb, positions[..., 0], positions[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(sampled, camera.size_wh, interpolation=cv2.INTER_AREA), np.uint8)
