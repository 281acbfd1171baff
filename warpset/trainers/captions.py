"""Captions of pairs: given, drawn from a file, told from the cameras, or a scene's own; no pixels.

A template's fields come from the two recorded cameras, see `camera_motion`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError

SCENE_PROMPT_NAME = "prompt.txt"

PARALLEL_DEG = 0.5
"""Optical axes closer to parallel than this meet too far away to circle around."""

SAME_DISTANCE = 0.02
"""Relative change of distance that is not worth a word."""

MOSTLY = 0.5
"""Share of the way in one direction that is worth a word."""


class CameraMotion(NamedTuple):
    """How the camera gets from the reference to the target.

    Attributes:
        azimuth_deg: Degrees to the right (negative: left) around the reference's vertical axis.
        elevation_deg: Degrees up (negative: down).
        closer: Share of the distance to what is looked at that is given up (negative: gained).
            Where the axes do not meet, the share of the way that leads ahead.
        rightward: Share of the way that leads right (negative: left) in the reference's view.
        upward: Share of the way that leads up (negative: down) in the reference's view.
    """

    azimuth_deg: float
    elevation_deg: float
    closer: float
    rightward: float
    upward: float

    def fields(self) -> dict[str, str]:
        """What a template may name: words, and whole degrees with a sign."""
        azimuth, elevation = round(self.azimuth_deg), round(self.elevation_deg)
        return {
            "azimuth": _turn_words(azimuth, self.rightward, ("left", "straight", "right")),
            "elevation": _turn_words(elevation, self.upward, ("down", "level", "up")),
            "distance": _distance_words(self.closer),
            "azimuth_deg": str(azimuth),
            "elevation_deg": str(elevation),
        }


def _turn_words(degrees: int, share_of_way: float, words: tuple[str, str, str]) -> str:
    """`12 degrees left`, or where nothing turns, where the way mostly leads."""
    if degrees:
        unit = "degree" if abs(degrees) == 1 else "degrees"
        return f"{abs(degrees)} {unit} {words[2] if degrees > 0 else words[0]}"
    mostly = abs(share_of_way) > MOSTLY
    return words[1 + mostly * (1 if share_of_way > 0 else -1)]


def _distance_words(closer: float) -> str:
    if abs(closer) <= SAME_DISTANCE:
        return "at the same distance"
    return "closer" if closer > 0 else "farther"


NO_MOTION = CameraMotion(0.0, 0.0, 0.0, 0.0, 0.0)
TEMPLATE_FIELDS = tuple(NO_MOTION.fields())


def camera_motion(cameras: Mapping[str, Any]) -> CameraMotion:
    """Measure the way from the reference's camera to the target's.

    Where the optical axes meet in front of both cameras, the camera circles around that point
    (the middle of the axes' shortest connection), and the angles are those of its position seen
    from there. Elsewhere (a pan, a walk) the angles are those of the view.

    Args:
        cameras: `PairRecord.cameras`; only `cam_from_world` is read.

    Raises:
        ValueError: A `cam_from_world` is no finite 4x4 matrix.
    """
    reference, target = (recorded_pose(cameras, role) for role in ("reference", "target"))
    reference_from_target = reference @ np.linalg.inv(target)
    center, axis = reference_from_target[:3, 3], reference_from_target[:3, 2]
    way = center / (float(np.linalg.norm(center)) or 1.0)
    meeting = _meeting_distances(center, axis)
    if meeting is None:
        return CameraMotion(*_angles(axis), closer=way[2], rightward=way[0], upward=-way[1])
    from_reference, from_target = meeting
    pivot = (np.array([0.0, 0.0, from_reference]) + center + from_target * axis) / 2
    seen_from_pivot = (center - pivot) * [1.0, 1.0, -1.0]
    closer = 1.0 - float(np.linalg.norm(seen_from_pivot) / np.linalg.norm(pivot))
    return CameraMotion(*_angles(seen_from_pivot), closer, rightward=way[0], upward=-way[1])


def recorded_pose(cameras: Mapping[str, Any], role: str) -> NDArray[np.float64]:
    """The (4, 4) `cam_from_world` of one of a record's cameras.

    Args:
        cameras: `PairRecord.cameras`.
        role: `reference` or `target`.

    Raises:
        ValueError: It is no finite 4x4 matrix that can be inverted.
    """
    try:
        matrix = np.asarray(cameras[role]["cam_from_world"], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the record has no camera of the {role}") from error
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or np.linalg.det(matrix) == 0:
        raise ValueError(f"the camera of the {role} is no 4x4 pose")
    return matrix


def _meeting_distances(
    center: NDArray[np.float64], axis: NDArray[np.float64]
) -> tuple[float, float] | None:
    """How far along each axis the two come closest; None where not in front of both cameras.

    The reference's axis is z through the origin; the target's is `axis` through `center`.
    """
    sine_squared = 1.0 - axis[2] ** 2
    if sine_squared < math.sin(math.radians(PARALLEL_DEG)) ** 2:
        return None
    along_target = float(axis[2] * center[2] - axis @ center) / sine_squared
    along_reference = float(center[2] + along_target * axis[2])
    nearest = float(np.linalg.norm(center)) / 2
    if nearest == 0 or min(along_reference, along_target) < nearest:
        return None
    return along_reference, along_target


def _angles(direction: NDArray[np.float64]) -> tuple[float, float]:
    """Degrees to the right and up of a direction in camera axes (x right, y down, z ahead)."""
    x, y, z = direction
    return math.degrees(math.atan2(x, z)), math.degrees(math.atan2(-y, math.hypot(x, z)))


def one_line(text: str) -> str:
    """A text without line breaks and double spaces: some trainers take each line for a caption."""
    return " ".join(text.split())


@dataclass(frozen=True)
class Prompts:
    """Where captions come from; a scene's own `prompt.txt` comes before all of these.

    Attributes:
        choices: Captions, one of which is drawn for a pair; empty where none were given.
        template: A caption with fields of `TEMPLATE_FIELDS`; None where none was given.
    """

    choices: Sequence[str] = ()
    template: str | None = None

    @property
    def are_given(self) -> bool:
        """Whether the user named any caption for all scenes."""
        return bool(self.choices or self.template)

    def caption(self, key: str, cameras: Mapping[str, Any]) -> str | None:
        """The caption of a pair, or None where none was given.

        A pair draws the choice whose hash with the pair is highest: another line in the file moves
        only the pairs that draw that line.

        Args:
            key: What names the pair.
            cameras: `PairRecord.cameras`.

        Raises:
            ValueError: The template needs cameras that the record does not have.
        """
        if self.template is not None:
            return one_line(self.template.format_map(camera_motion(cameras).fields()))
        if self.choices:
            return max(self.choices, key=lambda choice: _digest(key, choice))
        return None


def _digest(key: str, choice: str) -> bytes:
    return hashlib.sha256(f"{key}\0{choice}".encode(errors="surrogatepass")).digest()


def checked_prompt(text: str) -> str:
    """A prompt given on the command line, on one line.

    Raises:
        ValueError: It is empty.
    """
    prompt = one_line(text)
    if not prompt:
        raise ValueError("found an empty prompt, need words; leave the flag out for the default")
    return prompt


def checked_template(text: str) -> str:
    """A prompt template given on the command line.

    Raises:
        ValueError: It is empty, malformed, or names a field that there is none of.
    """
    template = checked_prompt(text)
    for _, name, specification, _ in Formatter().parse(template):
        if name is not None and (name not in TEMPLATE_FIELDS or specification):
            known = ", ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
            raise ValueError(f"found the field {name!r}, need one of {known}")
    return template


def read_prompt_file(path: Path) -> tuple[str, ...]:
    """The prompts of a file, one a line; blank lines and repetitions are left out.

    Raises:
        InputError: The file cannot be read or holds no prompt.
    """
    lines = (one_line(line) for line in _read(path).splitlines())
    prompts = tuple(dict.fromkeys(line for line in lines if line))
    if not prompts:
        raise InputError(f"{path}: found no prompt, need at least one line with words")
    return prompts


def read_scene_prompt(scene: Path) -> str | None:
    """The caption in a scene's `prompt.txt`; None where there is no such file.

    Raises:
        InputError: The file cannot be read or is empty.
    """
    path = scene / SCENE_PROMPT_NAME
    if not path.is_file():
        return None
    prompt = one_line(_read(path))
    if not prompt:
        raise InputError(f"{path}: found no words, need a caption; write one or remove the file")
    return prompt


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason}); need lines of UTF-8 text") from error
