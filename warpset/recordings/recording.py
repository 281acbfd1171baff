"""What every reader of recorded geometry hands over: posed photos, depth files, and problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera
from ..core.errors import InputError
from ..core.geometry import PosedPhoto
from ..core.lens import Lens
from ..files.cache import content_key
from ..files.depth_files import MAX_PIXELS, read_levels, read_stored_depth
from ..files.photos import size_and_orientation, upright_size

FOCAL_LENGTHS, FARTHEST_CENTER = (1e-3, 1e6), 100.0
"""Shares of the longer side, beyond any lens and any cut-out. With them an angle of view is 1e-7 at
least; far beyond, it comes out as 0."""

MAX_ROTATION_ERROR = 1e-2

PANORAMA = "EQUIRECTANGULAR"
"""How nerfstudio and COLMAP call the camera model of photos of all directions."""

NONSENSE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What numbers without sense, or of another kind, make of readers that do not expect them."""

FAR_AWAY = 1000.0
"""Scene units from the origin, of which float32 still holds a ten-thousandth."""


class MaskFile(NamedTuple):
    """A gray picture that says which pixels of a photo to leave out.

    Attributes:
        path: The picture.
        keeps_white: Whether white pixels stay and black ones go (nerfstudio, COLMAP); else white
            ones go (instant-ngp).
    """

    path: Path
    keeps_white: bool = True


class RecordedFrame(NamedTuple):
    """A posed photo and the files that belong to it.

    Attributes:
        photo: The photo and its camera.
        depth_path: Depth file, which may be absent; None where none is recorded.
        unit_scale: Scene units per unit stored in it; None for the format's own default.
        key: Of what is recorded of camera and depth unit, as it stands there.
        quarter_turns: By which depth and mask are turned anticlockwise to be upright as the photo.
        mask: What to leave out of the photo; None where nothing is listed.
        confidence_path: Levels of trust in the depth, on its raster; None for fully trusted.
        confidence_step: Stored value that is one level.
        read_stored: What reads the depth file, as it is stored.
        read_confidence: What reads the levels of trust.
    """

    photo: PosedPhoto
    depth_path: Path | None
    unit_scale: float | None = None
    key: str = ""
    quarter_turns: int = 0
    mask: MaskFile | None = None
    confidence_path: Path | None = None
    confidence_step: float = 1.0
    read_stored: Callable[[Path], NDArray] = read_stored_depth
    read_confidence: Callable[[Path], NDArray] = read_levels


class Recording(NamedTuple):
    """The recorded frames of a scene.

    Attributes:
        frames: Usable frames.
        origin: Where they were recorded, relative to the scene.
        problems: Why other photos are left out, a line for each path.
        missing: What names the listed photos that are not on disk.
        world_offset: (3,) what was taken off all positions, see `near_origin`.
        format: What kind of recording it is, in a user's words.
    """

    frames: tuple[RecordedFrame, ...]
    origin: str
    problems: Mapping[Path, str]
    missing: tuple[Path, ...]
    world_offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    format: str = ""

    @property
    def shown_origin(self) -> str:
        """What messages call the place where the frames were recorded."""
        return "the recording" if self.origin == "." else self.origin

    @property
    def has_depth(self) -> bool:
        """Whether any frame has a depth file."""
        return len(self.absent_depth) < sum(f.depth_path is not None for f in self.frames)

    @property
    def absent_depth(self) -> list[Path]:
        """Depth files that are listed, but not there."""
        listed = (frame.depth_path for frame in self.frames)
        return [path for path in listed if path is not None and not path.is_file()]


def with_depth_scale(frames: Iterable[RecordedFrame], depth_scale: float) -> list[RecordedFrame]:
    """The frames, whose depth files store so many units per unit of the scene."""
    return [frame._replace(unit_scale=1.0 / depth_scale) for frame in frames]


class Reader(NamedTuple):
    """One format of recordings.

    Attributes:
        format: What users call it.
        find: The file or folder by which a scene folder is known to be one; None where it is not.
        read: The recording, given the scene folder and what `find` found in it.
    """

    format: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path, Path], Recording]


