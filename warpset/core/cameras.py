"""Pinhole cameras: projection, and one named function per foreign convention; no torch, no files.

Inside the project a camera has OpenCV axes (x right, y down, z forward), a `cam_from_world`
matrix, and a K whose pixel centres lie at +0.5: the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]

OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
UPRIGHT_WITHIN = math.cos(math.radians(30.0))
# Cameras of a world with an up axis look down or up by so much on average: 11 degrees in the
# example room. With 0 a scene seen from above would be tilted, with 45 any world is upright.

_HALF_PIXEL_BACK = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera and the raster it looks through.

    Attributes:
        K: (3, 3) intrinsics in pixels, pixel centres at +0.5, no skew.
        cam_from_world: (4, 4) rigid transform into OpenCV camera axes.
        size_wh: Width and height of the raster in pixels.
    """

    K: FloatArray
    cam_from_world: FloatArray
    size_wh: tuple[int, int]

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the raster, as arrays order them."""
        return self.size_wh[1], self.size_wh[0]

    @property
    def world_from_cam(self) -> FloatArray:
        """(4, 4) inverse of `cam_from_world`."""
        return invert_rigid(self.cam_from_world)

    @property
    def center_world(self) -> FloatArray:
        """(3,) optical centre in world units."""
        return self.world_from_cam[:3, 3]

    @property
    def fov_x(self) -> float:
        """Full horizontal field of view in radians."""
        return self._fov(0)

    @property
    def fov_y(self) -> float:
        """Full vertical field of view in radians."""
        return self._fov(1)

    def _fov(self, axis: int) -> float:
        extent, focal, center = self.size_wh[axis], self.K[axis, axis], self.K[axis, 2]
        return math.atan(center / focal) + math.atan((extent - center) / focal)

    def on_raster(self, size_wh: tuple[int, int], to_raster: FloatArray) -> Camera:
        """The same camera seen on another raster.

        Args:
            size_wh: Size of the new raster.
            to_raster: (3, 3) axis-aligned affine taking old pixel positions to new ones.
        """
        return replace(self, K=to_raster @ self.K, size_wh=size_wh)

    def resized(self, size_wh: tuple[int, int]) -> Camera:
        """The same view sampled by another number of pixels; x and y scale on their own."""
        scale_x, scale_y = size_wh[0] / self.size_wh[0], size_wh[1] / self.size_wh[1]
        return self.on_raster(size_wh, np.diag([scale_x, scale_y, 1.0]))

    def turned(self, quarter_turns: int) -> Camera:
        """The same camera held another way: its picture turns anticlockwise, as `np.rot90` does."""
        to_turned, size_wh = turned_raster(self.size_wh, quarter_turns)
        rotation = np.eye(4)
        rotation[:2, :2] = to_turned[:2, :2]
        K = to_turned @ self.K @ rotation[:3, :3].T
        return Camera(K, rotation @ self.cam_from_world, size_wh)


def turned_raster(
    size_wh: tuple[int, int], quarter_turns: int
) -> tuple[FloatArray, tuple[int, int]]:
    """What `np.rot90` does to a raster.

    Args:
        size_wh: Its size.
        quarter_turns: Anticlockwise.

    Returns:
        (3, 3) transform from old pixel positions to new ones, and the new size.
    """
    to_turned = np.eye(3)
    for _ in range(quarter_turns % 4):  # a turn takes (x, y) to (y, width - x)
        width, height = size_wh
        to_turned = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, width], [0.0, 0.0, 1.0]]) @ to_turned
        size_wh = (height, width)
    return to_turned, size_wh


def rotation_about(axis: FloatArray, angle: float) -> FloatArray:
    """(3, 3) rotation about a unit axis by radians, right-handed (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)


def up_of(cameras: Sequence[Camera]) -> tuple[float, float, float]:
    """Up of a world, as those who held its cameras took it: a direction of length one.

    The mean of the cameras' own up, or the world's axis where one is near (`UPRIGHT_WITHIN`).

    Args:
        cameras: At least one; where they cancel out, y-down is assumed.
    """
    total = -np.sum([camera.world_from_cam[:3, 1] for camera in cameras], axis=0)
    length = float(np.linalg.norm(total))
    if length < 1e-6 * len(cameras):
        return 0.0, -1.0, 0.0
    up = total / length
    axis = np.zeros(3)
    axis[np.abs(up).argmax()] = np.sign(up[np.abs(up).argmax()])
    x, y, z = (axis if up @ axis >= UPRIGHT_WITHIN else up).tolist()
    return x, y, z


def invert_rigid(transform: FloatArray) -> FloatArray:
    """Inverse of a (4, 4) rotation and translation, without the noise of a general inverse."""
    inverse = np.eye(4)
    inverse[:3, :3] = transform[:3, :3].T
    inverse[:3, 3] = -transform[:3, :3].T @ transform[:3, 3]
    return inverse


def intrinsics(focal_x: float, focal_y: float, center_x: float, center_y: float) -> FloatArray:
    """(3, 3) K from focal lengths and principal point in pixels."""
    return np.array([[focal_x, 0.0, center_x], [0.0, focal_y, center_y], [0.0, 0.0, 1.0]])


def focal_from_fov(fov: float, extent_px: float) -> float:
    """Focal length in pixels of a raster `extent_px` wide that spans `fov` radians."""
    return extent_px / (2.0 * math.tan(fov / 2.0))