def near_origin(recording: Recording) -> Recording:
    """The recording with its first camera near the origin where it is far away from it.

    Points are float32, which holds positions of map projections (10^5 to 10^7 m) to half a metre.
    """
    if not recording.frames:
        return recording
    first = recording.frames[0].photo.camera.center_world
    if np.abs(first).max() < FAR_AWAY:
        return recording
    offset = np.round(first / FAR_AWAY) * FAR_AWAY
    frames = (frame._replace(photo=_moved(frame.photo, -offset)) for frame in recording.frames)
    return recording._replace(frames=tuple(frames), world_offset=tuple(offset.tolist()))


def _moved(photo: PosedPhoto, by: NDArray[np.floating]) -> PosedPhoto:
    cam_from_world = photo.camera.cam_from_world.copy()
    cam_from_world[:3, 3] -= cam_from_world[:3, :3] @ by
    return replace(photo, camera=replace(photo.camera, cam_from_world=cam_from_world))


def collected(
    scene: Path, origin: Path, makers: Iterable[tuple[Path, Callable[[], RecordedFrame | None]]]
) -> Recording:
    """The recording of what can be made of its frames.

    Args:
        scene: The scene's folder.
        origin: Where the frames are recorded.
        makers: A path to name each frame by, and what makes it: None where its photo is not there,
            an `InputError` where it cannot be used.
    """
    frames, problems, missing = [], {}, []
    for path, make in makers:
        try:
            frame = make()
        except InputError as error:
            problems[path] = str(error)
            continue
        except NONSENSE as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            problems[path] = f"{path}: its recorded camera makes no sense ({reason}); left out"
            continue
        if frame is None:
            missing.append(path)
        else:
            frames.append(frame)
    return Recording(tuple(frames), origin.relative_to(scene).as_posix(), problems, tuple(missing))


def recorded_frame(path: Path, lens: Lens, cam_from_world: NDArray[np.floating]) -> RecordedFrame:
    """A photo with the camera that a file records for it; no depth yet.

    Files that know nothing of EXIF (COLMAP, nerfstudio) record the camera of the stored pixels: it
    is turned with the photo. Where only the upright size fits, it is the upright photo's camera.

    Args:
        path: The photo.
        lens: As recorded.
        cam_from_world: (4, 4) pose, as recorded.

    Raises:
        InputError: See `pose_photo` and `rigid_pose`; or the photo is mirrored, which no camera is.
    """
    key = content_key(
        lens=[lens.model, lens.params, lens.size_wh], cam_from_world=cam_from_world.tolist()
    )
    turns = quarter_turns(path, lens.size_wh)
    upright = Camera(np.eye(3), rigid_pose(path, cam_from_world), lens.size_wh).turned(turns)
    photo = pose_photo(path, lens.turned(turns), upright.cam_from_world)
    return RecordedFrame(photo, None, key=key, quarter_turns=turns)


def recorded_panorama(path: Path, cam_from_world: NDArray[np.floating]) -> RecordedFrame:
    """A photo of all directions (equirectangular) with its recorded pose; no depth yet.

    Args:
        path: The photo.
        cam_from_world: (4, 4) pose of the view of its middle.

    Raises:
        InputError: The photo is unreadable, or not twice as wide as high.
    """
    width, height = size_wh = upright_size(path)
    if width != 2 * height:
        raise InputError(
            f"{path}: its camera model is {PANORAMA}, but it has {width}x{height} pixels, need "
            "twice as many in width as in height; left out"
        )
    camera = Camera(np.eye(3), rigid_pose(path, cam_from_world), size_wh)
    lens = Lens(PANORAMA, (float(width), float(height)), size_wh)
    return RecordedFrame(
        PosedPhoto(path, camera, lens), None, key=content_key(panorama=cam_from_world.tolist())
    )


def is_panorama(frame: RecordedFrame) -> bool:
    """Whether a frame is of all directions."""
    return frame.photo.lens is not None and frame.photo.lens.model == PANORAMA


def quarter_turns(path: Path, recorded_wh: tuple[int, int]) -> int:
    """By which what is recorded for a photo's stored pixels is turned anticlockwise.

    Args:
        path: The photo.
        recorded_wh: Size of what is recorded; 0 is the answer where only the upright size fits.

    Raises:
        InputError: The photo is unreadable, or mirrored by its EXIF orientation.
    """
    upright_wh, orientation = size_and_orientation(path)
    swaps_sides = orientation in (5, 6, 7, 8)
    stored_wh = (upright_wh[1], upright_wh[0]) if swaps_sides else upright_wh
    if same_aspect(upright_wh, recorded_wh) and not same_aspect(stored_wh, recorded_wh):
        return 0
    if orientation in (2, 4, 5, 7):
        raise InputError(
            f"{path}: its EXIF orientation {orientation} mirrors it, but its camera was recorded "
            "for the pixels as stored; left out, remove the tag"
        )
    return {3: 2, 6: 3, 8: 1}.get(orientation, 0)


def pose_photo(path: Path, lens: Lens, cam_from_world: NDArray[np.floating]) -> PosedPhoto:
    """A photo with its camera, both made fit for the size the photo has on disk.

    Args:
        path: The photo.
        lens: As recorded, for a size that has the photo's aspect.
        cam_from_world: (4, 4) rigid pose.

    Raises:
        InputError: The photo is unreadable, or its size contradicts the camera's.
    """
    size_wh = upright_size(path)
    if not same_aspect(size_wh, lens.size_wh):
        raise InputError(
            f"{path}: found {size_wh[0]}x{size_wh[1]} pixels, but its camera was recorded for "
            f"{lens.size_wh[0]}x{lens.size_wh[1]}; left out"
        )
    if size_wh != lens.size_wh:
        lens = lens.resized(size_wh)
    K, pinhole_size_wh = lens.pinhole()
    if not (np.isfinite(K).all() and min(K[0, 0], K[1, 1]) > 0):
        raise InputError(
            f"{path}: its recorded camera has no finite focal length above 0; left out"
        )
    if not 0 < pinhole_size_wh[0] * pinhole_size_wh[1] <= MAX_PIXELS:
        raise InputError(
            f"{path}: without its lens distortion it would have {pinhole_size_wh[0]}x"
            f"{pinhole_size_wh[1]} pixels; left out"
        )
    _check_extent(path, K, max(pinhole_size_wh))
    camera = Camera(K, cam_from_world, pinhole_size_wh)
    return PosedPhoto(path, camera, None if lens.is_pinhole else lens)


def _check_extent(path: Path, K: NDArray[np.floating], longer_side_px: int) -> None:
    """Refuse intrinsics (3, 3) with which angles of view would be lost in rounding."""
    focal_lengths, center = np.diag(K)[:2] / longer_side_px, np.abs(K[:2, 2]) / longer_side_px
    least, most = FOCAL_LENGTHS
    if not (least <= focal_lengths.min() and focal_lengths.max() <= most):
        raise InputError(
            f"{path}: its recorded focal lengths are {K[0, 0]:.3g} and {K[1, 1]:.3g} pixels, need"
            f" {least:g} to {most:g} times the longer side; left out"
        )
    if center.max() > FARTHEST_CENTER:
        raise InputError(
            f"{path}: its recorded principal point is ({K[0, 2]:.3g}, {K[1, 2]:.3g}), need at most"
            f" {FARTHEST_CENTER:g} times the longer side; left out"
        )


def same_aspect(one_wh: tuple[int, int], other_wh: tuple[int, int]) -> bool:
    """Whether one size is the other scaled, up to one pixel of rounding in the smaller one."""
    one_wh, other_wh = sorted((one_wh, other_wh))
    expected_height = other_wh[1] * one_wh[0] / other_wh[0]
    expected_width = other_wh[0] * one_wh[1] / other_wh[1]
    return abs(one_wh[1] - expected_height) <= 1 or abs(one_wh[0] - expected_width) <= 1


def rigid_pose(path: Path, cam_from_world: NDArray[np.floating]) -> NDArray[np.floating]:
    """The rotation and translation, (4, 4), that a recorded pose is but for its rounding.

    Args:
        path: The photo, for messages.
        cam_from_world: (4, 4) as recorded.

    Raises:
        InputError: A value is not finite, or the pose is no rigid motion.
    """
    if not np.isfinite(cam_from_world).all():
        raise InputError(f"{path}: its recorded pose has values that are not finite; left out")
    left, stretch, right = np.linalg.svd(cam_from_world[:3, :3])
    rotation = left @ right
    if np.abs(stretch - 1).max() > MAX_ROTATION_ERROR or np.linalg.det(rotation) < 0:
        raise InputError(f"{path}: its recorded pose is not a rotation and translation; left out")
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = rotation, cam_from_world[:3, 3]
    return rigid