def pixel_centers(size_wh: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Column positions (w,) and row positions (h,) of the pixel centres, first at 0.5."""
    return np.arange(size_wh[0]) + 0.5, np.arange(size_wh[1]) + 0.5


def project(camera: Camera, xyz_world: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixel positions (..., 2) and depths (...) of world points (..., 3).

    Points at or behind the camera get whatever position the division yields (possibly not
    finite); their depth, which is then not positive, tells.
    """
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    xyz_cam = xyz_world @ rotation.T + translation
    z = xyz_cam[..., 2]
    uv = np.empty((*z.shape, 2), np.result_type(xyz_cam, camera.K))
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in range(2):  # numpy is slow at loops over two
            uv[..., axis] = xyz_cam[..., axis] / z * camera.K[axis, axis] + camera.K[axis, 2]
    return uv, z


def unproject(camera: Camera, depth: FloatArray, first_row: int = 0) -> NDArray[np.float32]:
    """World points (h, w, 3) float32 at the pixel centres of a z-depth map (h, w).

    Of some rows of the map, from the first on, each point is to the bit what it is of them all.
    """
    columns, rows = pixel_centers(camera.size_wh)
    rows = rows[first_row : first_row + len(depth)]
    rays_x = ((columns - camera.K[0, 2]) / camera.K[0, 0]).astype(np.float32)
    rays_y = ((rows - camera.K[1, 2]) / camera.K[1, 1]).astype(np.float32)[:, None]
    z = depth.astype(np.float32, copy=False)
    xyz_cam = np.empty((*z.shape, 3), np.float32)
    np.multiply(rays_x, z, out=xyz_cam[..., 0])
    np.multiply(rays_y, z, out=xyz_cam[..., 1])
    xyz_cam[..., 2] = z
    world_from_cam = camera.world_from_cam.astype(np.float32)
    xyz_world = xyz_cam @ world_from_cam[:3, :3].T
    rows = xyz_world.reshape(len(z), 3 * z.shape[1])  # numpy adds few long rows the fastest
    rows += np.tile(world_from_cam[:3, 3], z.shape[1])
    return xyz_world


def raster_transform(source: Camera, target: Camera) -> FloatArray:
    """(3, 3) affine from pixel positions of `source` to those of `target`, one camera's rasters."""
    return target.K @ np.linalg.inv(source.K)


def share_of_raster(whole: Camera, part: Camera) -> float:
    """Share of one raster's area that another one of the same camera covers, 0..1."""
    to_whole = raster_transform(part, whole)
    ends = to_whole @ np.array([[0, part.size_wh[0]], [0, part.size_wh[1]], [1, 1]], np.float64)
    extents = np.array(whole.size_wh)
    inside = np.diff(ends[:2].clip(0, extents[:, None]))[:, 0].clip(0)
    return float(np.prod(inside / extents))


def integer_center_K(K: FloatArray) -> FloatArray:
    """(3, 3) K for pixel centres at whole numbers (OpenCV, DUSt3R) of one for centres at +0.5."""
    return _HALF_PIXEL_BACK @ K


def K_from_integer_centers(K: ArrayLike) -> FloatArray:
    """(3, 3) K for pixel centres at +0.5 of one for centres at whole numbers (OpenCV, DUSt3R)."""
    return np.linalg.inv(_HALF_PIXEL_BACK) @ np.asarray(K, np.float64)


def cam_from_world_from_opengl(world_from_cam: ArrayLike) -> FloatArray:
    """(4, 4) `cam_from_world` of an OpenGL camera-to-world matrix (`transforms.json`)."""
    return invert_rigid(np.asarray(world_from_cam, np.float64) @ OPENGL_FROM_OPENCV)


def cam_from_world_from_colmap(quaternion_wxyz: ArrayLike, translation: ArrayLike) -> FloatArray:
    """(4, 4) `cam_from_world` of COLMAP's quaternion (w, x, y, z) and translation."""
    w, x, y, z = np.asarray(quaternion_wxyz, np.float64) / np.linalg.norm(quaternion_wxyz)
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    cam_from_world[:3, 3] = translation
    return cam_from_world


def world_from_cam_from_quaternion(quaternion_xyzw: ArrayLike, position: ArrayLike) -> FloatArray:
    """(4, 4) camera-to-world matrix of a quaternion (x, y, z, w) and a position (TUM, ARKit)."""
    x, y, z, w = np.asarray(quaternion_xyzw, np.float64)
    return cam_from_world_from_colmap((w, x, y, z), position)


def opengl_view_matrix(camera: Camera) -> FloatArray:
    """(4, 4) OpenGL world-to-camera matrix (x right, y up, z backward)."""
    return OPENGL_FROM_OPENCV @ camera.cam_from_world


def opengl_projection_matrix(camera: Camera, near: float = 0.01, far: float = 1e4) -> FloatArray:
    """(4, 4) OpenGL projection whose off-centre terms carry the principal point.

    NDC x = 2u/width - 1 and y = 1 - 2v/height for a pixel position (u, v), with pixel centres
    at +0.5; see the glFrustum reference page for the depth row.
    """
    (width, height), K = camera.size_wh, camera.K
    projection = np.zeros((4, 4))
    projection[0, 0] = 2.0 * K[0, 0] / width
    projection[0, 2] = 1.0 - 2.0 * K[0, 2] / width
    projection[1, 1] = 2.0 * K[1, 1] / height
    projection[1, 2] = 2.0 * K[1, 2] / height - 1.0
    projection[2, 2] = -(far + near) / (far - near)
    projection[2, 3] = -2.0 * far * near / (far - near)
    projection[3, 2] = -1.0
    return projection
